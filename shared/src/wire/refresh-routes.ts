import { z } from 'zod'
import { KeyId, RefreshId } from './ids.ts'
import { Certificate } from './keygen.ts'
import { RefreshRequest } from './refresh.ts'
import { RefreshStatus } from './rest.ts'
import { none, route, waiting } from './route.ts'

/** As many certificates as one answer holds; who is further behind asks again. */
export const MAX_CERTIFICATES = 32

const ofKey = z.strictObject({ id: KeyId })
const ofRefresh = z.strictObject({ id: KeyId, refreshId: RefreshId })

/** The routes by which a key goes to its next epoch, and by which who holds it follows. */
export const refreshRoutes = {
  listCertificates: route({
    method: 'get',
    path: '/keys/{id}/certificates',
    summary: "A key's certificates from an epoch on, each of which names the one before",
    auth: 'token',
    params: ofKey,
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
    params: ofKey,
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
} as const
