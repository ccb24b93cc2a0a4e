import { boundReached, type Holder } from '@quorate/shared/errors'

type Terms = Readonly<{ of: Holder; most: number; ms: number; clock: () => number; names?: number }>

/** How often each holder may do something that is never taken back. Throws `bound.reached`. */
export type Quota = Readonly<{ spend: (holder: string) => void }>

/** Holders that are remembered at once: some 10 MB. Beyond them the one whose window began first is forgotten. */
const MOST_NAMES = 50_000

/** So many times (`most`) in a window of `ms` that begins with the first. The past of before a start of the gateway does not count. */
export function createQuota({ of, most, ms, clock, names = MOST_NAMES }: Terms): Quota {
  const spent = new Map<string, { until: number; times: number }>()
  return {
    spend(holder) {
      const now = clock()
      const known = spent.get(holder)
      if (known === undefined || known.until <= now) {
        spent.delete(holder)
        const [oldest] = spent.keys()
        if (spent.size >= names && oldest !== undefined) spent.delete(oldest)
        spent.set(holder, { until: now + ms, times: 1 })
        return
      }
      if (known.times >= most) throw boundReached(of, Math.ceil((known.until - now) / 1_000))
      known.times += 1
    },
  }
}
