import { contentOf, ContentType } from '@quorate/shared/contents/table'
import { Consent } from '@quorate/shared/wire/keygen'
import { milliseconds } from './session.ts'
import { UsageError } from './usage.ts'

export type ConsentOptions = Readonly<{ standing?: string; until: string; limit: string; content: ContentType[] }>

/** All that a grant can cover when nobody has said what: types that stand alone must be named. */
export const usualContent: ContentType[] = ContentType.options.filter((type) => !contentOf(type).alone)

/** The rule of the own share: a word each time, or a standing grant for `content`, as far as the key's policy permits it. */
export function readConsent({ standing, until, limit, content }: ConsentOptions, now: number): Consent {
  if (standing === undefined) return { kind: 'each' }
  const [count, window] = limit.split('/')
  const consent = Consent.safeParse({
    kind: 'standing',
    grant: {
      askers: standing.split(',').map((name) => name.trim()),
      content,
      until: /^\d+(ms|s|m|h|)$/.test(until) ? now + milliseconds(until) : Date.parse(until),
      limit: { count: Number(count), seconds: Math.ceil(milliseconds(window ?? '') / 1_000) },
    },
  })
  if (consent.success) return consent.data
  throw new UsageError(
    `not a standing grant: --standing alice,bob --until 24h --limit 100/1h --content bytes; raw is named alone`,
  )
}
