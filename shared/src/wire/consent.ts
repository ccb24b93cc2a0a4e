import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'
import { ContentTypes, type ContentType } from '../contents/table.ts'
import { Digest, Index, LifeIds, Time, UserId } from './ids.ts'
import { signed, type Signed } from './signed.ts'
import { MAX_ITEMS } from './signing.ts'

/** One request, by R. */
const RequestScope = z.strictObject({ kind: z.literal('request'), requestDigest: Digest })

/** Every request of these askers for these types of content: at most `count` signatures in any window of `seconds`. */
export interface StandingScope {
  kind: 'standing'
  askers: string[]
  content: ContentType[]
  limit: { count: number; seconds: number }
}
export const StandingScope = z.toZod<StandingScope>()(
  z.strictObject({
    kind: z.literal('standing'),
    askers: z.array(UserId).check(z.minLength(1), z.maxLength(32)),
    content: ContentTypes,
    limit: z.strictObject({
      count: z.int().check(z.minimum(1), z.maximum(1_000_000)),
      seconds: z.int().check(z.minimum(1), z.maximum(31_536_000)),
    }),
  }),
)

/**
 * What every consent says. D0 names the key at all its epochs, and is known before the key is made; `index` names the share.
 * Times are by the owner's clock.
 */
interface ConsentBody {
  skeletonDigest: Digest
  index: number
  reason: string | null
  givenAt: number
  expiresAt: number
}
const common = {
  skeletonDigest: Digest,
  index: Index,
  reason: z.nullable(Text.check(z.maxLength(200))),
  givenAt: Time,
  expiresAt: Time,
}

export type Decision = 'approve' | 'reject'
const Decision = z.toZod<Decision>()(z.enum(['approve', 'reject']))

/** An owner's word on one request: yes or no to each of its items, in their order. */
export interface ApprovalBody extends ConsentBody {
  scope: { kind: 'request'; requestDigest: Digest }
  decisions: Decision[]
  /** As in a request. */
  lives?: string[] | undefined
}
export type Approval = Signed<ApprovalBody>
export const Approval = z.toZod<Approval>()(
  signed(
    z.strictObject({
      ...common,
      scope: RequestScope,
      decisions: z.array(Decision).check(z.minLength(1), z.maxLength(MAX_ITEMS)),
      lives: z.optional(LifeIds),
    }),
  ),
)

/** An owner's word on requests to come. There is no standing rejection: who has given no grant is asked each time. */
export interface GrantBody extends ConsentBody {
  scope: StandingScope
  decision: 'approve'
}
export type Grant = Signed<GrantBody>
export const Grant = z.toZod<Grant>()(
  signed(z.strictObject({ ...common, scope: StandingScope, decision: z.literal('approve') })),
)

/** One request for a refresh, by its digest. */
const RefreshScope = z.strictObject({ kind: z.literal('refresh'), requestDigest: Digest })

/** A second participant's word on a request for a refresh, in the form of a consent. It lets no share sign. */
export interface SecondingBody extends ConsentBody {
  scope: { kind: 'refresh'; requestDigest: Digest }
  decision: 'approve'
}
export type Seconding = Signed<SecondingBody>
export const Seconding = z.toZod<Seconding>()(
  signed(z.strictObject({ ...common, scope: RefreshScope, decision: z.literal('approve') })),
)

/** A share owner's word on signing with that share, by the owner's auth key over H(consent, body). */
export type Consent = Approval | Grant
export const Consent = z.toZod<Consent>()(z.union([Approval, Grant]))
