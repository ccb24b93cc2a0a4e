import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import { Refusal } from '../errors.ts'
import { toHex, toUtf8 } from '../wire/bytes.ts'
import { Digest, Time } from '../wire/ids.ts'
import type { Envelope } from './event.ts'
import { NostrKey } from './keys.ts'
import { Metadata } from './metadata.ts'
import type { Request } from './methods.ts'
import { Permissions } from './permissions.ts'
import { blank, Memory, remember, stalenessOf, since, trim, type Arrival, type Staleness } from './replay.ts'

/** What a client may have done, and what becomes of the rest: its owner is asked each time, or it is refused. */
const Terms = z.strictObject({ permissions: Permissions, otherwise: z.enum(['ask', 'refuse']) })
export type Terms = z.infer<typeof Terms>

/** A secret that has not been used, by its digest, and what its client will get. Times in ms. */
const Offer = z.strictObject({ secret: Digest, terms: Terms, expiresAt: Time })

/** A client of the signer, until it logs out or the owner ends it. `secret`: the digest of the one that it came with. */
const Session = z.strictObject({ terms: Terms, secret: Digest.nullable(), metadata: Metadata, since: Time })
export type Session = Readonly<z.infer<typeof Session>>

/**
 * All that a signer knows of its clients, as it is stored. `signer` is the key that clients write to, `user` the one that signs for
 * them. `strangers`: what becomes of a client that connects without a secret. Memories outlast sessions.
 */
export const Bunker = z.strictObject({
  signer: NostrKey,
  user: NostrKey,
  strangers: z.enum(['ask', 'refuse']),
  offers: z.array(Offer).readonly(),
  sessions: z.record(NostrKey, Session).readonly(),
  memories: z.record(NostrKey, Memory).readonly(),
})
export type Bunker = Readonly<z.infer<typeof Bunker>>

export const mostSessions = 512
export const mostOffers = 64
/** Events of all clients that are remembered at once: some 10 MB. */
export const mostRemembered = 65_536

export const createBunker = (of: Pick<Bunker, 'signer' | 'user' | 'strangers'>): Bunker => ({
  signer: of.signer,
  user: of.user,
  strangers: of.strangers,
  offers: [],
  sessions: {},
  memories: {},
})

export const digestOfSecret = (secret: string): Digest => toHex(sha256(toUtf8(secret))) as Digest

export const sessionOf = ({ sessions }: Bunker, client: NostrKey): Session | null => sessions[client] ?? null

/** The offer of a secret, also of one that is over. */
export const offerOf = ({ offers }: Bunker, secret: string) => {
  const digest = digestOfSecret(secret)
  return offers.find((offer) => offer.secret === digest) ?? null
}

export const isFull = ({ sessions }: Bunker): boolean => Object.keys(sessions).length >= mostSessions

/** Who a request is from, and the event that brought it. */
export type Origin = Arrival & Readonly<{ client: NostrKey }>

export const originOf = ({ id, pubkey, created_at }: Envelope): Origin => ({
  id,
  client: pubkey,
  createdAt: created_at,
})

/**
 * Makes a secret good for one client. Offers that are over make room. The same state for a secret that is offered, or was used by a client
 * that is still here. `expiresAt` and `now` in ms. Throws `nostr.full`.
 */
export function offer(bunker: Bunker, secret: string, terms: Terms, expiresAt: number, now: number): Bunker {
  const open = bunker.offers.filter((one) => now < one.expiresAt)
  const digest = digestOfSecret(secret)
  const known = [...open, ...Object.values(bunker.sessions)].some((one) => one.secret === digest)
  if (known) return bunker
  if (open.length >= mostOffers) throw new Refusal('nostr.full')
  return { ...bunker, offers: [...open, { secret: digest, terms, expiresAt }] }
}

type Beginning = Readonly<{ terms: Terms; metadata: Metadata; secret: Digest | null; memory: Memory }>

