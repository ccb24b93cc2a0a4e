import * as z from 'zod/mini'
import { mostParticipants } from '../schemes/table.ts'
import { Text } from '../contents/content.ts'
import { ContentTypes } from '../contents/table.ts'
import { Envelope } from '../nostr/event.ts'
import { HandOn } from '../nostr/hand-on.ts'
import { NostrKey } from '../nostr/keys.ts'
import { Metadata } from '../nostr/metadata.ts'
import { Permissions } from '../nostr/permissions.ts'
import { Relays } from '../nostr/relays.ts'
import { Consent } from './consent.ts'
import { Base64url, Digest, GrantId, Index, LifeIds, SignKey, Time, UserId, oneEach } from './ids.ts'
import { AttestedIdentity, Life } from './identity.ts'
import { Item } from './content.ts'
import { Version } from './recall.ts'
import { signed } from './signed.ts'
import { Partial, SigningRequest, StockCommitment } from './signing.ts'

/** At most `count` signatures, or messages, in any window of `seconds`. Ten years are as long as a grant lasts. */
export const Limit = z.strictObject({
  count: z.int().check(z.minimum(1), z.maximum(1_000_000)),
  seconds: z.int().check(z.minimum(1), z.maximum(315_360_000)),
})
export type Limit = z.infer<typeof Limit>

/**
 * Whom a grant is for. `client`: a program with this key; `greeting`: what it waits for, when it showed a `nostrconnect://` URI. `offer`:
 * the first program that says this secret before `until` (ms). `askers`: participants of the key, over REST.
 */
const Holder = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('client'),
    client: NostrKey,
    greeting: z.nullable(z.strictObject({ secret: Text.check(z.minLength(1), z.maxLength(256)), relays: Relays })),
  }),
  z.strictObject({ kind: z.literal('offer'), secret: Digest, until: Time }),
  z.strictObject({
    kind: z.literal('askers'),
    askers: z.array(UserId).check(z.minLength(1), z.maxLength(32)),
    content: ContentTypes,
  }),
])

/**
 * What an owner lets somebody do with the own share. Null lifts a condition. `peers`: with whom messages are exchanged. `longest`: of an
 * event's content or a message, in characters. `dated`: how far an event's date may be from now, in seconds. `otherwise`: what
 * becomes of the rest.
 */
export const OwnerGrant = z.strictObject({
  id: GrantId,
  name: Text.check(z.maxLength(64)),
  holder: Holder,
  permissions: Permissions,
  peers: z.nullable(z.array(NostrKey).check(z.maxLength(256))),
  longest: z.nullable(z.int().check(z.minimum(0), z.maximum(1_048_576))),
  dated: z.nullable(z.strictObject({ before: z.int().check(z.minimum(0)), after: z.int().check(z.minimum(0)) })),
  limits: z.array(Limit).check(z.maxLength(4)),
  otherwise: z.enum(['ask', 'refuse']),
  /** May a program hand a part of it on to another? */
  handsOn: z.boolean(),
  expiresAt: Time,
})
export type OwnerGrant = z.infer<typeof OwnerGrant>

/** Programs of one owner, together with open offers. */
export const MAX_GRANTS = 256

/** What an owner says in a book, in clear. `relays`: where programs are to be, of all at which the gateway listens. `page`: where clients send their user for a yes; the request's name is added to it. */
export const BookTerms = z.strictObject({
  relays: Relays,
  strangers: z.enum(['ask', 'refuse']),
  page: z.nullable(z.url({ protocol: /^https?$/ }).check(z.maxLength(256))),
  grants: z.array(OwnerGrant).check(z.maxLength(MAX_GRANTS)),
})
export type BookTerms = z.infer<typeof BookTerms>

/**
 * Characters of a sealed book at most: about 170,000 bytes of terms, so that no book has as many grants as all of them could be long.
 * All else in it is shorter than 28 KiB in JSON, also where each character of a relay needs six, and a request of 256 KiB has room for both.
 */
export const MAX_SEALED_BOOK = (256 - 28) << 10

/**
 * All grants of a share's owner, by the auth key over H(book, body). The one with the highest serial counts, and no other: so grants are given,
 * narrowed and taken back. `version`: of the key, as the owner knows it; `lives`: of the key's hosts, so that one that has restarted
 * knows that this was said since then. `sealed`: the terms under the session secret.
 */
export const Book = signed(
  z.strictObject({
    skeletonDigest: Digest,
    index: Index,
    serial: z.int().check(z.minimum(1), z.maximum(2_147_483_647)),
    version: Version,
    signer: NostrKey,
    relays: Relays,
    sealed: Base64url.check(z.maxLength(MAX_SEALED_BOOK)),
    lives: LifeIds,
    givenAt: Time,
  }),
)
export type Book = z.infer<typeof Book>

/** A program that came with the secret of an offer, or one that has logged out: what a host of the key has seen, under V. */
export const Binding = signed(
  z.strictObject({
    lineage: Digest,
    /** Of the grant, or of the act by which another program handed a part of its own on. */
    grant: GrantId,
    client: NostrKey,
    since: Time,
    ended: z.boolean(),
    handOn: z.nullable(HandOn),
  }),
)
export type Binding = z.infer<typeof Binding>

