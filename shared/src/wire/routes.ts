import { z } from 'zod'
import type { RefusalCode } from '../errors.ts'
import { EnclaveId, KeyId, Random32, RefreshId, SigningId, Time } from './ids.ts'
import { AttestedIdentity } from './identity.ts'
import { ManifestStatus } from './manifest.ts'
import { Certificate, RegistrationReceipt, Skeleton, Slot } from './keygen.ts'
import { RefreshRequest } from './refresh.ts'
import {
  EnclaveStatus,
  InitBody,
  KeygenStatus,
  ManifestReport,
  ParticipantBody,
  RefreshStatus,
  Reservation,
  ReserveBody,
  SigningBody,
  SigningStatus,
} from './rest.ts'
import { Approval, SessionProof } from './signing.ts'

/** How long a waiting GET may take: `30s`, `500ms`; 60 s at most. Parsed to milliseconds. */
const Wait = z
  .string()
  .regex(/^\d{1,5}(ms|s)$/, 'for example 30s or 500ms')
  .transform((text) => Number.parseInt(text) * (text.endsWith('ms') ? 1 : 1_000))
  .refine((ms) => ms <= 60_000, 'at most 60s')
  .meta({ type: 'string', example: '30s' })
const waiting = z.strictObject({
  wait: Wait.optional(),
  /** Wait for a version above this one. Without it, `wait` waits for the end of the session. */
  after: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .meta({ type: 'string' })
    .optional(),
})

const ofKeygen = z.strictObject({ id: KeyId })
const ofSigning = z.strictObject({ id: SigningId })
const ofRefresh = z.strictObject({ id: KeyId, refreshId: RefreshId })
const none = z.strictObject({})

/** As many as one answer holds; who is further behind asks again. */
export const MAX_CERTIFICATES = 32

/**
 * `token`: needs `Authorization: Bearer` with a token for this key. `events`: answers with server-sent events of `reply`.
 * `repeatable`: a POST whose body names what it makes, so that the same body again is the same act without an Idempotency-Key.
 */
export type Route = Readonly<{
  method: 'get' | 'post'
  path: string
  summary: string
  auth: 'none' | 'token'
  events?: true
  repeatable?: true
  params: z.ZodType
  query: z.ZodType
  body: z.ZodType | null
  reply: z.ZodType
  errors: readonly RefusalCode[]
}>

const route = <const R extends Route>(r: R): R => r

