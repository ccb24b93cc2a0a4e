import { z } from 'zod'
import { Approval } from '../consent.ts'
import { Index, KeyId, SigningId, Time } from '../ids.ts'
import { ItemResult, SealedItems, SigningReceipt, SigningRequest, SigningState } from '../signing.ts'
import { Failure } from '../status.ts'
import { none, route, Wait, waiting } from './route.ts'

export const SigningBody = z.strictObject({ request: SigningRequest, sealedItems: SealedItems })

/** `version` grows with every change: a client gives it back as `after` to wait for the next one. */
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

/** Signing: from the request to the signatures. */
export const signingRoutes = {
  requestSigning: route({
    method: 'post',
    path: '/signing',
    summary: 'Ask for signatures',
    wants: 'nobody',
    repeatable: true,
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
    path: '/signing/{signingId}/approve',
    summary: 'Approve or reject a request',
    wants: 'nobody',
    repeatable: true,
    query: none,
    body: Approval,
    reply: SigningStatus,
    errors: ['request.not_found', 'consent.invalid', 'consent.expired', 'session.conflict', 'session.elsewhere'],
  }),
  getSigning: route({
    method: 'get',
    path: '/signing/{signingId}/status',
    summary: 'The state of a signing',
    wants: 'reader',
    query: waiting,
    body: null,
    reply: SigningStatus,
    errors: ['request.not_found'],
  }),
  watchSigning: route({
    method: 'get',
    path: '/signing/{signingId}/events',
    summary: 'The states of a signing as they come',
    wants: 'reader',
    events: true,
    query: none,
    body: null,
    reply: SigningStatus,
    errors: ['request.not_found'],
  }),
  listSignings: route({
    method: 'get',
    path: '/keys/{keyId}/signings',
    summary: 'Signings of a key that have not ended; waits for one to appear',
    wants: 'reader',
    query: z.strictObject({ wait: Wait.optional() }),
    body: null,
    reply: z.strictObject({ signings: z.array(SigningStatus) }),
    errors: ['key.not_found'],
  }),
} as const
