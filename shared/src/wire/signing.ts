import * as z from 'zod/mini'
import { mostParticipants } from '../schemes/table.ts'
import type { RefusalCode } from '../errors.ts'
import { ContentType } from '../contents/table.ts'
import { Base64url, Digest, Index, KeyId, KeySignature, LifeIds, SigningId, SubgroupId, Time } from './ids.ts'
import { Life } from './identity.ts'
import { NostrKey } from '../nostr/keys.ts'
import { signed } from './signed.ts'

export const MAX_ITEMS = 100

/**
 * One thing to sign, as the gateway may see it: its type, the sub-group that signs it if it is not all, and a digest of the whole item that is keyed by
 * the session secret.
 */
const RequestItem = z.strictObject({ type: ContentType, digest: Digest, subgroup: z.optional(SubgroupId) })

/** A program that asks by an event (NIP-46): its key, and the event's id. `signer`: the key that it wrote to. */
const Client = z.strictObject({ client: NostrKey, event: Digest, signer: NostrKey })
export type Client = z.infer<typeof Client>

/**
 * What is asked for. R = H(request, this). Signed by the asker, and thereby the asker's consent for the asker's own share. Where a
 * program asks, the signature is that of its event, from which all of this follows.
 */
export const RequestBody = z.strictObject({
  signingId: SigningId,
  keyId: KeyId,
  certificateDigest: Digest,
  epoch: z.int().check(z.minimum(0)),
  asker: z.union([Index, Client]),
  items: z.array(RequestItem).check(z.minLength(1), z.maxLength(MAX_ITEMS)),
  /** H(sealed-items, the sealed items): who carries them cannot make one unreadable in the asker's name. */
  sealedDigest: Digest,
  /** Of the key's hosts: tells one that has restarted that the asker knew this version of the key since then. */
  lives: z.optional(LifeIds),
  /** By the asker's clock. */
  askedAt: Time,
  expiresAt: Time,
})
export type RequestBody = z.infer<typeof RequestBody>
export const SigningRequest = signed(RequestBody)
export type SigningRequest = z.infer<typeof SigningRequest>

/** The asker's word, by its auth key, that the request R is not to be signed any more. */
export const Withdrawal = signed(z.strictObject({ requestDigest: Digest, withdrawnAt: Time }))
export type Withdrawal = z.infer<typeof Withdrawal>

/** The full content of each item, sealed under the session secret in the order of the request's items. */
export const SealedItems = z.array(Base64url).check(z.minLength(1), z.maxLength(MAX_ITEMS))

/** Why no host of a key signs one item, though it may sign others of the same request. */
export const ItemRefusal = z.enum([
  'seal.invalid',
  'content.invalid',
  'content.mismatch',
  'content.not_permitted',
  'tweak.invalid',
  'adaptor.invalid',
  'adaptor.unsupported',
  'adaptor.too_many',
] as const satisfies readonly RefusalCode[])
export type ItemRefusal = z.infer<typeof ItemRefusal>

/** Why one host does not sign an item that it could sign: its owner has rejected the item, or has not said yes to it. */
export const OwnerRefusal = z.enum(['signing.rejected', 'consent.missing'] as const satisfies readonly RefusalCode[])
export type OwnerRefusal = z.infer<typeof OwnerRefusal>

/** Why one host does not sign an item, whoever wants it: it is of a sub-group that its participant is not in. */
export const Outside = z.literal('subgroup.not_member' satisfies RefusalCode)
export type Outside = z.infer<typeof Outside>

/** What a host says of one item in round one: FROST's commitment pair (RFC 9591 §5.1), or why it does not sign the item. */
const ItemCommitment = z.union([
  z.strictObject({ commitment: Base64url }),
  z.strictObject({ code: z.union([ItemRefusal, OwnerRefusal, Outside]) }),
])
export type ItemCommitment = z.infer<typeof ItemCommitment>

/** Round one of one participant for one attempt, item by item, signed by its host's V. */
export const FreshCommitment = signed(
  z.strictObject({
    signingId: SigningId,
    requestDigest: Digest,
    attempt: z.int().check(z.minimum(1), z.maximum(1_000)),
    index: Index,
    /** Of the host: who has seen a later one of it takes no commitment of this one. */
    life: Life,
    commitments: z.array(ItemCommitment).check(z.minLength(1), z.maxLength(MAX_ITEMS)),
  }),
)
export type FreshCommitment = z.infer<typeof FreshCommitment>

/** How many commitments one stock holds. */
export const STOCK_SIZE = 16

/**
 * Round one of one participant before anybody has asked for anything (RFC 9591 §5.1), signed by its host's V. Its commitments have the serials
 * `first`, `first` + 1, …, each of which this life of the host takes for one request, once.
 */
