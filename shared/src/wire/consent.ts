import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'
import { ContentTypes } from '../contents/table.ts'
import { Digest, Index, LifeIds, Time, UserId } from './ids.ts'
import { signed } from './signed.ts'
import { MAX_ITEMS } from './signing.ts'

/** One request, by R. */
const RequestScope = z.strictObject({ kind: z.literal('request'), requestDigest: Digest })

/** Every request of these askers for these types of content: at most `count` signatures in any window of `seconds`. */
export const StandingScope = z.strictObject({
  kind: z.literal('standing'),
  askers: z.array(UserId).check(z.minLength(1), z.maxLength(32)),
  content: ContentTypes,
  limit: z.strictObject({
    count: z.int().check(z.minimum(1), z.maximum(1_000_000)),
    seconds: z.int().check(z.minimum(1), z.maximum(31_536_000)),
  }),
})
export type StandingScope = z.infer<typeof StandingScope>

/**
 * What every consent says. D0 names the key at all its epochs, and is known before the key is made; `index` names the share.
 * Times are by the owner's clock.
 */
const common = {
  skeletonDigest: Digest,
  index: Index,
  reason: z.nullable(Text.check(z.maxLength(200))),
  givenAt: Time,
  expiresAt: Time,
}

const Decision = z.enum(['approve', 'reject'])
export type Decision = z.infer<typeof Decision>

/** An owner's word on one request: yes or no to each of its items, in their order. */
export const Approval = signed(
  z.strictObject({
    ...common,
    scope: RequestScope,
    decisions: z.array(Decision).check(z.minLength(1), z.maxLength(MAX_ITEMS)),
    /** As in a request. */
    lives: z.optional(LifeIds),
  }),
)
export type Approval = z.infer<typeof Approval>

/** An owner's word on requests to come. There is no standing rejection: who has given no grant is asked each time. */
export const Grant = signed(z.strictObject({ ...common, scope: StandingScope, decision: z.literal('approve') }))
export type Grant = z.infer<typeof Grant>

/** One request for a refresh, by its digest. */
const RefreshScope = z.strictObject({ kind: z.literal('refresh'), requestDigest: Digest })

/** A second participant's word on a request for a refresh, in the form of a consent. It lets no share sign. */
export const Seconding = signed(z.strictObject({ ...common, scope: RefreshScope, decision: z.literal('approve') }))
export type Seconding = z.infer<typeof Seconding>

/** A share owner's word on signing with that share, by the owner's auth key over H(consent, body). */
export const Consent = z.union([Approval, Grant])
export type Consent = z.infer<typeof Consent>
