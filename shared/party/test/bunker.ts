import { lineageOf } from '@quorate/shared/verify/certificate'
import { sealBook } from '@quorate/shared/crypto/bunker-secrets'
import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import { sealedEvent } from '@quorate/shared/verify/client-request'
import { conversationKeyOf, decryptNip44, encryptNip44 } from '@quorate/shared/nostr/nip44'
import { digestOfSecret } from '@quorate/shared/bunker/clients'
import { Envelope } from '@quorate/shared/nostr/event'
import { NostrKey } from '@quorate/shared/nostr/keys'
import { presets, type PresetName } from '@quorate/shared/nostr/presets'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { Binding, Book, BookTerms, LogEntry, OwnerGrant, SealedSigner, Taken } from '@quorate/shared/wire/bunker'
import type { Approval } from '@quorate/shared/wire/consent'
import { GrantId } from '@quorate/shared/wire/ids'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import { loadMpc } from '@quorate/shared/mpc'
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools'
import { joinAt, loadKey, makeKey, signUnconfirmed } from './ceremony.ts'
import type { Group, Host } from './host.ts'
import type { MadeKey } from './made-key.ts'
import { random } from './people.ts'

const mpc = await loadMpc()

export const relay = 'wss://relay.example'

/** What a gateway keeps of a bunker. */
export type MadeBunker = {
  key: MadeKey
  signer: NostrKey
  /** By host's V. */
  sealed: Map<string, SealedSigner>
  books: Map<number, Book>
  bindings: Binding[]
}

export const hostAt = ({ plan }: MadeKey, index: number) => plan.hosts.get(index)!

/** The first host draws the signer's secret; nobody else has it yet. */
export async function createBunker(key: MadeKey): Promise<MadeBunker> {
  const { keyId } = key.plan.skeleton
  const { receipt, sealed } = await hostAt(key, 1).call('bunker.create', { keyId, index: 1 })
  const bySignKey = new Map(sealed.map(({ host, signer }) => [host as string, signer]))
  return { key, signer: receipt.body.signer, sealed: bySignKey, books: new Map(), bindings: [] }
}

/** Brings a host all that there is, or other books. */
export async function loadBunker(
  bunker: MadeBunker,
  index: number,
  books: readonly Book[] = [...bunker.books.values()],
): Promise<HostResult<'bunker.load'>> {
  const { key, signer, sealed, bindings } = bunker
  const host = hostAt(key, index)
  const { signKey } = host.identity
  const { keyId } = key.plan.skeleton
  const params = { keyId, index, signer, sealed: sealed.get(signKey)!, books: [...books], bindings }
  const loaded = await host.call('bunker.load', params)
  if (loaded.sealed !== null) sealed.set(signKey, loaded.sealed)
  return loaded
}

export const loadAll = async (bunker: MadeBunker): Promise<void> => {
  for (const index of bunker.key.plan.hosts.keys()) await loadBunker(bunker, index)
}

export type GrantTerms = Partial<OwnerGrant> & Readonly<{ preset?: PresetName }>

export const grantOf = ({ preset = 'everything', ...rest }: GrantTerms, now: number): OwnerGrant => ({
  id: GrantId.parse(random(8)),
  name: 'App',
  holder: { kind: 'offer', secret: digestOfSecret('s3cret'), until: now + 60_000 },
  permissions: presets[preset].permissions,
  peers: null,
  longest: null,
  dated: null,
  limits: [],
  otherwise: 'refuse',
  handsOn: false,
  expiresAt: now + 3_600_000,
  ...rest,
})

export const termsOf = (grants: readonly OwnerGrant[], change: Partial<BookTerms> = {}): BookTerms => ({
  relays: [relay],
  strangers: 'refuse',
  page: null,
  grants: [...grants],
  ...change,
})

/** An owner's next book. */
export async function writeBook(
  { key, signer, books }: MadeBunker,
  index: number,
  terms: BookTerms,
  change: Partial<Book['body']> = {},
): Promise<Book> {
  const { plan, certificate, digest } = key
  const place = {
    skeletonDigest: digestOf('skeleton', plan.skeleton),
    index,
    serial: (books.get(index)?.body.serial ?? 0) + 1,
    ...change,
  }
  const body = {
    version: { epoch: certificate.body.epoch, digest },
    signer,
    relays: [relay],
    lives: [],
    givenAt: plan.clock.now,
    sealed: sealBook(plan.sessionSecret, place, terms),
    ...place,
  }
  return signBody(plan.signers.get(index)!, 'book', body)
}

