import { digestOfSecret, type Bound, type Bunker } from '../../src/bunker/clients.ts'
import { NostrKey } from '../../src/nostr/keys.ts'
import { noMetadata } from '../../src/nostr/metadata.ts'
import type { Method, Params, Request } from '../../src/nostr/methods.ts'
import { presets, type PresetName } from '../../src/nostr/presets.ts'
import type { OwnerGrant } from '../../src/wire/bunker.ts'
import { GrantId } from '../../src/wire/ids.ts'

const hex = (number: number): string => number.toString(16).padStart(64, '0')

export const keyOf = (number: number): NostrKey => NostrKey.parse(hex(number))
export const [signer, user, ann, bob] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)] as const

/** ms, and the same in seconds. */
export const now = 1_800_000_000_000
export const today = now / 1_000

export const idOf = (number: number): GrantId => GrantId.parse(number.toString(16).padStart(16, '0'))

export const grantOf = (name: PresetName, change: Partial<OwnerGrant> = {}): OwnerGrant => ({
  id: idOf(1),
  name: 'App',
  holder: { kind: 'client', client: ann, greeting: null },
  permissions: presets[name].permissions,
  peers: null,
  longest: null,
  dated: null,
  limits: [],
  otherwise: 'refuse',
  handsOn: false,
  expiresAt: now + 1_000_000,
  ...change,
})

export const offering = (secret = 's3cret', until = now + 60_000): Pick<OwnerGrant, 'holder'> => ({
  holder: { kind: 'offer', secret: digestOfSecret(secret), until },
})

/** A bunker whose book has these grants. */
export const bunkerOf = (
  grants: readonly OwnerGrant[],
  bound: readonly (readonly [GrantId, Bound])[] = [],
  strangers: 'ask' | 'refuse' = 'refuse',
): Bunker => ({
  signer,
  user,
  terms: { relays: ['wss://relay.example'], strangers, page: null, grants: [...grants] },
  bound: new Map(bound),
})

export const empty = bunkerOf([])

/** A bunker with Ann as its client. */
export const withAnn = (grant = grantOf('notes')): Bunker => bunkerOf([grant])

const requestOf = <M extends Method>(method: M, params: Params<M>): Request => ({ id: 'a1', method, params }) as Request

export const connect = (secret: string | null, changes: Partial<Params<'connect'>> = {}): Request =>
  requestOf('connect', { signer, secret, permissions: [], metadata: noMetadata, ...changes })
export const signEvent = (kind: number, author: NostrKey | null = null, createdAt = today): Request =>
  requestOf('sign_event', { event: { kind, content: 'gm', tags: [], created_at: createdAt }, author })
export const cipher = (method: 'nip44_encrypt' | 'nip44_decrypt' | 'nip04_encrypt' | 'nip04_decrypt'): Request =>
  requestOf(method, { peer: bob, message: 'gm' })
export const plain = (method: 'ping' | 'get_public_key' | 'switch_relays' | 'logout'): Request =>
  requestOf(method, null)