/** What a host holds of the bunker of a key, under V: the signer's secret, and these books. */
export const BunkerReceipt = signed(
  z.strictObject({
    lineage: Digest,
    signer: NostrKey,
    life: Life,
    books: z
      .array(z.strictObject({ index: Index, serial: z.int(), digest: Digest }))
      .check(z.maxLength(mostParticipants)),
    saidAt: Time,
  }),
)
export type BunkerReceipt = z.infer<typeof BunkerReceipt>

/** A host that holds the secret of a signer: what it says under V, with the document that proves V. */
export const BunkerAttestation = z.strictObject({ receipt: BunkerReceipt, attested: AttestedIdentity })
export type BunkerAttestation = z.infer<typeof BunkerAttestation>

/** The signer's secret as a host keeps it. `from`: the host that sealed it, by V. */
export const SealedSigner = z.strictObject({ from: SignKey, sealed: Base64url.check(z.maxLength(1_024)) })
export type SealedSigner = z.infer<typeof SealedSigner>

/**
 * One line of a host's log, under V, in the order of `seq` within a life, each naming the one before: none can be left out between two.
 * `sealed`: a `LogLine` under the session secret.
 */
export const LogEntry = signed(
  z.strictObject({
    lineage: Digest,
    life: Life,
    seq: z.int().check(z.minimum(0)),
    previous: z.nullable(Digest),
    at: Time,
    sealed: Base64url.check(z.maxLength(65_536)),
  }),
)
export type LogEntry = z.infer<typeof LogEntry>

/** What one owner's book says of a request: the rule that decided, on what, and of each rule before it the first unmet condition. */
export const Judgement = z.strictObject({
  index: Index,
  does: z.enum(['allow', 'ask', 'refuse']),
  rule: Text.check(z.maxLength(64)),
  grant: z.nullable(GrantId),
  observed: Text.check(z.maxLength(256)),
  passed: z.array(z.strictObject({ rule: Text, unmet: Text, observed: Text })).check(z.maxLength(32)),
})
export type Judgement = z.infer<typeof Judgement>

/**
 * What was asked, and what became of it. `wish`: as permissions are written. `signed`: by the host that opened the event first, which had others sign;
 * `took_part`: by a host whose share took part.
 */
export const LogLine = z.strictObject({
  event: Digest,
  client: NostrKey,
  wish: Text.check(z.maxLength(256)),
  peer: z.nullable(NostrKey),
  outcome: z.enum(['answered', 'signed', 'took_part', 'asked', 'refused']),
  code: z.nullable(Text.check(z.maxLength(64))),
  judgements: z.array(Judgement).check(z.maxLength(mostParticipants)),
  metadata: z.nullable(Metadata),
})
export type LogLine = z.infer<typeof LogLine>

/**
 * A request that waits for a yes, in clear: what a person reads before it. `item`: what would be signed; null for a connection. `message`: what
 * would be encrypted, of so many characters; `text` has the first ones alone where it is long.
 */
export const PendingRequest = z.strictObject({
  event: Digest,
  client: NostrKey,
  method: Text.check(z.maxLength(64)),
  wish: Text.check(z.maxLength(256)),
  metadata: z.nullable(Metadata),
  item: z.nullable(Item),
  message: z.nullable(
    z.strictObject({ text: Text.check(z.maxLength(4_096)), characters: z.int().check(z.minimum(0)) }),
  ),
  askedAt: Time,
  expiresAt: Time,
})
export type PendingRequest = z.infer<typeof PendingRequest>

/** What the first attempt at a request signs, where all of its hosts have committed ahead. */
export const StockPackage = z.strictObject({
  consents: oneEach(Consent),
  commitments: oneEach(StockCommitment).check(z.minLength(1)),
})
export type StockPackage = z.infer<typeof StockPackage>

/** A host's partial for that, and the line of its log that says so. */
export const PartialAhead = z.strictObject({ partial: Partial, entry: LogEntry })
export type PartialAhead = z.infer<typeof PartialAhead>

/**
 * What becomes of a client's event. `answer`: that is published. `sign`: shares are needed, of these owners, who permit it; the answer
 * comes with the signing. `ask`: the client is sent to a page, if a book names one, and these owners are asked; `request` is what they approve.
 */
export const Taken = z.discriminatedUnion('does', [
  z.strictObject({
    does: z.literal('answer'),
    answer: Envelope,
    entry: LogEntry,
    bindings: z.array(Binding).check(z.maxLength(128)),
  }),
  z.strictObject({
    does: z.literal('sign'),
    request: SigningRequest,
    willing: z.array(Index).check(z.maxLength(mostParticipants)),
    entry: LogEntry,
    ahead: z.nullable(PartialAhead),
  }),
  z.strictObject({
    does: z.literal('ask'),
    answer: z.nullable(Envelope),
    entry: LogEntry,
    owners: z.array(Index).check(z.maxLength(mostParticipants)),
    request: z.nullable(SigningRequest),
    pending: Base64url,
  }),
])
export type Taken = z.infer<typeof Taken>
