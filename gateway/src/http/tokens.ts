import { Refusal } from '@quorate/shared/errors'
import { KeyId } from '@quorate/shared/wire/ids'
import { jwtVerify, SignJWT } from 'jose'
import * as z from 'zod'

/** Seconds that a token is good for. */
const LIFETIME = 15 * 60
/** A valid token has some 250 characters. */
const MAX_LENGTH = 1_024
const MAX_CACHED = 10_000

export type Tokens = {
  /** A token to read what belongs to one key, and when it ends (ms). */
  issue(keyId: KeyId): Promise<{ token: string; expiresAt: number }>
  /** The key of the bearer. Throws `request.unauthorized` for whatever is not a token of ours that is good now. */
  verify(authorization: string | undefined): Promise<KeyId>
}

/** The claims of a token that `jose` has verified. */
const Claims = z.object({ sub: KeyId, exp: z.int() })

/**
 * JWTs (RFC 7519) under HS256 with `secret` (32 bytes) for `audience`. The algorithm is ours and never the token's. A
 * token is verified once: the same text is recognised until it ends.
 */
export function createTokens(secret: Uint8Array, audience: string, clock: () => number): Tokens {
  const key = crypto.subtle.importKey('raw', Buffer.from(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ])
  const verified = new Map<string, { keyId: KeyId; expiresAt: number }>()

  async function verifyAnew(token: string): Promise<KeyId> {
    const options = { algorithms: ['HS256'], audience, typ: 'JWT', currentDate: new Date(clock()) }
    const { payload } = await jwtVerify(token, await key, options)
    const { sub, exp } = Claims.parse(payload)
    if (verified.size >= MAX_CACHED) verified.clear()
    verified.set(token, { keyId: sub, expiresAt: exp * 1_000 })
    return sub
  }

  return {
    async issue(keyId) {
      const now = Math.floor(clock() / 1_000)
      const jwt = new SignJWT().setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).setSubject(keyId).setAudience(audience)
      const token = await jwt
        .setIssuedAt(now)
        .setExpirationTime(now + LIFETIME)
        .sign(await key)
      return { token, expiresAt: (now + LIFETIME) * 1_000 }
    },
    async verify(authorization) {
      const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1]
      if (token === undefined || token.length > MAX_LENGTH) throw new Refusal('request.unauthorized')
      const known = verified.get(token)
      if (known !== undefined && known.expiresAt > clock()) return known.keyId
      try {
        return await verifyAnew(token)
      } catch {
        throw new Refusal('request.unauthorized')
      }
    },
  }
}
