import { contentOf, ContentType } from '@quorate/shared/contents/table'
import { GrantTerms } from '../keygen/grant.ts'
import { milliseconds, timeAfter } from './session.ts'
import { UsageError } from './usage.ts'

export type GrantOptions = Readonly<{ standing?: string; until: string; limit: string; content: ContentType[] }>

/** All that a grant covers when nobody has said what. Some types must be named. */
export const usualContent: ContentType[] = ContentType.options.filter((type) => !contentOf(type).explicit)

/**
 * The standing grant for the own share, dated `now` (ms), for `content` as far as the key's policy permits it; null when the owner
 * wants to be asked each time.
 */
export function readGrant({ standing, until, limit, content }: GrantOptions, now: number): GrantTerms | null {
  if (standing === undefined) return null
  const [count, window] = limit.split('/')
  const terms = GrantTerms.safeParse({
    askers: standing.split(',').map((name) => name.trim()),
    content,
    limit: { count: Number(count), per: Math.ceil(milliseconds(window ?? '') / 1_000) * 1_000 },
    givenAt: now,
    expiresAt: timeAfter(until, now),
  })
  if (terms.success) return terms.data
  throw new UsageError(
    `not a standing grant: --standing alice,bob --until 24h --limit 100/1h --content bytes; raw is named alone`,
  )
}
