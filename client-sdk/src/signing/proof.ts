import { z } from 'zod'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { itemDigest } from '@quorate/shared/seal/session-keys'
import { loadMpc } from '@quorate/shared/mpc'
import { verifyReceipts, verifyRequest } from '@quorate/shared/verify/signing'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { Item } from '@quorate/shared/wire/content'
import { Signature } from '@quorate/shared/wire/ids'
import { SigningReceipt, SigningRequest } from '@quorate/shared/wire/signing'
import { refuse, refusing } from '../errors.ts'
import { sessionSecretOf, verifiedKeyOf, type Key } from '../key.ts'
import { requireImages, verifyItem, type SignatureResult } from './verify.ts'

/** Signatures with all that proves, offline and for ever, who asked for what, and which enclaves signed it. */
export const SignatureProof = z.strictObject({
  format: z.literal('quorate-signature/v1'),
  request: SigningRequest,
  items: z.array(Item),
  signatures: z.array(Signature),
  receipts: z.array(SigningReceipt),
})
export type SignatureProof = z.infer<typeof SignatureProof>

/** The signatures as a file keeps them. Holds the signed contents. */
export const signatureProof = ({ request, items, signatures, receipts }: SignatureResult): SignatureProof => ({
  format: 'quorate-signature/v1',
  request,
  items: [...items],
  signatures: signatures.map(toHex),
  receipts: [...receipts],
})

/**
 * Verifies a proof against a key, without a gateway: the request, that its items are the contents, each signature, the receipts
 * of a whole quorum, and with `trust` that their hosts were images that it accepts. Throws what does not verify.
 */
export async function verifyProof(key: Key, proof: SignatureProof, trust?: TrustPolicy): Promise<void> {
  await refusing(async () => {
    const { request, items, signatures, receipts } = proof
    const { body } = request
    const version = verifiedKeyOf(key, body.certificateDigest)
    const requestDigest = await verifyRequest(version, request, 0)
    const secret = sessionSecretOf(key)
    const digests = items.map((item, at) => toHex(itemDigest(secret, body.signingId, at, item)))
    const same =
      digests.length === body.items.length &&
      body.items.every(({ type, digest }, at) => type === items[at]?.content.type && digest === digests[at])
    if (!same || signatures.length !== items.length) return refuse('content.mismatch')
    const mpc = await loadMpc()
    for (const [at, item] of items.entries()) verifyItem(mpc, key, item, fromHex(signatures[at] ?? ''))
    await verifyReceipts(version, requestDigest, signatures, receipts)
    if (trust !== undefined) requireImages(trust, receipts)
  })
}

/** Verifies one bare signature (64 bytes) of one content under the key, in the mode of `item`. Throws `signature.invalid`. */
export async function verifySignature(key: Key, item: Item, signature: Uint8Array): Promise<void> {
  const mpc = await loadMpc()
  verifyItem(mpc, key, item, signature)
}
