import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { openDocument, verifyDocument } from '@quorate/shared/attestation/verify'
import * as z from 'zod'
import { KmsError } from './kms-error.ts'

/** `Recipient` of a request: the document in base64, and the one algorithm that there is. */
export const Recipient = z.strictObject({
  AttestationDocument: z.base64().max(262_144),
  KeyEncryptionAlgorithm: z.literal('RSAES_OAEP_SHA_256'),
})
export type Recipient = z.infer<typeof Recipient>

/** Who is answered: the RSA key of the document, and the registers that it proves. */
export type Attested = Readonly<{ publicKey: KeyObject; pcrs: Measurements }>

/** As AWS: a document is good for five minutes. */
const maxAge = 300_000

/**
 * What a document proves, under these roots (PEM): that its signatures hold, it is not older than five minutes, is of no enclave in
 * debug mode, and holds an RSA key. Which image it must be is asked of the key's policy. Throws `ValidationException`; AWS documents no
 * name of its own for a document that does not verify.
 */
export async function admitRecipient(
  { AttestationDocument }: Recipient,
  { roots, now }: Readonly<{ roots: readonly string[]; now: number }>,
): Promise<Attested> {
  try {
    const document = Uint8Array.from(Buffer.from(AttestationDocument, 'base64'))
    // Measured against itself: every other question of the verifier is asked as ever.
    const policy = { roots, measurements: [openDocument(document).payload.pcrs] }
    const { publicKey, pcrs } = await verifyDocument(document, { policy, nonce: null, now, maxAge })
    return { publicKey: readRsaKey(publicKey), pcrs }
  } catch {
    throw new KmsError('ValidationException')
  }
}

function readRsaKey(spki: Uint8Array | null): KeyObject {
  const key = createPublicKey({ key: Buffer.from(spki ?? []), format: 'der', type: 'spki' })
  if (key.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) throw new RangeError()
  return key
}
