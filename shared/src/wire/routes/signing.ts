import * as z from 'zod/mini'
import { Approval } from '../consent.ts'
import { Index, KeyId, SigningId, Time } from '../ids.ts'
import {
  ItemResult,
  ItemState,
  SealedItems,
  SigningReceipt,
  SigningRequest,
  SigningState,
  Withdrawal,
} from '../signing.ts'
import { Failure } from '../status.ts'
import { none, route, Wait, waiting, wholeNumber } from './route.ts'

/** Bytes of a request with its sealed items: 100 items of some 10,000 each, or one of 1,000,000. */
export const MAX_SIGNING = 1 << 20

export const SigningBody = z.strictObject({ request: SigningRequest, sealedItems: SealedItems })

/** `version` grows with every change: a client gives it back as `after` to wait for the next one. */
export interface SigningProgress {
  signingId: SigningId
  keyId: KeyId
  version: number
  state: SigningState
  expiresAt: number
  attempt: number
  request: SigningRequest
  /** One per item of the request. */
  items: ItemState[]
  approvals: Approval[]
  quorum: number[]
  failure: Failure | null
  /** How each item ended, once the signing has completed. */
  results: ItemResult[] | null
  receipts: SigningReceipt[]
}
export const SigningProgress = z.toZod<SigningProgress>()(
  z.strictObject({
    signingId: SigningId,
    keyId: KeyId,
    version: z.int(),
    state: SigningState,
    expiresAt: Time,
    attempt: z.int(),
    request: SigningRequest,
    items: z.array(ItemState),
    approvals: z.array(Approval),
    quorum: z.array(Index),
    failure: z.nullable(Failure),
    results: z.nullable(z.array(ItemResult)),
    receipts: z.array(SigningReceipt),
  }),
)

/** With what is to be signed, for whoever has to look at it. */
export interface SigningStatus extends SigningProgress {
  sealedItems: string[]
}
export const SigningStatus = z.toZod<SigningStatus>()(z.extend(SigningProgress, { sealedItems: SealedItems }))

/** Signings that one page of a list has at most. A page also ends before its sealed items make it too long. */
export const MAX_LISTED = 100

/** Signing: from the request to the signatures. */
export const signingRoutes = {
  requestSigning: route({
    method: 'post',
    path: '/signing',
    summary: 'Ask for signatures',
    wants: 'nobody',
    repeatable: true,
    longest: MAX_SIGNING,
    query: none,
    body: SigningBody,
    reply: SigningProgress,
    errors: [
      'key.not_found',
      'signing.request_invalid',
      'lives.stale',
      'consent.expired',
      'content.not_permitted',
      'subgroup.unknown',
      'content.mismatch',
      'seal.invalid',
      'session.conflict',
      'bound.reached',
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
    reply: SigningProgress,
    errors: [
      'lives.stale',
      'request.not_found',
      'consent.invalid',
      'consent.expired',
      'subgroup.not_member',
      'session.conflict',
      'session.elsewhere',
    ],
  }),
  withdrawSigning: route({
    method: 'post',
    path: '/signing/{signingId}/withdraw',
    summary: 'Withdraw the own request: no host that hears of it signs it any more',
    wants: 'nobody',
    repeatable: true,
    query: none,
    body: Withdrawal,
    reply: SigningProgress,
    errors: ['request.not_found', 'signing.withdrawal_invalid', 'session.conflict', 'session.elsewhere'],
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
    reply: SigningProgress,
    errors: ['request.not_found', 'bound.reached'],
  }),
  listSignings: route({
    method: 'get',
    path: '/keys/{keyId}/signings',
    summary: 'Signings of a key that have not ended, page by page; waits for a new one',
    wants: 'reader',
    query: z.strictObject({
      wait: z.optional(Wait),
      /** How many at most. */
      limit: z.optional(z.pipe(wholeNumber, z.int().check(z.minimum(1), z.maximum(MAX_LISTED)))),
      /** `next` of the page before. */
      cursor: z.optional(SigningId),
      /** `newest` of a list before: only those that came later. All, where that one has ended. */
      after: z.optional(SigningId),
    }),
    body: null,
    reply: z.strictObject({
      signings: z.array(SigningStatus).check(z.maxLength(MAX_LISTED)),
      next: z.nullable(SigningId),
      /** Which of all has come last; null when there is none. */
      newest: z.nullable(SigningId),
    }),
    errors: ['key.not_found'],
  }),
} as const
