import * as z from 'zod/mini'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { itemDigest } from '@quorate/shared/crypto/session-items'
import { isNamedBy } from '@quorate/shared/verify/items'
import { verifyReceipts, verifyRequest } from '@quorate/shared/verify/signing'
import { toHex } from '@quorate/shared/wire/bytes'
import { Item } from '@quorate/shared/wire/content'
import { ItemFailure, ItemRefusal, Outcome, SigningReceipt, SigningRequest } from '@quorate/shared/wire/signing'
import { refuse, refusing } from '../errors.ts'
import { sessionSecretOf, verifiedKeyOf, type Key } from '../key.ts'
import {
  requireSigned,
  resultOfItem,
  withoutAdaptor,
  type AnsweredItem,
  type ItemOutcome,
  type SignatureResult,
} from './result.ts'
import { readOutcomes, requireImages, verifyItem } from './verify.ts'
import { mpcHere } from '../wasm.ts'

/** How a signing ended, with all that proves, offline and for ever, who asked for what, and which enclaves signed it or would not. */
export interface SignatureProof {
  format: 'quorate-signature/v3'
  request: SigningRequest
  items: Item[]
  /** One per item. */
  results: Outcome[]
  receipts: SigningReceipt[]
}
export const SignatureProof = z.toZod<SignatureProof>()(
  z.strictObject({
    format: z.literal('quorate-signature/v3'),
    request: SigningRequest,
    items: z.array(Item),
    results: z.array(Outcome),
    receipts: z.array(SigningReceipt),
  }),
)

/** The result as a file keeps it. Holds the contents. */
export const signatureProof = ({ request, items, receipts }: SignatureResult): SignatureProof => ({
  format: 'quorate-signature/v3',
  request,
  items: items.map((item) => ({
    ...withoutAdaptor(item),
    ...(item.adaptor === undefined ? {} : { adaptor: item.adaptor }),
  })),
  results: items.map((item) => outcomeOf(item)),
  receipts: [...receipts],
})

function outcomeOf(item: ItemOutcome): Outcome {
  if (item.refused === null) return toHex(resultOfItem(item))
  const { refused: code, refusals } = item
  // What all of the quorum says needs no names.
  return ItemFailure.parse(isOfAll(code) ? { code } : { code, refusals })
}

const isOfAll = (code: ItemFailure['code']): boolean => ItemRefusal.safeParse(code).success

/**
 * Verifies a proof against a key, without a gateway: the request, that its items are the contents, each signature, the receipts
 * of a whole quorum, and with `trust` that their hosts were images that it accepts. Gives the items with what they got. Throws what does not verify, and
 * `ItemsRefused` when all of it verifies but not every item was signed.
 */
export async function verifyProof(
  key: Key,
  proof: SignatureProof,
  trust?: TrustPolicy,
): Promise<readonly AnsweredItem[]> {
  return refusing(async () => {
    const { request, items, results, receipts } = proof
    const { body } = request
    const version = verifiedKeyOf(key, body.certificateDigest)
    const requestDigest = await verifyRequest(version, request, null)
    const secret = sessionSecretOf(key)
    const digests = items.map((item, at) => toHex(itemDigest(secret, body.signingId, at, item)))
    const same =
      digests.length === body.items.length &&
      items.every((item, at) => isNamedBy(item, body.items[at]) && body.items[at]?.digest === digests[at])
    if (!same || results.length !== items.length) return refuse('content.mismatch')
    const outcomes = readOutcomes(await mpcHere(), { key, requestDigest, items }, results, receipts)
    await verifyReceipts(version, body, results, receipts)
    if (trust !== undefined) requireImages(trust, receipts)
    return requireSigned(outcomes)
  })
}

/** Verifies one bare signature (64 bytes) of one content under the key, in the mode of `item`. Throws `signature.invalid`. */
export async function verifySignature(key: Key, item: Item, signature: Uint8Array): Promise<void> {
  const mpc = await mpcHere()
  verifyItem(mpc, key, item, signature)
}
