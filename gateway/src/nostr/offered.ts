import { ownedKey } from '@quorate/shared/consent/permits'
import { digestOf } from '@quorate/shared/crypto/sign'
import { Refusal } from '@quorate/shared/errors'
import { NostrKey } from '@quorate/shared/nostr/keys'
import { factsOf } from '@quorate/shared/schemes/table'
import type { Book } from '@quorate/shared/wire/bunker'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Digest, GrantId, KeyId } from '@quorate/shared/wire/ids'
import type { BunkerStatus, LogRow, Waiting } from '@quorate/shared/wire/routes/bunker'
import { MAX_LOG } from '@quorate/shared/wire/routes/bunker'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { requireSound } from '../aids/approval.ts'
import { createQuota, type Quota } from '../bounds/quota.ts'
import { requireLives } from '../keys/lives.ts'
import type { ClientRequest } from '../store/bunkers.ts'
import { isAllowed } from './allowed.ts'
import { seatsOf, type Bunker } from './bunker.ts'
import type { Bunkers } from './bunkers.ts'
import { isNews, requireBook } from './books.ts'
import { bringToAll, tellAll } from './loader.ts'
import { newRecord, relaysOf, withBook, withGreeted } from './record.ts'

/** How long to wait at most for something to appear; null: not at all. */
type Wait = Readonly<{ ms: number; signal: AbortSignal }> | null

/** Of an owner: each is told to all hosts. */
const BOOKS = { most: 600, ms: 3_600_000 }
/** About so many characters a page of the log has. */
const LONGEST_PAGE = 1 << 20

type Context = Readonly<{ bunkers: Bunkers; quota: Quota; creating: Map<KeyId, Promise<Bunker>> }>

async function statusOf({ bunkers }: Context, bunker: Bunker): Promise<BunkerStatus> {
  const { hosts, keys } = bunkers.ports
  const { keyId, signer, record } = bunker
  const seats = await seatsOf(keys, keyId)
  return {
    keyId,
    signer,
    hosts: seats.map((seat) => {
      const isThere = hosts.state(seat.host) === 'ready' && bunkers.ask.isLoaded(bunker, seat)
      const standing = isThere ? bunker.standings.get(seat.host) : undefined
      return { host: seat.signKey, receipt: standing?.receipt ?? null, refused: [...(standing?.refused ?? [])] }
    }),
    books: [...record.books],
    bindings: record.bindings.map(({ binding }) => binding),
    relays: relaysOf(record).map((relay) => ({ relay, connected: bunkers.isConnected(relay) })),
  }
}

/** Once at a time for a key. Another gateway may have been first: then its signer counts. */
async function make({ bunkers }: Context, keyId: KeyId): Promise<Bunker> {
  const { keys, store } = bunkers.ports
  const { certificate } = (await keys.load(keyId)).verified
  if (factsOf(certificate.roster.skeleton.scheme).verification !== 'bip340') throw new Refusal('bunker.scheme')
  bunkers.requireRoom()
  const [seat] = await bunkers.ask.available(keyId)
  if (seat === undefined) throw new Refusal('enclave.unreachable')
  const { receipt, sealed } = await bunkers.ask.create(keyId, seat)
  const { signer } = receipt.body
  const record = newRecord(signer, Object.fromEntries(sealed.map((one) => [one.host, one.signer])))
  const version = await store.saveBunker(keyId, 0, record)
  return bunkers.add({ keyId, version, record })
}

/** Whoever asks while it is made hears of it once every host has been asked to hold it. */
async function create(context: Context, keyId: KeyId): Promise<BunkerStatus> {
  const { bunkers, creating } = context
  const begin = async () => {
    const bunker = bunkers.has(keyId) ? bunkers.of(keyId) : await make(context, keyId)
    await bringToAll(bunkers.loader, bunker)
    return bunker
  }
  const making = creating.get(keyId) ?? begin().finally(() => creating.delete(keyId))
  creating.set(keyId, making)
  return statusOf(context, await making)
}

/** A bunker of a key that there is. Rejects with `key.not_found` or `bunker.not_found`. */
async function find({ bunkers }: Context, keyId: KeyId): Promise<Bunker> {
  if (!bunkers.has(keyId)) await bunkers.ports.keys.load(keyId)
  return bunkers.of(keyId)
}

/** The book is saved, then told, then what waits is looked at in its light. */
async function putBook(context: Context, keyId: KeyId, book: Book): Promise<BunkerStatus> {
  const { bunkers, quota } = context
  const { keys, nostr } = bunkers.ports
  const bunker = await find(context, keyId)
  const { verified } = await keys.load(keyId)
  await requireBook(verified, bunker.signer, book, nostr.allowed)
  if (!isNews(bunker.record.books, book)) return statusOf(context, bunker)
  quota.spend(`${keyId}/${book.body.index}`)
  const before = relaysOf(bunker.record).join(' ')
  await bunker.change((record) => (isNews(record.books, book) ? withBook(record, book) : record))
  await tellAll(bunkers.loader, bunker, book)
  bunkers.listen()
  if (relaysOf(bunker.record).join(' ') !== before) bunkers.announce(bunker)
  void bunkers.requests.lookAgain(bunker)
  return statusOf(context, bunker)
}

async function greet(context: Context, keyId: KeyId, grant: GrantId): Promise<RouteReply<'greetClient'>> {
  const { bunkers } = context
  const bunker = await find(context, keyId)
  const [seat] = bunker.inTurn(await bunkers.ask.available(keyId))
  if (seat === undefined) throw new Refusal('enclave.unreachable')
  await bunkers.ask.ready(bunker, seat)
  const { event, relays } = await bunkers.ask.ask(bunker, seat, 'bunker.greet', { grant })
  if (!relays.every((relay) => isAllowed(bunkers.ports.nostr.allowed, relay))) throw new Refusal('relay.not_listed')
  const client = NostrKey.safeParse(event.tags.find(([name]) => name === 'p')?.[1])
  if (client.success) await bunker.change((record) => withGreeted(record, client.data, relays))
  bunkers.listen()
  bunkers.publish(bunker, event).catch(bunkers.ports.failed)
  return { relays }
}

