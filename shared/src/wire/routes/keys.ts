import * as z from 'zod/mini'
import { mostParticipants } from '../../schemes/table.ts'
import { KeyId } from '../ids.ts'
import { Certificate } from '../certificate.ts'
import { Installed } from '../refresh.ts'
import { none, route, wholeNumber } from './route.ts'

/** The most certificates in one answer. A client that is further behind asks again. */
export const MAX_CERTIFICATES = 32

/**
 * A key at one epoch, with the word of each host that it signs at this very version only, in the order of indices.
 */
export const KeyEpoch = z.strictObject({
  certificate: Certificate,
  installed: z.array(Installed).check(z.maxLength(mostParticipants)),
})
export type KeyEpoch = z.infer<typeof KeyEpoch>

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
    summary:
      "A key's certificates from an epoch on, each naming the one before, with the words of the hosts that are at it",
    wants: 'reader',
    query: z.strictObject({ from: wholeNumber }),
    body: null,
    reply: z.strictObject({ keyId: KeyId, epochs: z.array(KeyEpoch).check(z.maxLength(MAX_CERTIFICATES)) }),
    errors: ['key.not_found'],
  }),
} as const
