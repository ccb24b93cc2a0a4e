import * as z from 'zod/mini'
import { Base64url, EnclaveId, Random32, SealKey, SignKey, Time } from './ids.ts'
import { NewestSerial } from './manifest.ts'
import { SealingClaims } from './sealing.ts'

/**
 * Who an enclave is: E, to which one seals, and V, under which it signs. Its attestation document carries E as `public_key`, and
 * this in the digest that is its `user_data`; whoever verified the document uses these keys and no others.
 */
export interface EnclaveIdentity {
  version: 1
  enclaveId: EnclaveId
  epoch: number
  sealKey: SealKey
  signKey: SignKey
}
export const EnclaveIdentity = z.toZod<EnclaveIdentity>()(
  z.strictObject({
    version: z.literal(1),
    enclaveId: EnclaveId,
    epoch: z.int().check(z.minimum(1)),
    sealKey: SealKey,
    signKey: SignKey,
  }),
)

/**
 * One start of a host, to its end. `id` is drawn at the start; `startedAt` is by the host's own clock. Of two lives of one identity the
 * later one counts: see `isLater`.
 */
export interface Life {
  id: string
  startedAt: number
}
export const Life = z.toZod<Life>()(z.strictObject({ id: Random32, startedAt: Time }))

/**
 * What an enclave attests beside its identity, since it changes while the identity stays: its life, what its key service claims, and
 * the serial of the newest manifest that it has taken.
 */
export interface Presence {
  life: Life
  sealing: SealingClaims
  manifest: number
}
export const Presence = z.toZod<Presence>()(
  z.strictObject({ life: Life, sealing: SealingClaims, manifest: NewestSerial }),
)

/** An identity and a presence with the document that proves both: its `user_data` is H(attested, {identity, presence}). */
export const AttestedIdentity = z.strictObject({ identity: EnclaveIdentity, presence: Presence, document: Base64url })
export type AttestedIdentity = z.infer<typeof AttestedIdentity>
