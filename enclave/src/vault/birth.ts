import { verifyPastDocument } from '@quorate/shared/attestation/verify'
import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { equalBytes } from '@quorate/shared/attestation/der'
import { Refusal } from '@quorate/shared/errors'
import { taggedHash } from '@quorate/shared/crypto/hash'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Nsm } from '../platform/nsm.ts'

/*
 * The birth document of a root secret: an attestation document over H(birth, identity), made by the security module of the
 * enclave that drew the root, at that moment and never again. KMS opens whatever was encrypted under its key, by whomever; the
 * birth document is what nobody but an accepted image can have, so a root that somebody else made is refused.
 */

export const certifyBirth = (nsm: Nsm, identity: EnclaveIdentity): Promise<Uint8Array> =>
  nsm.attest({ publicKey: null, userData: taggedHash('birth', identity), nonce: null })

/**
 * Was the root behind this identity drawn by an image that the policy accepts? Gives that image's measurements. A document
 * of any age will do: it speaks of the past. Throws `root.invalid`.
 */
export async function verifyBirth(
  document: Uint8Array,
  identity: EnclaveIdentity,
  { policy, now }: Readonly<{ policy: TrustPolicy; now: number }>,
): Promise<Measurements> {
  try {
    const { userData, pcrs } = await verifyPastDocument(document, { policy, now })
    if (userData !== null && equalBytes(userData, taggedHash('birth', identity))) return pcrs
  } catch {
    // Falls through: why it does not prove a birth is nobody's business.
  }
  throw new Refusal('root.invalid')
}
