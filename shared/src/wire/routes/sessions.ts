import { z } from 'zod'
import { Text } from '../../contents/content.ts'
import { KeyId, Random32, Time } from '../ids.ts'
import { signed } from '../signed.ts'
import { none, route } from './route.ts'

/** Proof for a read-only token: signed by the reader key over H(session, this). */
export const SessionProof = signed(
  z.strictObject({ keyId: KeyId, gateway: Text.max(256), time: Time, nonce: Random32 }),
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
    reply: z.strictObject({ token: Text, expiresAt: Time }),
    errors: ['request.unauthorized', 'bound.reached'],
  }),
} as const
