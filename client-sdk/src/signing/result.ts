import { concatBytes } from '@noble/hashes/utils.js'
import { preSignaturesIn } from '@quorate/shared/schemes/adaptors'
import type { Item } from '@quorate/shared/wire/content'
import type { Digest } from '@quorate/shared/wire/ids'
import type {
  ItemFailure,
  ItemRefusal,
  OwnerRefusal,
  SigningReceipt,
  SigningRequest,
} from '@quorate/shared/wire/signing'
import { QuorateError, refuse } from '../errors.ts'
import { inWords, type Rejection } from './rejections.ts'

/** A finished Nostr event (NIP-01), in the form that nostr-tools has. `created_at`: seconds since 1970. */
export type NostrEvent = {
  id: string
  pubkey: string
  created_at: number
  kind: number
  tags: string[][]
  content: string
  sig: string
}

/** An item with its verified signature (64 bytes), the public key (32 bytes, hex) that verifies it, and a finished Nostr event. */
export type SignedItem = Item &
  Readonly<{ refused: null; signature: Uint8Array; preSignatures: null; publicKey: string; event: NostrEvent | null }>

/** An item with its verified pre-signatures (65 bytes each): one, or for terms of `any` one for each point. `completeSignature` makes the signature. */
export type PreSignedItem = Item &
  Readonly<{ refused: null; signature: null; preSignatures: readonly Uint8Array[]; publicKey: string; event: null }>

/** A host's word that it does not sign an item. */
type ItemRefusedBy = Readonly<{ index: number; code: ItemRefusal | OwnerRefusal }>

/**
 * An item that the quorum did not sign, why, and who of it said so. `signing.rejected`, or `consent.missing`: too few of its owners
 * wanted it, and who has rejected it or not said yes. `signing.disputed`: not all of the quorum found it unfit, or not for one reason. `culprits` are then those whose word the item itself disproves; a proof does not hold what was sealed, and names none.
 */
export type RefusedItem = Item &
  Readonly<{ refused: ItemFailure['code']; refusals: readonly ItemRefusedBy[]; culprits: readonly number[] }>

export type AnsweredItem = SignedItem | PreSignedItem

export type ItemOutcome = AnsweredItem | RefusedItem

/**
 * How a signing ended, item by item in the order of the request, with what proves to anybody who signed what. Of the lists
 * `signatures`, `publicKeys` and `events` none has a gap: they throw `ItemsRefused` unless every item was signed. `signatures` throws
 * `adaptor.incomplete` for a pre-signature, which is none.
 */
export type SignatureResult = Readonly<{
  items: readonly ItemOutcome[]
  signatures: readonly Uint8Array[]
  /** The public key (32 bytes, hex) that verifies each. */
  publicKeys: readonly string[]
  /** For items of type `nostr-event` the finished event, else null. */
  events: readonly (NostrEvent | null)[]
  request: SigningRequest
  /** R, hex. */
  requestDigest: Digest
  receipts: readonly SigningReceipt[]
  /** Who did not want which items, and why, in words that have been verified. No proof holds them. */
  rejections: readonly Rejection[]
}>

const isSigned = (item: ItemOutcome): item is AnsweredItem => item.refused === null

/** What was asked for, but for the adaptor: what a completed pre-signature is the signature of. */
export const withoutAdaptor = ({ content, mode, subgroup }: Item): Item => ({
  content,
  mode,
  ...(subgroup === undefined ? {} : { subgroup }),
})

/** What the hosts made of an item: its signature, or its pre-signatures one behind the other. */
export const resultOfItem = ({ signature, preSignatures }: AnsweredItem): Uint8Array =>
  signature ?? concatBytes(...preSignatures)

/** An item with its pre-signatures, which have been verified. */
export const preSigned = (item: Item, result: Uint8Array, publicKey: string): PreSignedItem => ({
  ...item,
  refused: null,
  signature: null,
  preSignatures: preSignaturesIn(result),
  publicKey,
  event: null,
})

const signatureOf = ({ signature }: AnsweredItem): Uint8Array => signature ?? refuse('adaptor.incomplete')

/** `at`: place in the request, 0…. */
export type Refused = Readonly<{ at: number; code: ItemFailure['code']; culprits: readonly number[] }>

/** Those of the items that have no signature. */
export const refusedItems = (items: readonly ItemOutcome[]): Refused[] =>
  items.flatMap((item, at) => (isSigned(item) ? [] : [{ at, code: item.refused, culprits: item.culprits }]))

/** Some items have no signature, says a whole quorum. `code` is of the first, `items` has them all, also those that were signed. */
export class ItemsRefused extends QuorateError {
  readonly items: readonly ItemOutcome[]
  readonly refused: readonly Refused[]
  readonly rejections: readonly Rejection[]

  constructor(
    code: ItemFailure['code'],
    items: readonly ItemOutcome[],
    refused: readonly Refused[],
    rejections: readonly Rejection[] = [],
  ) {
    const culprits = [...new Set(refused.flatMap((one) => one.culprits))].sort((a, b) => a - b)
    const issues = refused.map((one) => `item ${one.at + 1} of ${items.length}: ${one.code}`)
    super(code, 'hosts', { culprits, issues: [...issues, ...rejections.map(inWords)] })
    this.items = items
    this.refused = refused
    this.rejections = rejections
  }
}

/** All items, signed or pre-signed. Throws `ItemsRefused`. */
export function requireSigned(items: readonly ItemOutcome[], rejections: readonly Rejection[] = []): AnsweredItem[] {
  const refused = refusedItems(items)
  const [first] = refused
  if (first !== undefined) throw new ItemsRefused(first.code, items, refused, rejections)
  return items.filter(isSigned)
}

export function resultOf(
  items: readonly ItemOutcome[],
  proved: Pick<SignatureResult, 'request' | 'requestDigest' | 'receipts' | 'rejections'>,
): SignatureResult {
  return {
    items,
    ...proved,
    get signatures() {
      return requireSigned(items, proved.rejections).map(signatureOf)
    },
    get publicKeys() {
      return requireSigned(items, proved.rejections).map(({ publicKey }) => publicKey)
    },
    get events() {
      return requireSigned(items, proved.rejections).map(({ event }) => event)
    },
  }
}
