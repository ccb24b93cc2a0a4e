import { isAcceptedImage, type TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Mpc } from '@quorate/shared/mpc'
import { openSignature } from '@quorate/shared/crypto/session-items'
import { digestOf } from '@quorate/shared/crypto/sign'
import { useOf } from '@quorate/shared/schemes/cryptography'
import { longestResult } from '@quorate/shared/schemes/table'
import { itemSession } from '@quorate/shared/verify/items'
import { signersOf } from '@quorate/shared/verify/signers'
import { verifyReceipts, verifyRequest } from '@quorate/shared/verify/signing'
import { fromBase64url, fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Item } from '@quorate/shared/wire/content'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'
import type { ItemFailure, Outcome, SigningReceipt } from '@quorate/shared/wire/signing'
import { refuse } from '../errors.ts'
import { sessionSecretOf, verifiedKeyOf, type Key } from '../key.ts'
import { objectionsTo, openItems, signedTask } from './items.ts'
import type { Rejection } from './rejections.ts'
import type { OpenedRequest } from './request.ts'
import {
  preSigned,
  resultOf,
  type ItemOutcome,
  type NostrEvent,
  type RefusedItem,
  type SignatureResult,
  type SignedItem,
} from './result.ts'

/**
 * Checks that a status is of this signing, that its request was signed by a participant of the key, and that its sealed items
 * are what the request commits to. Times are not looked at, so that what has ended can be. Throws a `Refusal`.
 */
export async function openRequest(
  key: Key,
  signingId: string,
  { request, sealedItems, ...status }: Pick<SigningStatus, 'signingId' | 'request' | 'sealedItems'>,
): Promise<OpenedRequest> {
  if (status.signingId !== signingId || request.body.signingId !== signingId) return refuse('reply.mismatch')
  const requestDigest = await verifyRequest(verifiedKeyOf(key, request.body.certificateDigest), request, null)
  return { request, requestDigest, items: openItems(key, request.body, sealedItems) }
}

/**
 * Opens and verifies what a completed signing holds: it is the one asked about, every signature is of the item's content under
 * the key, and a whole quorum of images that are trusted has receipted these signatures and these failures. Throws `reply.mismatch`, `seal.invalid`, `signature.invalid`, `receipt.invalid`.
 */
export async function acceptSignatures(
  { mpc, trust }: Readonly<{ mpc: Mpc; trust: TrustPolicy }>,
  key: Key,
  { request, requestDigest, items }: OpenedRequest,
  status: Pick<SigningStatus, 'signingId' | 'keyId' | 'request' | 'results' | 'receipts'> &
    Readonly<{ rejections: readonly Rejection[] }>,
): Promise<SignatureResult> {
  const { signingId } = request.body
  const same =
    status.signingId === signingId &&
    status.keyId === key.keyId &&
    digestOf('request', status.request.body) === requestDigest
  if (!same) return refuse('reply.mismatch')
  const { results, receipts } = status
  if (results?.length !== items.length) return refuse('signature.invalid')
  const secret = sessionSecretOf(key)
  const open = (sealed: string, at: number) =>
    toHex(openSignature(secret, signingId, at, fromBase64url(sealed), longestResult))
  const outcomes = results.map((result, at) => ('code' in result ? result : open(result.sealedSignature, at)))
  const version = verifiedKeyOf(key, request.body.certificateDigest)
  const read = readOutcomes(mpc, { key, requestDigest, items }, outcomes, receipts)
  await verifyReceipts(version, request.body, outcomes, receipts)
  requireImages(trust, receipts)
  const { rejections } = status
  return resultOf(nameCulprits(mpc, key, read, receipts), { request, requestDigest, receipts, rejections })
}

/**
 * Verifies the signature of each item that has one, and names no culprits. The receipts are still to be verified. Throws
 * `signature.invalid`.
 */
