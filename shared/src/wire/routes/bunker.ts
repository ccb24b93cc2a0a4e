import * as z from 'zod/mini'
import { mostParticipants } from '../../schemes/table.ts'
import { NostrKey } from '../../nostr/keys.ts'
import { Relays, RelayUrl } from '../../nostr/relays.ts'
import { Binding, Book, BunkerReceipt, LogEntry } from '../bunker.ts'
import { Approval } from '../consent.ts'
import { AttestedIdentity } from '../identity.ts'
import { Base64url, Digest, GrantId, Index, KeyId, SignKey, Time } from '../ids.ts'
import { SigningReceipt, SigningRequest } from '../signing.ts'
import { Failure } from '../status.ts'
import { none, ofEnclaves, route, Wait, wholeNumber } from './route.ts'

/** How a host stands to a bunker. `receipt`: what it holds; null for one that cannot be reached now. `refused`: see `bunker.load`. */
const BunkerHost = z.strictObject({
  host: SignKey,
  receipt: z.nullable(BunkerReceipt),
  refused: z.array(z.strictObject({ index: Index, code: Failure.shape.code })),
})

/** `relays`: those that any book names, and whether the gateway listens there now. */
export const BunkerStatus = z.strictObject({
  keyId: KeyId,
  signer: NostrKey,
  hosts: z.array(BunkerHost),
  books: z.array(Book),
  bindings: z.array(Binding),
  relays: z.array(z.strictObject({ relay: RelayUrl, connected: z.boolean() })),
})
export type BunkerStatus = z.infer<typeof BunkerStatus>

/** A request that waits for its owners. `pending`: a `PendingRequest` under the session secret. `request`: what is approved; null: a new book is. */
export const Waiting = z.strictObject({
  event: Digest,
  client: NostrKey,
  owners: z.array(Index),
  request: z.nullable(SigningRequest),
  pending: Base64url,
  approvals: z.array(Approval),
  expiresAt: Time,
})
export type Waiting = z.infer<typeof Waiting>

/** A line of the log with the receipts of the signing that it led to. `at`: where it stands, ascending. */
export const LogRow = z.strictObject({ at: z.int(), entry: LogEntry, receipts: z.array(SigningReceipt) })
export type LogRow = z.infer<typeof LogRow>

export const MAX_LOG = 200

const failures = ['key.not_found', 'bunker.not_found'] as const

/** The bunker of a key (NIP-46): what its owners say, what programs wait for, and what was done. */
export const bunkerRoutes = {
  createBunker: route({
    method: 'post',
    path: '/keys/{keyId}/bunker',
    summary: 'Have the hosts of a key draw the key of its NIP-46 signer; the one that is there, if there is one',
    wants: 'reader',
    repeatable: true,
    query: none,
    body: z.strictObject({}),
    reply: BunkerStatus,
    errors: ['key.not_found', 'bound.reached', 'bunker.scheme', ...ofEnclaves],
  }),
  getBunker: route({
    method: 'get',
    path: '/keys/{keyId}/bunker',
    summary: 'What hosts, owners and programs have said of the bunker of a key',
    wants: 'reader',
    query: none,
    body: null,
    reply: BunkerStatus,
    errors: failures,
  }),
  putBook: route({
    method: 'post',
    path: '/keys/{keyId}/bunker/books',
    summary: 'Give, narrow and take back grants: the newest book of an owner counts, and is told to every host at once',
    wants: 'nobody',
    repeatable: true,
    query: none,
    body: Book,
    reply: BunkerStatus,
    errors: [...failures, 'book.invalid', 'book.stale', 'relay.not_listed', 'bound.reached', 'session.conflict'],
  }),
  greetClient: route({
    method: 'post',
    path: '/keys/{keyId}/bunker/greet',
    summary: 'Answer a program that showed a nostrconnect URI, by a grant that names it',
    wants: 'reader',
    repeatable: true,
    query: none,
    body: z.strictObject({ grant: GrantId }),
    reply: z.strictObject({ relays: Relays }),
    errors: [...failures, 'grant.unknown', 'relay.not_listed', ...ofEnclaves],
  }),
  listWaiting: route({
    method: 'get',
    path: '/keys/{keyId}/bunker/waiting',
    summary: "Requests of programs that wait for their owners' word; waits for one to appear",
    wants: 'reader',
    query: z.strictObject({ wait: z.optional(Wait) }),
    body: null,
    reply: z.strictObject({ waiting: z.array(Waiting).check(z.maxLength(100)) }),
    errors: failures,
  }),
  decideWaiting: route({
    method: 'post',
    path: '/keys/{keyId}/bunker/waiting/{eventId}',
    summary: "Approve or reject a program's request",
    wants: 'nobody',
    repeatable: true,
    query: none,
    body: Approval,
    reply: Waiting,
    errors: [...failures, 'request.not_found', 'consent.invalid', 'consent.expired', 'session.conflict'],
  }),
  readLog: route({
    method: 'get',
    path: '/keys/{keyId}/bunker/log',
    summary: 'What programs have asked for and what became of it, the newest last; waits for a line after `after`',
    wants: 'reader',
    query: z.strictObject({ after: z.optional(wholeNumber), wait: z.optional(Wait) }),
    body: null,
    reply: z.strictObject({ rows: z.array(LogRow).check(z.maxLength(MAX_LOG)) }),
    errors: failures,
  }),
  attestBunker: route({
    method: 'get',
    path: '/keys/{keyId}/bunker/attestation',
    summary: 'What each host of the key holds of the bunker, with a document that proves the host',
    wants: 'nobody',
    query: none,
    body: null,
    reply: z.strictObject({
      signer: NostrKey,
      hosts: z
        .array(z.strictObject({ receipt: BunkerReceipt, attested: AttestedIdentity }))
        .check(z.maxLength(mostParticipants)),
    }),
    errors: [...failures, ...ofEnclaves],
  }),
} as const