const waitingOf = ({ event, asked, approvals }: ClientRequest): Waiting[] =>
  asked === null
    ? []
    : [
        {
          event: event.id,
          client: event.pubkey,
          owners: [...asked.owners],
          request: asked.request,
          pending: asked.pending,
          approvals: [...approvals],
          expiresAt: asked.expiresAt,
        },
      ]

async function listWaiting(context: Context, keyId: KeyId, wait: Wait): Promise<RouteReply<'listWaiting'>> {
  const { bunkers } = context
  const bunker = await find(context, keyId)
  const look = () => Promise.resolve(bunkers.requests.waiting(bunker).flatMap(({ state }) => waitingOf(state)))
  const found = wait === null ? await look() : await bunkers.changes.until(keyId, wait, look)
  return { waiting: found.slice(0, 100) }
}

/** A word on a request that names none is no owner's: a new book lets a program connect. */
async function decide(context: Context, keyId: KeyId, eventId: Digest, approval: Approval): Promise<Waiting> {
  const { bunkers } = context
  const { keys, hosts, clock } = bunkers.ports
  const bunker = await find(context, keyId)
  const { verified } = await keys.load(keyId)
  const state = await bunkers.requests.decide(bunker, eventId, approval, async ({ asked, approvals }) => {
    if (asked?.request == null) throw new Refusal('consent.invalid', [approval.body.index])
    const { request } = asked
    const own = {
      key: ownedKey(verified.certificate.roster),
      request,
      requestDigest: digestOf('request', request.body),
    }
    await requireSound(own, approval, clock())
    if (approvals.every(({ signature }) => signature !== approval.signature))
      requireLives(hosts, verified, approval.body.lives)
  })
  void bunkers.requests.retake(eventId)
  const [waiting] = waitingOf(state)
  if (waiting === undefined) throw new Refusal('request.not_found')
  return waiting
}

async function readLog(
  context: Context,
  keyId: KeyId,
  after: number | null,
  wait: Wait,
): Promise<RouteReply<'readLog'>> {
  const { bunkers } = context
  await find(context, keyId)
  const { store, signings } = bunkers.ports
  const look = () => store.loadBunkerLog(keyId, after, MAX_LOG)
  const found = wait === null ? await look() : await bunkers.changes.until(keyId, wait, look)
  const all = await Promise.all(
    found.map(async ({ at, entry, signingId }): Promise<LogRow> => {
      const receipts = signingId === null ? [] : await signings.receipts(signingId).catch(() => [])
      return { at, entry, receipts: [...receipts] }
    }),
  )
  const rows: LogRow[] = []
  let characters = 0
  // Of the newest, those are left out that do not fit; of those after a line, the later ones.
  for (const row of after === null ? all.toReversed() : all) {
    characters += JSON.stringify(row).length
    if (rows.length > 0 && characters > LONGEST_PAGE) break
    rows.push(row)
  }
  return { rows: after === null ? rows.reverse() : rows }
}

/** Who asks for what, as far as anybody may see: the page of a request shows it. */
export type Shown = Readonly<{ client: NostrKey; askedAt: number; expiresAt: number; isConnect: boolean }>

function show({ bunkers }: Context, keyId: KeyId, eventId: Digest): Shown | null {
  if (!bunkers.has(keyId)) return null
  const found = bunkers.requests.waiting(bunkers.of(keyId)).find(({ state }) => state.event.id === eventId)
  if (found?.state.asked == null) return null
  const { event, asked } = found.state
  const { expiresAt, request } = asked
  return { client: event.pubkey, askedAt: event.created_at * 1_000, expiresAt, isConnect: request === null }
}

/** What people can do with bunkers. All reject with a `Refusal`. */
export function offerBunkers(bunkers: Bunkers) {
  const quota = createQuota({ of: 'asker', ...BOOKS, clock: bunkers.ports.clock })
  const context: Context = { bunkers, quota, creating: new Map() }
  return {
    createBunker: (keyId: KeyId) => create(context, keyId),
    bunker: async (keyId: KeyId) => statusOf(context, await find(context, keyId)),
    putBook: (keyId: KeyId, book: Book) => putBook(context, keyId, book),
    greetClient: (keyId: KeyId, grant: GrantId) => greet(context, keyId, grant),
    listWaiting: (keyId: KeyId, wait: Wait) => listWaiting(context, keyId, wait),
    decideWaiting: (keyId: KeyId, eventId: Digest, approval: Approval) => decide(context, keyId, eventId, approval),
    readLog: (keyId: KeyId, after: number | null, wait: Wait) => readLog(context, keyId, after, wait),
    async attestBunker(keyId: KeyId) {
      const bunker = await find(context, keyId)
      return { signer: bunker.signer, hosts: [...(await bunkers.attest(bunker))] }
    },
    /** A request that waits; null for one that does not. */
    showRequest: (keyId: KeyId, eventId: Digest) => show(context, keyId, eventId),
    /** Where programs reach a bunker; null when there is none. */
    whereBunker: (keyId: KeyId) =>
      bunkers.has(keyId) ? { signer: bunkers.of(keyId).signer, relays: relaysOf(bunkers.of(keyId).record) } : null,
  }
}
export type OfferedBunkers = ReturnType<typeof offerBunkers>
