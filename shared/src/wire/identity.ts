import { z } from 'zod'
import { Base64url, EnclaveId, SealKey, SignKey } from './ids.ts'

/**
 * Who an enclave is: E, to which one seals, and V, under which it signs. Its attestation document carries E as
 * `public_key` and H(identity, this) as `user_data`; whoever verified the document uses these keys and no others.
 */
export const EnclaveIdentity = z.strictObject({
  version: z.literal(1),
  enclaveId: EnclaveId,
  epoch: z.int().min(1),
  sealKey: SealKey,
  signKey: SignKey,
})
export type EnclaveIdentity = z.infer<typeof EnclaveIdentity>

/** An identity with the document that proves it. */
export const AttestedIdentity = z.strictObject({ identity: EnclaveIdentity, document: Base64url })
export type AttestedIdentity = z.infer<typeof AttestedIdentity>
