import * as z from 'zod/mini'
import { KeyId, RefreshId, Time } from '../ids.ts'
import { Certificate } from '../certificate.ts'
import { Installed, Prepared, RefreshRequest, RefreshState } from '../refresh.ts'
import { Failure } from '../status.ts'
import { none, route, waiting } from './route.ts'

/** `version` grows with every change: a client gives it back as `after` to wait for the next one. */
export interface RefreshStatus {
  refreshId: RefreshId
  keyId: KeyId
  version: number
  state: RefreshState
  /** When all hosts must have prepared. After that the refresh has no deadline: it goes on until all have installed. */
  expiresAt: number
  attempt: number
  request: RefreshRequest
  failure: Failure | null
  /** Of the next epoch, once all hosts have signed it. */
  certificate: Certificate | null
  prepared: Prepared[]
  installed: Installed[]
}
export const RefreshStatus = z.toZod<RefreshStatus>()(
  z.strictObject({
    refreshId: RefreshId,
    keyId: KeyId,
    version: z.int(),
    state: RefreshState,
    expiresAt: Time,
    attempt: z.int(),
    request: RefreshRequest,
    failure: z.nullable(Failure),
    certificate: z.nullable(Certificate),
    prepared: z.array(Prepared),
    installed: z.array(Installed),
  }),
)

/** Refreshing a key: from the request to the next epoch. */
export const refreshRoutes = {
  requestRefresh: route({
    method: 'post',
    path: '/keys/{keyId}/refresh',
    summary: 'Ask for new shares of a key, at its next epoch',
    wants: 'nobody',
    repeatable: true,
    query: none,
    body: RefreshRequest,
    reply: RefreshStatus,
    errors: [
      'key.not_found',
      'refresh.request_invalid',
      'epoch.stale',
      'consent.expired',
      'session.conflict',
      'bound.reached',
    ],
  }),
  getRefresh: route({
    method: 'get',
    path: '/keys/{keyId}/refresh/{refreshId}/status',
    summary: 'The state of a refresh',
    wants: 'reader',
    query: waiting,
    body: null,
    reply: RefreshStatus,
    errors: ['request.not_found'],
  }),
  watchRefresh: route({
    method: 'get',
    path: '/keys/{keyId}/refresh/{refreshId}/events',
    summary: 'The states of a refresh as they come',
    wants: 'reader',
    events: true,
    query: none,
    body: null,
    reply: RefreshStatus,
    errors: ['request.not_found', 'bound.reached'],
  }),
} as const
