import { isAcceptedImage, type TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Mpc } from '@quorate/shared/mpc'
import { openSignature } from '@quorate/shared/seal/items'
import { digestOf } from '@quorate/shared/seal/sign'
import { verifyReceipts, verifyRequest } from '@quorate/shared/verify/signing'
import { fromBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Item } from '@quorate/shared/wire/content'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import type { SigningReceipt, SigningRequest } from '@quorate/shared/wire/signing'
import { refuse } from '../errors.ts'
import { sessionSecretOf, verifiedKeyOf, type Key } from '../key.ts'
import { openItems, signedBytes } from './items.ts'

export type SigningStatus = RouteReply<'getSigning'>

/** A finished Nostr event (NIP-01). */
export type NostrEvent = Readonly<{
  id: string
  pubkey: string
  created_at: number
  kind: number
  tags: readonly (readonly string[])[]
  content: string
  sig: string
}>

/** Verified signatures, in the order of the items, with what proves to anybody who signed what. */
export type SignatureResult = Readonly<{
  signatures: readonly Uint8Array[]
  /** The public key (32 bytes, hex) that verifies each. */
  publicKeys: readonly string[]
  /** For items of type `nostr-event` the finished event, else null. */
  events: readonly (NostrEvent | null)[]
  items: readonly Item[]
  request: SigningRequest
  /** R, hex. */
  requestDigest: Digest
  receipts: readonly SigningReceipt[]
}>

/** A request and its items, checked as an approver should before saying anything. */
export type OpenedRequest = Readonly<{ request: SigningRequest; requestDigest: Digest; items: readonly Item[] }>

/**
 * Checks that a status is of this signing, that its request was signed by a participant of the key, and that its sealed items
 * are what the request commits to. `now` 0 lets expired requests pass, to look at what has ended. Throws a `Refusal`.
 */
export async function openRequest(
  key: Key,
  signingId: string,
  { request, sealedItems, ...status }: Pick<SigningStatus, 'signingId' | 'request' | 'sealedItems'>,
  now: number,
): Promise<OpenedRequest> {
  if (status.signingId !== signingId || request.body.signingId !== signingId) return refuse('reply.mismatch')
  const requestDigest = await verifyRequest(verifiedKeyOf(key, request.body.certificateDigest), request, now)
  return { request, requestDigest, items: openItems(key, request.body, sealedItems) }
}

/**
 * Opens and verifies what a completed signing holds: it is the one asked about, every signature is of the item's content under
 * the key, and the receipts are of a whole quorum of images that are trusted. Throws `reply.mismatch`, `seal.invalid`, `signature.invalid`, `receipt.invalid`.
 */
export async function acceptSignatures(
  { mpc, trust }: Readonly<{ mpc: Mpc; trust: TrustPolicy }>,
  key: Key,
  { request, requestDigest, items }: OpenedRequest,
  status: Pick<SigningStatus, 'signingId' | 'keyId' | 'request' | 'sealedSignatures' | 'receipts'>,
): Promise<SignatureResult> {
  const { signingId } = request.body
  const same =
    status.signingId === signingId &&
    status.keyId === key.keyId &&
    digestOf('request', status.request.body) === requestDigest
  if (!same) return refuse('reply.mismatch')
  const sealed = status.sealedSignatures
  if (sealed?.length !== items.length) return refuse('signature.invalid')
  const secret = sessionSecretOf(key)
  const signatures = sealed.map((blob, at) => openSignature(secret, signingId, at, fromBase64url(blob)))
  const publicKeys = items.map((item, at) => verifyItem(mpc, key, item, signatures[at] ?? new Uint8Array()))
  const version = verifiedKeyOf(key, request.body.certificateDigest)
  await verifyReceipts(version, requestDigest, signatures.map(toHex), status.receipts)
  requireImages(trust, status.receipts)
  const events = items.map((item, at) => finishEvent(mpc, key, item, signatures[at] ?? new Uint8Array()))
  return { signatures, publicKeys, events, items, request, requestDigest, receipts: status.receipts }
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

/** Verifies one signature of one item and gives the public key (hex) that it verifies under. Throws `signature.invalid`. */
export function verifyItem(mpc: Mpc, key: Key, item: Item, signature: Uint8Array): string {
  const { publicKey, message } = signedBytes(mpc, key, item)
  const valid = signature.length === 64 && mpc.frost(key.scheme).verify({ publicKey, message, signature })
  return valid ? toHex(publicKey) : refuse('signature.invalid')
}

function finishEvent(mpc: Mpc, key: Key, item: Item, signature: Uint8Array): NostrEvent | null {
  if (item.content.type !== 'nostr-event') return null
  const { publicKey, message } = signedBytes(mpc, key, item)
  return { id: toHex(message), pubkey: toHex(publicKey), ...item.content.event, sig: toHex(signature) }
}
