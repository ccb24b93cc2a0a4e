import * as z from 'zod/mini'
import type { ContentType } from '@quorate/shared/contents/table'
import { signBody } from '@quorate/shared/crypto/sign'
import { Grant, StandingScope } from '@quorate/shared/wire/consent'
import { Time } from '@quorate/shared/wire/ids'
import type { Skeleton } from '@quorate/shared/wire/keygen'
import { skeletonDigest } from './skeleton.ts'
import type { KeySigner } from '../signer.ts'

/** At most `count` signatures in any window of `per` ms, in whole seconds. */
const Limit = z.strictObject({
  count: StandingScope.shape.limit.shape.count,
  per: z.int().check(z.minimum(1_000), z.maximum(31_536_000_000), z.multipleOf(1_000)),
})

/**
 * A standing grant for the own share, as its owner words it: these askers get signatures of this content, at most `limit.count` in
 * any `limit.per` ms, until `expiresAt` (ms). `givenAt` (ms) is now when nothing is said; who repeats a registration says it again.
 */
export interface GrantTerms {
  askers: string[]
  content: ContentType[]
  limit: { count: number; per: number }
  givenAt?: number | undefined
  expiresAt: number
}
export const GrantTerms = z.toZod<GrantTerms>()(
  z.extend(z.omit(StandingScope, { kind: true, limit: true }), {
    limit: Limit,
    givenAt: z.optional(Time),
    expiresAt: Time,
  }),
)

/** The grant of participant `index` for its share of this key, signed. `now`: ms. */
export async function writeGrant(
  skeleton: Skeleton,
  { index, signer }: Readonly<{ index: number; signer: KeySigner }>,
  { givenAt, expiresAt, limit: { count, per }, ...terms }: GrantTerms,
  now: number,
): Promise<Grant> {
  const body = Grant.shape.body.parse({
    skeletonDigest: skeletonDigest(skeleton),
    index,
    scope: { kind: 'standing', ...terms, limit: { count, seconds: per / 1_000 } },
    decision: 'approve',
    reason: null,
    givenAt: givenAt ?? now,
    expiresAt,
  })
  return Grant.parse(await signBody(signer, 'consent', body))
}
