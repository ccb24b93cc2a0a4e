import { createPublicKey, type KeyObject } from 'node:crypto'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import { verifyDocument } from '@quorate/shared/attestation/verify'
import { z } from 'zod'
import { KmsError } from './kms-error.ts'

/** `Recipient` of a request: the document in base64, and the one algorithm that there is. */
export const Recipient = z.object({
  AttestationDocument: z.base64().max(262_144),
  KeyEncryptionAlgorithm: z.literal('RSAES_OAEP_SHA_256'),
})
export type Recipient = z.infer<typeof Recipient>

/** As AWS: a document is good for five minutes. */
const maxAge = 300_000

/**
 * The RSA key of an enclave that the policy admits. The policy's measurements stand for the conditions kms:RecipientAttestation:ImageSha384
 * and :PCRn of a key policy; without an attestation there is no access. Throws `AccessDeniedException`.
 */
export async function admitRecipient(
  recipient: Recipient | undefined,
  { policy, now }: { policy: TrustPolicy; now: number },
): Promise<KeyObject> {
  try {
    if (recipient === undefined) throw new RangeError()
    const document = Uint8Array.from(Buffer.from(recipient.AttestationDocument, 'base64'))
    const { publicKey } = await verifyDocument(document, { policy, nonce: null, now, maxAge })
    return readRsaKey(publicKey)
  } catch {
    throw new KmsError('AccessDeniedException')
  }
}

function readRsaKey(spki: Uint8Array | null): KeyObject {
  const key = createPublicKey({ key: Buffer.from(spki ?? []), format: 'der', type: 'spki' })
  if (key.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) throw new RangeError()
  return key
}
