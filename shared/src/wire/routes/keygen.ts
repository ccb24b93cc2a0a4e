import * as z from 'zod/mini'
import { fitsScheme, frameForms, misfit, mostParticipants, SchemeName } from '../../schemes/table.ts'
import { Base64url, EnclaveId, KeyId, SealKey, Time, UserId } from '../ids.ts'
import { EnclaveIdentity } from '../identity.ts'
import { KeygenState, RegistrationReceipt, Skeleton, Slot } from '../keygen.ts'
import { Certificate } from '../certificate.ts'
import { Installed } from '../refresh.ts'
import { Failure } from '../status.ts'
import { none, ofEnclaves, route, waiting } from './route.ts'

export const ReserveBody = z
  .strictObject({
    scheme: SchemeName,
    threshold: z
      .int()
      .check(
        z.minimum(1),
        z.maximum(mostParticipants),
        z.meta({ description: 'how many sign together; the scheme says which number fits the participants' }),
      ),
    participants: z.array(UserId).check(z.minLength(1), z.maxLength(mostParticipants), z.meta({ uniqueItems: true })),
    /** Seconds until everybody must have registered. */
    ttl: z._default(z.int().check(z.minimum(10), z.maximum(604_800)), 3_600),
    /** Drawn by the client, 128 random bits. The gateway draws one for who names none, and can then give one that it knows. */
    keyId: z.optional(KeyId),
  })
  .check(
    z.refine(fitsScheme, misfit),
    z.refine((body) => new Set(body.participants).size === body.participants.length, 'a user appears twice'),
    z.meta({ anyOf: frameForms }),
  )

/** Where the gateway proposes to put the participants. A client believes an identity once an attestation document proves it. */
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
    .check(z.minLength(1), z.maxLength(mostParticipants)),
})
export const ParticipantBody = z.strictObject({ userId: UserId, sealed: Base64url })

/** `version` grows with every change: a client gives it back as `after` to wait for the next one. */
export interface KeygenStatus {
  keyId: KeyId
  version: number
  state: KeygenState
  expiresAt: number
  slots: Slot[]
  failure: Failure | null
  certificate: Certificate | null
  /** With the certificate: the word of each host that it has installed it, in the order of indices. */
  installed: Installed[]
}
export const KeygenStatus = z.toZod<KeygenStatus>()(
  z.strictObject({
    keyId: KeyId,
    version: z.int(),
    state: KeygenState,
    expiresAt: Time,
    slots: z.array(Slot),
    failure: z.nullable(Failure),
    certificate: z.nullable(Certificate),
    installed: z.array(Installed).check(z.maxLength(mostParticipants)),
  }),
)

/** Making a key: from the reservation to the certificate. */
export const keygenRoutes = {
  reserveKeygen: route({
    method: 'post',
    path: '/keygen/reserve',
    summary: 'Reserve enclaves for a new key',
    wants: 'nobody',
    query: none,
    body: ReserveBody,
    reply: Reservation,
    errors: ['keygen.no_enclaves', 'keygen.id_taken', 'bound.reached'],
  }),
  initKeygen: route({
    method: 'post',
    path: '/keygen/{keyId}/init',
    summary: 'Fix the skeleton and hand each enclave its sealed part',
    wants: 'nobody',
    query: none,
    body: InitBody,
    reply: KeygenStatus,
    errors: [
      'request.not_found',
      'session.conflict',
      'session.elsewhere',
      'keygen.skeleton_mismatch',
      'keygen.crowded',
      'keygen.dealt_invalid',
      'tweak.invalid',
      'seal.invalid',
      ...ofEnclaves,
      'bound.reached',
    ],
  }),
  getSlots: route({
    method: 'get',
    path: '/keygen/{keyId}/slots',
    summary: 'The skeleton and who has registered',
    wants: 'reader',
    query: none,
    body: null,
    reply: z.strictObject({ keyId: KeyId, skeleton: Skeleton, slots: z.array(Slot) }),
    errors: ['request.not_found'],
  }),
  register: route({
    method: 'post',
    path: '/keygen/{keyId}/participants',
    summary: 'Register a participant with its enclave',
    wants: 'nobody',
    query: none,
    body: ParticipantBody,
    reply: z.strictObject({ receipt: RegistrationReceipt }),
    errors: [
      'request.not_found',
      'session.conflict',
      'session.elsewhere',
      'keygen.invitation_invalid',
      'keygen.slot_taken',
      'keygen.contribution_invalid',
      'consent.invalid',
      'seal.invalid',
      ...ofEnclaves,
    ],
  }),
  getKeygen: route({
    method: 'get',
    path: '/keygen/{keyId}/status',
    summary: 'The state of a keygen',
    wants: 'reader',
    query: waiting,
    body: null,
    reply: KeygenStatus,
    errors: ['request.not_found'],
  }),
  watchKeygen: route({
    method: 'get',
    path: '/keygen/{keyId}/events',
    summary: 'The states of a keygen as they come',
    wants: 'reader',
    events: true,
    query: none,
    body: null,
    reply: KeygenStatus,
    errors: ['request.not_found', 'bound.reached'],
  }),
} as const