/** Each of these owners says so in its next book, and every host hears it. */
export async function grantAll(
  bunker: MadeBunker,
  terms: BookTerms,
  { owners = [1, 2, 3], ...change }: Partial<Book['body']> & Readonly<{ owners?: number[] }> = {},
): Promise<void> {
  for (const index of owners) bunker.books.set(index, await writeBook(bunker, index, terms, change))
  await loadAll(bunker)
}

/** A key with a bunker to which all owners have given these grants. */
export async function serve(key: MadeKey, terms: BookTerms): Promise<MadeBunker> {
  const bunker = await createBunker(key)
  await grantAll(bunker, terms)
  return bunker
}

/** A program with a key of its own, by nostr-tools. */
export function startProgram(bunker: MadeBunker, secretKey = generateSecretKey()) {
  const { signer, key } = bunker
  const point = mpc.secp256k1.sharedPoint(secretKey, fromHex(`02${signer}`))
  const conversation = conversationKeyOf(point.subarray(1, 33))
  let ids = 0

  function ask(method: string, params: unknown[], createdAt = Math.floor(key.plan.clock.now / 1_000)): Envelope {
    ids += 1
    const content = encryptNip44(JSON.stringify({ id: `r${ids}`, method, params }), conversation)
    const template = { kind: 24_133, created_at: createdAt, tags: [['p', signer]], content }
    return Envelope.parse(JSON.parse(JSON.stringify(finalizeEvent(template, secretKey))))
  }

  const read = ({ content }: Envelope) =>
    JSON.parse(decryptNip44(content, conversation)) as { id: string; result?: string; error?: string }

  return { secretKey, pubkey: NostrKey.parse(getPublicKey(secretKey)), ask, read }
}

export function takeAt(
  { key, signer }: MadeBunker,
  index: number,
  event: Envelope,
  consents: Approval[] = [],
  laidOut: LogEntry | null = null,
): Promise<Taken> {
  const { keyId } = key.plan.skeleton
  return hostAt(key, index).call('bunker.take', { keyId, index, signer, event, consents, laidOut, ahead: null })
}

/** Every host sees the event, as an honest gateway has it when a program connects. Gives what the first said. */
export async function connect(bunker: MadeBunker, event: Envelope): Promise<Taken> {
  const said: Taken[] = []
  for (const index of bunker.key.plan.hosts.keys()) said.push(await takeAt(bunker, index, event))
  for (const taken of said) if (taken.does === 'answer') bunker.bindings.push(...taken.bindings)
  return said[0]!
}

/** The whole way of a request that shares are needed for, by an honest gateway: the answer. */
export async function signFor(
  bunker: MadeBunker,
  event: Envelope,
  quorum = [1, 2],
  consents: Approval[] = [],
): Promise<Envelope> {
  const taken = await takeAt(bunker, quorum[0]!, event, consents)
  if (taken.does !== 'sign') throw new Error(`the host does ${taken.does}`)
  const asked = { request: taken.request, sealedItems: [sealedEvent(event)] }
  const signed = await signUnconfirmed(bunker.key, asked, consents, quorum)
  return (await joinAt(bunker.key, quorum[0]!, signed)).answer!
}

export const lineageOfKey = ({ certificate }: MadeKey) => lineageOf(certificate.body)

export const note = {
  kind: 1,
  created_at: Math.floor(Date.now() / 1_000),
  tags: [['t', 'x']],
  content: 'gm "☀" \n',
}

/** A key that signs what Nostr needs, whose shares are open. */
export async function keyFor(group: Group<Host>): Promise<MadeKey> {
  const key = await makeKey(group, { content: ['nostr-event', 'ecdh'] })
  await loadKey(key)
  return key
}

/** A bunker with one program that has connected. */
export async function connectedTo(group: Group<Host>, terms: GrantTerms = {}) {
  const bunker = await serve(await keyFor(group), termsOf([grantOf(terms, group.clock.now)]))
  const program = startProgram(bunker)
  const taken = await connect(bunker, program.ask('connect', [bunker.signer, 's3cret']))
  return { bunker, program, taken, user: NostrKey.parse(bunker.key.certificate.body.groupKey) }
}

export function answerOf(taken: Taken): Envelope {
  if (taken.does === 'sign' || taken.answer === null) throw new Error(`no answer: ${taken.does}`)
  return taken.answer
}