export function readOutcomes(
  mpc: Mpc,
  { key, requestDigest, items }: Readonly<{ key: Key; requestDigest: Digest; items: readonly Item[] }>,
  outcomes: readonly Outcome[],
  receipts: readonly SigningReceipt[],
): ItemOutcome[] {
  const quorum = receipts.map(({ body }) => body.index)
  return items.map((item, at) => {
    const outcome = outcomes[at] ?? ''
    if (typeof outcome !== 'string') return refusedItem(item, outcome, signersAmong(key, item, quorum))
    const signature = fromHex(outcome)
    const publicKey = verifyItem(mpc, key, item, signature, itemSession(requestDigest, at))
    if (item.adaptor !== undefined) return preSigned(item, signature, publicKey)
    return signedItem(mpc, key, { item, signature, publicKey })
  })
}

/** An item with its signature, which has been verified. */
export function signedItem(
  mpc: Mpc,
  key: Key,
  { item, signature, publicKey }: Readonly<{ item: Item; signature: Uint8Array; publicKey: string }>,
): SignedItem {
  const event = finishEvent(mpc, key, item, signature)
  return { ...item, refused: null, signature, preSignatures: null, publicKey, event }
}

/** Those of a quorum who can sign this item. */
function signersAmong(key: Key, { subgroup }: Item, quorum: readonly number[]): number[] {
  const { members } = signersOf(key.certificate.body.roster.skeleton, subgroup)
  return quorum.filter((index) => members.includes(index))
}

function refusedItem(item: Item, failure: ItemFailure, quorum: readonly number[]): RefusedItem {
  const { code: refused } = failure
  const refusals = 'refusals' in failure ? failure.refusals : quorum.map((index) => ({ index, code: failure.code }))
  return { ...item, refused, refusals, culprits: [] }
}

/**
 * Names who lied in a dispute. Only for items that were opened from what their request names, or sealed here: what can speak against
 * those is known here too, so that whoever of the quorum says otherwise lies.
 */
function nameCulprits(
  mpc: Mpc,
  key: Key,
  items: readonly ItemOutcome[],
  receipts: readonly SigningReceipt[],
): ItemOutcome[] {
  const truths = objectionsTo(mpc, key, items)
  return items.map((item, at) => {
    if (item.refused !== 'signing.disputed') return item
    const truth = truths[at] ?? null
    const wordOf = (index: number) => item.refusals.find((refusal) => refusal.index === index)?.code ?? null
    const quorum = signersAmong(
      key,
      item,
      receipts.map(({ body }) => body.index),
    )
    return { ...item, culprits: quorum.filter((index) => wordOf(index) !== truth) }
  })
}

/** Each host says what it was when it signed: an image that is accepted. Throws `receipt.invalid` with who was not. */
export function requireImages(trust: TrustPolicy, receipts: readonly SigningReceipt[]): void {
  const others = receipts.filter(({ body }) => !isAcceptedImage(body.measurements, trust))
  if (others.length > 0)
    refuse(
      'receipt.invalid',
      others.map(({ body }) => body.index),
    )
}

/**
 * Verifies the result of one item and gives the public key (hex) that it verifies under. `session` names the item of its signing; a
 * signature stands without it. Throws `signature.invalid`.
 */
export function verifyItem(
  mpc: Mpc,
  key: Key,
  item: Item,
  result: Uint8Array,
  session: Uint8Array = new Uint8Array(0),
): string {
  const { use, ...of } = signedTask(mpc, key, item, session)
  const valid = useOf(mpc, key.scheme, use).verify(of, result)
  return valid ? toHex(of.publicKey) : refuse('signature.invalid')
}

function finishEvent(mpc: Mpc, key: Key, item: Item, signature: Uint8Array): NostrEvent | null {
  if (item.content.type !== 'nostr-event') return null
  const { publicKey, message } = signedTask(mpc, key, item)
  return { id: toHex(message), pubkey: toHex(publicKey), ...item.content.event, sig: toHex(signature) }
}
