import * as z from 'zod/mini'
import { Text } from '../../contents/content.ts'
import { KeyId, LifeIds, Random32, Time } from '../ids.ts'
import { signed } from '../signed.ts'
import { none, route } from './route.ts'

/** Proof for a read-only token: signed by the reader key over H(session, this). */
export const SessionProof = signed(
  z.strictObject({ keyId: KeyId, gateway: Text.check(z.maxLength(256)), time: Time, nonce: Random32 }),
)
export type SessionProof = z.infer<typeof SessionProof>

/** The exchange of a proof for a token. */
export const sessionRoutes = {
  openSession: route({
    method: 'post',
    path: '/sessions',
    summary: 'Exchange a proof of the reader key for a read-only token',
    wants: 'nobody',
    query: none,
    body: SessionProof,
    /** `lives`: of the hosts of the key, as far as the gateway reaches them. */
    reply: z.strictObject({ token: Text, expiresAt: Time, lives: LifeIds }),
    errors: ['request.unauthorized', 'request.wrong_gateway', 'request.wrong_time', 'bound.reached'],
  }),
} as const
