import { CLOCK_SKEW } from '@quorate/shared/consent/times'
import { isLater, isSameLife } from '@quorate/shared/verify/lives'
import type { EnclaveIdentity, Life } from '@quorate/shared/wire/identity'

/**
 * Two processes with the keys of one host were at work at the same time: somebody has started its sealed root twice. Nothing that
 * was signed is wrong by that. Whoever can do so to as many hosts as a quorum has can use grants twice; ask the operator.
 */
export type ForkedHost = Readonly<{ enclaveId: string; lives: readonly [Life, Life] }>

/** Compares what hosts sign with what they signed before, for as long as this program runs. */
export type HostLives = Readonly<{
  /** The host spoke in this life at `at` (ms, by its own clock). Its word must have been verified. */
  see: (host: EnclaveIdentity, life: Life, at: number) => void
}>

/** A life, and when it was last heard of. */
type Seen = Readonly<{ life: Life; lastAt: number }>

/** A start ends the life before it, so that none speaks after a later one has begun. Hosts' clocks may differ by a minute. */
const overlap = (earlier: Seen, later: Life): boolean => earlier.lastAt > later.startedAt + CLOCK_SKEW

export function createHostLives(onForked: (fork: ForkedHost) => void): HostLives {
  const newest = new Map<string, Seen>()
  return {
    see({ signKey, enclaveId }, life, at) {
      const known = newest.get(signKey)
      const seen: Seen = { life, lastAt: at }
      if (known === undefined || isSameLife(known.life, life)) {
        newest.set(signKey, { life, lastAt: Math.max(at, known?.lastAt ?? at) })
        return
      }
      const [earlier, later] = isLater(life, known.life) ? [known, seen] : [seen, known]
      newest.set(signKey, later)
      if (overlap(earlier, later.life)) onForked({ enclaveId, lives: [earlier.life, later.life] })
    },
  }
}

/** Says it where nobody has said what to do. */
export function warnOfFork({ enclaveId, lives }: ForkedHost): void {
  const starts = lives.map(({ startedAt }) => new Date(startedAt).toISOString()).join(' and ')
  // eslint-disable-next-line no-console -- the page or the program has said nothing of what to do
  console.warn(`quorate: two processes sign as ${enclaveId}, started at ${starts}: its sealed root was started twice`)
}
