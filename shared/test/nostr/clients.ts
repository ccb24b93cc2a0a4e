import { NostrKey } from '../../src/nostr/keys.ts'
import { noMetadata } from '../../src/nostr/metadata.ts'
import type { Method, Params, Request } from '../../src/nostr/methods.ts'
import { presets, type PresetName } from '../../src/nostr/presets.ts'
import { createBunker, welcome, type Bunker, type Origin, type Terms } from '../../src/nostr/sessions.ts'
import type { Digest } from '../../src/wire/ids.ts'

const hex = (number: number): string => number.toString(16).padStart(64, '0')

export const keyOf = (number: number): NostrKey => NostrKey.parse(hex(number))
export const [signer, user, ann, bob] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)] as const

/** ms, and the same in seconds. */
export const now = 1_800_000_000_000
export const today = now / 1_000

export const empty = createBunker({ signer, user, strangers: 'refuse' })

export const termsOf = (name: PresetName, otherwise: Terms['otherwise'] = 'refuse'): Terms => ({
  permissions: presets[name].permissions,
  otherwise,
})

/** A bunker with Ann as its client. */
export const withAnn = (terms = termsOf('notes')): Bunker => welcome(empty, ann, terms, noMetadata, now)

export const from = (client: NostrKey, id = 1, createdAt = today): Origin => ({
  client,
  id: hex(id) as Digest,
  createdAt,
})

const requestOf = <M extends Method>(method: M, params: Params<M>): Request => ({ id: 'a1', method, params }) as Request

export const connect = (secret: string | null, changes: Partial<Params<'connect'>> = {}): Request =>
  requestOf('connect', { signer, secret, permissions: [], metadata: noMetadata, ...changes })
export const signEvent = (kind: number, author: NostrKey | null = null): Request =>
  requestOf('sign_event', { event: { kind, content: 'gm', tags: [], created_at: today }, author })
export const cipher = (method: 'nip44_encrypt' | 'nip44_decrypt' | 'nip04_encrypt' | 'nip04_decrypt'): Request =>
  requestOf(method, { peer: bob, message: 'gm' })
export const plain = (method: 'ping' | 'get_public_key' | 'switch_relays' | 'logout'): Request =>
  requestOf(method, null)
