import { z } from 'zod'
import { isRefusalCode, type RefusalCode } from '../errors.ts'
import { Base64url, EnclaveId, Index, KeyId, RefreshId, Scheme, SealKey, SigningId, Time, UserId } from './ids.ts'
import { EnclaveIdentity } from './identity.ts'
import { Certificate, KeygenState, Skeleton, Slot } from './keygen.ts'
import { SealingClaims } from './sealing.ts'
import { Installed, Prepared, RefreshRequest, RefreshState } from './refresh.ts'
import { Manifest, Notice } from './manifest.ts'
import { Approval, ItemResult, SealedItems, SigningReceipt, SigningRequest, SigningState } from './signing.ts'

const Code = z
  .custom<RefusalCode>(isRefusalCode)
  .meta({ type: 'string', description: 'a code of the closed table of refusals' })

/** Why a session ended without a result, and who is to blame (participant indices). */
export const Failure = z.strictObject({ code: Code, culprits: z.array(Index) })
export type Failure = z.infer<typeof Failure>

/** `application/problem+json` (RFC 9457). `type` is the code behind `/docs#`. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: Code,
  retry: z.enum(['never', 'same_request', 'new_session']),
  culprits: z.array(Index).optional(),
  /** Where the request does not fit its schema: paths and what was expected, never what was sent. */
  issues: z.array(z.string()).optional(),
})
export type Problem = z.infer<typeof Problem>

export const ReserveBody = z
  .strictObject({
    scheme: Scheme,
    threshold: z.int().min(2).max(32),
    participants: z.array(UserId).min(2).max(32),
    /** Seconds until everybody must have registered. */
    ttl: z.int().min(10).max(604_800).default(3_600),
  })
  .refine((body) => body.threshold <= body.participants.length, 'the threshold is above the number of participants')
  .refine((body) => new Set(body.participants).size === body.participants.length, 'a user appears twice')

/** Where the gateway proposes to put the participants. Nothing of it is believed before an attestation document proves it. */
export const Reservation = z.strictObject({
  keyId: KeyId,
  expiresAt: Time,
  slots: z.array(Slot),
  enclaves: z.array(EnclaveIdentity),
  coordinatorEnclaveId: EnclaveId,
  coordinatorPublicKey: SealKey,
})
export type Reservation = z.infer<typeof Reservation>

export const InitBody = z.strictObject({
  skeleton: Skeleton,
  sealed: z
    .array(z.strictObject({ enclaveId: EnclaveId, sealed: Base64url }))
    .min(1)
    .max(32),
})
export const ParticipantBody = z.strictObject({ userId: UserId, sealed: Base64url })
export const SigningBody = z.strictObject({ request: SigningRequest, sealedItems: SealedItems })

/** `version` grows with every change: give it back as `after` to wait for the next one. */
export const KeygenStatus = z.strictObject({
  keyId: KeyId,
  version: z.int(),
  state: KeygenState,
  expiresAt: Time,
  slots: z.array(Slot),
  failure: Failure.nullable(),
  certificate: Certificate.nullable(),
})
export type KeygenStatus = z.infer<typeof KeygenStatus>

export const SigningStatus = z.strictObject({
  signingId: SigningId,
  keyId: KeyId,
  version: z.int(),
  state: SigningState,
  expiresAt: Time,
  attempt: z.int(),
  request: SigningRequest,
  sealedItems: SealedItems,
  approvals: z.array(Approval),
  quorum: z.array(Index),
  failure: Failure.nullable(),
  /** How each item ended, once the signing has completed. */
  results: z.array(ItemResult).nullable(),
  receipts: z.array(SigningReceipt),
})
export type SigningStatus = z.infer<typeof SigningStatus>

export const RefreshStatus = z.strictObject({
  refreshId: RefreshId,
  keyId: KeyId,
  version: z.int(),
  state: RefreshState,
  /** Until when all hosts must have prepared. Once they have, it goes on until all have installed. */
  expiresAt: Time,
  attempt: z.int(),
  request: RefreshRequest,
  failure: Failure.nullable(),
  /** Of the next epoch, once all hosts have signed it. */
  certificate: Certificate.nullable(),
  prepared: z.array(Prepared),
  installed: z.array(Installed),
})
export type RefreshStatus = z.infer<typeof RefreshStatus>

export const EnclaveStatus = z.strictObject({
  enclaveId: EnclaveId,
  state: z.enum(['ready', 'locked', 'down']),
  identity: EnclaveIdentity.nullable(),
  /** What its key service attests, as it said itself; null before it has answered. */
  sealing: SealingClaims.nullable(),
})

/**
 * The manifest of this gateway, and what each enclave has taken: the notices are signed by V, and one that is not in force yet is what is
 * coming. `refusal`: why an enclave did not take this manifest.
 */
export const ManifestReport = z.strictObject({
  manifest: Manifest.nullable(),
  enclaves: z.array(
    z.strictObject({
      enclaveId: EnclaveId,
      taken: z.array(z.strictObject({ notice: Notice, effectiveAt: Time })),
      refusal: Code.nullable(),
    }),
  ),
})
export type ManifestReport = z.infer<typeof ManifestReport>