/** Every route of the REST API, below `/api/v1`. Express, the SDK and OpenAPI are made from this table. */
export const routes = {
  openSession: route({
    method: 'post',
    path: '/sessions',
    summary: 'Exchange a proof of the reader key for a read-only token',
    auth: 'none',
    params: none,
    query: none,
    body: SessionProof,
    reply: z.strictObject({ token: z.string(), expiresAt: Time }),
    errors: ['request.unauthorized'],
  }),
  reserveKeygen: route({
    method: 'post',
    path: '/keygen/reserve',
    summary: 'Reserve enclaves for a new key',
    auth: 'none',
    params: none,
    query: none,
    body: ReserveBody,
    reply: Reservation,
    errors: ['keygen.no_enclaves'],
  }),
  initKeygen: route({
    method: 'post',
    path: '/keygen/{id}/init',
    summary: 'Fix the skeleton and hand each enclave its sealed part',
    auth: 'none',
    params: ofKeygen,
    query: none,
    body: InitBody,
    reply: KeygenStatus,
    errors: [
      'request.not_found',
      'session.conflict',
      'keygen.skeleton_mismatch',
      'seal.invalid',
      'enclave.unreachable',
    ],
  }),
  getSlots: route({
    method: 'get',
    path: '/keygen/{id}/slots',
    summary: 'The skeleton and who has registered',
    auth: 'token',
    params: ofKeygen,
    query: none,
    body: null,
    reply: z.strictObject({ keyId: KeyId, skeleton: Skeleton, slots: z.array(Slot) }),
    errors: ['request.not_found'],
  }),
  register: route({
    method: 'post',
    path: '/keygen/{id}/participants',
    summary: 'Register a participant with its enclave',
    auth: 'none',
    params: ofKeygen,
    query: none,
    body: ParticipantBody,
    reply: z.strictObject({ receipt: RegistrationReceipt }),
    errors: [
      'request.not_found',
      'session.conflict',
      'keygen.invitation_invalid',
      'keygen.slot_taken',
      'seal.invalid',
      'enclave.unreachable',
    ],
  }),
  getKeygen: route({
    method: 'get',
    path: '/keygen/{id}/status',
    summary: 'The state of a keygen',
    auth: 'token',
    params: ofKeygen,
    query: waiting,
    body: null,
    reply: KeygenStatus,
    errors: ['request.not_found'],
  }),
  watchKeygen: route({
    method: 'get',
    path: '/keygen/{id}/events',
    summary: 'The states of a keygen as they come',
    auth: 'token',
    events: true,
    params: ofKeygen,
    query: none,
    body: null,
    reply: KeygenStatus,
    errors: ['request.not_found'],
  }),
  requestSigning: route({
    method: 'post',
    path: '/signing',
    summary: 'Ask for signatures',
    auth: 'none',
    repeatable: true,
    params: none,
    query: none,
    body: SigningBody,
    reply: SigningStatus,
    errors: [
      'key.not_found',
      'signing.request_invalid',
      'consent.expired',
      'content.not_permitted',
      'session.conflict',
    ],
  }),
  approveSigning: route({
    method: 'post',
    path: '/signing/{id}/approve',
    summary: 'Approve or reject a request',
    auth: 'none',
    repeatable: true,
    params: ofSigning,
    query: none,
    body: Approval,
    reply: SigningStatus,
    errors: ['request.not_found', 'consent.invalid', 'consent.expired', 'session.conflict'],
  }),
  getSigning: route({
    method: 'get',
    path: '/signing/{id}/status',
    summary: 'The state of a signing',
    auth: 'token',
    params: ofSigning,
    query: waiting,
    body: null,
    reply: SigningStatus,
    errors: ['request.not_found'],
  }),
  watchSigning: route({
    method: 'get',
    path: '/signing/{id}/events',
    summary: 'The states of a signing as they come',
    auth: 'token',
    events: true,
    params: ofSigning,
    query: none,
    body: null,
    reply: SigningStatus,
    errors: ['request.not_found'],
  }),
  listEnclaves: route({
    method: 'get',
    path: '/enclaves',
    summary: 'The enclaves of this gateway',
    auth: 'none',
    params: none,
    query: none,
    body: null,
    reply: z.strictObject({ enclaves: z.array(EnclaveStatus) }),
    errors: [],
  }),
  getAttestation: route({
    method: 'get',
    path: '/enclaves/{id}/attestation',
    summary: "An enclave's attestation document over the asker's nonce",
    auth: 'none',
    params: z.strictObject({ id: EnclaveId }),
    query: z.strictObject({ nonce: Random32 }),
    body: null,
    reply: AttestedIdentity,
    errors: ['request.not_found', 'enclave.unreachable', 'enclave.locked'],
  }),
  getManifestStatus: route({
    method: 'get',
    path: '/enclaves/{id}/manifest',
    summary: "Which manifests an enclave has taken, signed by it over the asker's nonce",
    auth: 'none',
    params: z.strictObject({ id: EnclaveId }),
    query: z.strictObject({ nonce: Random32 }),
    body: null,
    reply: ManifestStatus,
    errors: ['request.not_found', 'enclave.unreachable', 'enclave.locked'],
  }),
  getManifest: route({
    method: 'get',
    path: '/manifest',
    summary: 'The images that enclaves accept in each other, and from when on',
    auth: 'none',
    params: none,
    query: none,
    body: null,
    reply: ManifestReport,
    errors: [],
  }),
  getKey: route({
    method: 'get',
    path: '/keys/{id}',
    summary: "A key's certificate",
    auth: 'token',
    params: ofKeygen,
    query: none,
    body: null,
    reply: z.strictObject({ keyId: KeyId, certificate: Certificate }),
    errors: ['key.not_found'],
  }),
  listCertificates: route({
    method: 'get',
    path: '/keys/{id}/certificates',
    summary: "A key's certificates from an epoch on, each of which names the one before",
    auth: 'token',
    params: ofKeygen,
    query: z.strictObject({
      from: z
        .string()
        .regex(/^\d{1,9}$/)
        .transform(Number)
        .meta({ type: 'string' }),
    }),
    body: null,
    reply: z.strictObject({ keyId: KeyId, certificates: z.array(Certificate).max(MAX_CERTIFICATES) }),
    errors: ['key.not_found'],
  }),
  requestRefresh: route({
    method: 'post',
    path: '/keys/{id}/refresh',
    summary: 'Ask for new shares of a key, at its next epoch',
    auth: 'none',
    repeatable: true,
    params: ofKeygen,
    query: none,
    body: RefreshRequest,
    reply: RefreshStatus,
    errors: ['key.not_found', 'refresh.request_invalid', 'epoch.stale', 'consent.expired', 'session.conflict'],
  }),
  getRefresh: route({
    method: 'get',
    path: '/keys/{id}/refresh/{refreshId}/status',
    summary: 'The state of a refresh',
    auth: 'token',
    params: ofRefresh,
    query: waiting,
    body: null,
    reply: RefreshStatus,
    errors: ['request.not_found'],
  }),
  watchRefresh: route({
    method: 'get',
    path: '/keys/{id}/refresh/{refreshId}/events',
    summary: 'The states of a refresh as they come',
    auth: 'token',
    events: true,
    params: ofRefresh,
    query: none,
    body: null,
    reply: RefreshStatus,
    errors: ['request.not_found'],
  }),
  listSignings: route({
    method: 'get',
    path: '/keys/{id}/signings',
    summary: 'Signings of a key that have not ended; waits for one to appear',
    auth: 'token',
    params: ofKeygen,
    query: z.strictObject({ wait: Wait.optional() }),
    body: null,
    reply: z.strictObject({ signings: z.array(SigningStatus) }),
    errors: ['key.not_found'],
  }),
} as const

export type RouteName = keyof typeof routes
export type RouteBody<N extends RouteName> = (typeof routes)[N]['body'] extends z.ZodType
  ? z.input<(typeof routes)[N]['body']>
  : undefined
export type RouteReply<N extends RouteName> = z.infer<(typeof routes)[N]['reply']>