function begin(bunker: Bunker, client: NostrKey, { terms, metadata, secret, memory }: Beginning, now: number): Bunker {
  const session = bunker.sessions[client]
  if (session === undefined && isFull(bunker)) throw new Refusal('nostr.full')
  return {
    ...bunker,
    sessions: { ...bunker.sessions, [client]: { terms, secret, metadata, since: session?.since ?? now } },
    memories: { ...current(bunker, now), [client]: memory },
  }
}

/** Without what is remembered of clients that have gone, once it is too old to matter. */
const current = ({ sessions, memories }: Bunker, now: number): Bunker['memories'] =>
  Object.fromEntries(
    Object.entries(memories).filter(([client, { seen }]) => {
      const last = seen.at(-1)
      return (
        client in sessions ||
        (last !== undefined && stalenessOf(blank, { id: last[1], createdAt: last[0] }, now) === null)
      )
    }),
  )

const memoryOf = ({ memories }: Bunker, client: NostrKey): Memory => memories[client] ?? blank

/** The owner takes in a client, of a `nostrconnect://` URI or one that asked. `now` in ms. Throws `nostr.full`. */
export const welcome = (bunker: Bunker, client: NostrKey, terms: Terms, metadata: Metadata, now: number): Bunker =>
  begin(bunker, client, { terms, metadata, secret: null, memory: memoryOf(bunker, client) }, now)

/** The owner changes what a client may do. The same state for one that has no session. */
export function setTerms(bunker: Bunker, client: NostrKey, terms: Terms): Bunker {
  const session = sessionOf(bunker, client)
  return session === null ? bunker : { ...bunker, sessions: { ...bunker.sessions, [client]: { ...session, terms } } }
}

/** Ends a session. What was remembered of its events stays, so that none of them comes again. */
export function endSession(bunker: Bunker, client: NostrKey): Bunker {
  const { [client]: ended, ...sessions } = bunker.sessions
  return ended === undefined ? bunker : { ...bunker, sessions }
}

/**
 * The state after a request that `decide` allowed on this very state: a secret is used up by its first client, and `logout` ends the
 * session. Whoever keeps the state saves this before it answers a `connect`.
 */
export function afterAllowed(bunker: Bunker, origin: Origin, request: Request, now: number): Bunker {
  if (request.method === 'logout') return endSession(bunker, origin.client)
  if (request.method !== 'connect' || request.params.secret === null) return bunker
  const used = offerOf(bunker, request.params.secret)
  if (used === null) return bunker
  const { terms, secret } = used
  const known = since(memoryOf(bunker, origin.client), origin)
  const memory = stalenessOf(known, origin, now) === null ? remember(known, origin, now) : known
  const { metadata } = request.params
  const begun = begin(bunker, origin.client, { terms, secret, metadata, memory }, now)
  return { ...begun, offers: bunker.offers.filter((one) => one !== used) }
}

/**
 * Is this event new? Then it is remembered, if its client has a session. A repeated one gets its answer again, and no act. The rest is
 * refused. The same state for whatever is not new. `now` in ms.
 */
export function admit(
  bunker: Bunker,
  origin: Origin,
  now: number,
): Readonly<{ bunker: Bunker; stale: Staleness | null }> {
  const { client } = origin
  const memory = memoryOf(bunker, client)
  const stale = stalenessOf(memory, origin, now)
  if (stale !== null || !(client in bunker.sessions)) return { bunker, stale }
  return {
    bunker: withRoom({ ...bunker, memories: { ...bunker.memories, [client]: remember(memory, origin, now) } }),
    stale,
  }
}

/** Who has most remembered loses a quarter of it, when all have too much. */
function withRoom(bunker: Bunker): Bunker {
  const all = Object.entries(bunker.memories) as [NostrKey, Memory][]
  if (all.reduce((sum, [, { seen }]) => sum + seen.length, 0) <= mostRemembered) return bunker
  const [client, memory] = all.reduce((most, one) => (one[1].seen.length > most[1].seen.length ? one : most))
  return { ...bunker, memories: { ...bunker.memories, [client]: trim(memory, Math.floor(memory.seen.length * 0.75)) } }
}
