import { z } from 'zod'
import { KeyId } from '../ids.ts'
import { Certificate } from '../certificate.ts'
import { none, route, wholeNumber } from './route.ts'

/** The most certificates in one answer. A client that is further behind asks again. */
export const MAX_CERTIFICATES = 32

/** Keys that are made: what their hosts have certified. */
export const keyRoutes = {
  getKey: route({
    method: 'get',
    path: '/keys/{keyId}',
    summary: "A key's certificate",
    wants: 'reader',
    query: none,
    body: null,
    reply: z.strictObject({ keyId: KeyId, certificate: Certificate }),
    errors: ['key.not_found'],
  }),
  listCertificates: route({
    method: 'get',
    path: '/keys/{keyId}/certificates',
    summary: "A key's certificates from an epoch on, each of which names the one before",
    wants: 'reader',
    query: z.strictObject({ from: wholeNumber }),
    body: null,
    reply: z.strictObject({ keyId: KeyId, certificates: z.array(Certificate).max(MAX_CERTIFICATES) }),
    errors: ['key.not_found'],
  }),
} as const
