import { GrantTerms } from '../keygen/grant.ts'
import { milliseconds } from './session.ts'
import { UsageError } from './usage.ts'

export type GrantOptions = Readonly<{ standing?: string; until: string; limit: string }>

/**
 * The standing grant for the own share, dated `now` (ms); null when the owner wants to be asked each time. It covers all that the
 * key's policy permits.
 */
export function readGrant({ standing, until, limit }: GrantOptions, now: number): GrantTerms | null {
  if (standing === undefined) return null
  const [count, window] = limit.split('/')
  const terms = GrantTerms.safeParse({
    askers: standing.split(',').map((name) => name.trim()),
    content: ['bytes', 'nostr-event'],
    limit: { count: Number(count), seconds: Math.ceil(milliseconds(window ?? '') / 1_000) },
    givenAt: now,
    expiresAt: /^\d+(ms|s|m|h|)$/.test(until) ? now + milliseconds(until) : Date.parse(until),
  })
  if (terms.success) return terms.data
  throw new UsageError(`not a standing grant: --standing alice,bob --until 24h --limit 100/1h`)
}