export const Stock = signed(
  z.strictObject({
    certificateDigest: Digest,
    index: Index,
    life: Life,
    first: z.int().check(z.minimum(0)),
    commitments: z.array(Base64url).check(z.minLength(1), z.maxLength(STOCK_SIZE)),
  }),
)
export type Stock = z.infer<typeof Stock>

/** One commitment of a stock, for a request of one item. */
export const StockCommitment = z.strictObject({ ...Stock.shape, serial: z.int().check(z.minimum(0)) })
export type StockCommitment = z.infer<typeof StockCommitment>

/** Round one of one participant, as a package brings it. */
export const Commitment = z.union([FreshCommitment, StockCommitment])
export type Commitment = z.infer<typeof Commitment>

/**
 * FROST round two (RFC 9591 §5.2) of one participant, for one package, signed by its host's V: who carries it cannot make it bad.
 * `sealed`: the partials of all items that the package signs, under the session secret, since all partials together are the signature.
 */
export const Partial = signed(
  z.strictObject({
    signingId: SigningId,
    attempt: z.int().check(z.minimum(1), z.maximum(1_000)),
    index: Index,
    /** H(package, …) of what all hosts of the quorum were given: the same for each of them. */
    packageDigest: Digest,
    sealed: Base64url,
  }),
)
export type Partial = z.infer<typeof Partial>

/** The hosts of a quorum that refuse an item, and why. Ascending by index. */
const refusalsBy = <T extends z.ZodMiniType>(code: T) =>
  z.array(z.strictObject({ index: Index, code })).check(z.maxLength(mostParticipants))

/**
 * Why an item has no signature. What every host of the quorum says of it; or `signing.disputed` when they do not say the same; or, when they
 * could sign it and too few have their owner's yes, `signing.rejected` if an owner has rejected it, else `consent.missing`.
 */
export const ItemFailure = z.discriminatedUnion('code', [
  z.strictObject({ code: ItemRefusal }),
  z.strictObject({
    code: z.literal('signing.disputed' satisfies RefusalCode),
    refusals: refusalsBy(ItemRefusal).check(z.minLength(1)),
  }),
  z.strictObject({ code: OwnerRefusal, refusals: refusalsBy(OwnerRefusal) }),
])
export type ItemFailure = z.infer<typeof ItemFailure>

/** How an item ends, as the gateway may see it: its signature sealed under the session secret, or why it has none. */
export const ItemResult = z.union([z.strictObject({ sealedSignature: Base64url }), ItemFailure])
export type ItemResult = z.infer<typeof ItemResult>

/** How an item ends, as hosts and people of the key see it: its signature, or why it has none. */
export const Outcome = z.union([KeySignature, ItemFailure])
export type Outcome = z.infer<typeof Outcome>

/**
 * What each host of the quorum signs once it has found that the results are what the partials of its quorum make, for the package that
 * it signed one for: verifiable offline, for ever.
 */
export const SigningReceipt = signed(
  z.strictObject({
    requestDigest: Digest,
    attempt: z.int().check(z.minimum(1), z.maximum(1_000)),
    /** H(package, …): commitments and consents of this attempt, the same in all receipts of a signing. */
    packageDigest: Digest,
    /** H(result, one `Outcome` per item). */
    resultDigest: Digest,
    quorum: z.array(Index).check(z.minLength(1), z.maxLength(mostParticipants)),
    index: Index,
    policyDigest: Digest,
    epoch: z.int().check(z.minimum(0)),
    /** Of the host. Two that overlap are two processes with one identity. */
    life: Life,
    /** PCR number → SHA-384, hex: what this host was when it signed this receipt. */
    measurements: z.record(z.string().check(z.regex(/^[0-9]{1,2}$/)), z.string().check(z.regex(/^[0-9a-f]{96}$/))),
    signedAt: Time,
  }),
)
export type SigningReceipt = z.infer<typeof SigningReceipt>

export const SigningState = z.enum([
  'collecting_participants',
  'generating_nonces',
  'collecting_nonces',
  'aggregating_nonces',
  'generating_partial_signatures',
  'collecting_partial_signatures',
  'finalizing_signature',
  'completed',
  'failed',
  'expired',
])
export type SigningState = z.infer<typeof SigningState>

/**
 * How far an item is, as the gateway knows it: `waiting` for words, `approved` by enough, `rejected` by so many that it cannot have enough, `signed`,
 * or `failed`, as the result or the failure of the whole signing says.
 */
export const ItemState = z.enum(['waiting', 'approved', 'rejected', 'signed', 'failed'])
export type ItemState = z.infer<typeof ItemState>
