import { Refusal } from '@quorate/shared/errors'
import { Holdings } from '@quorate/shared/holdings'

/** Of one asker at once: as many as a gateway lets it have open, and more. */
const MOST_OF_ONE = 1_000
/** Of all askers. About 20 MB. */
const MOST = 100_000

/** The requests that their askers have withdrawn, as far as this life of the host has heard. */
export type Withdrawn = Readonly<{
  /** Throws `signing.withdrawn`. */
  requireOpen: (requestDigest: string) => void
  /** Remembered until the request is over (ms). `asker`: names a participant of a key. */
  withdraw: (asker: string, requestDigest: string, until: number) => void
}>

/**
 * Nobody makes it forget the withdrawals of another: beyond `ofOne` an asker's own oldest goes, and beyond `most` the oldest of whoever
 * has withdrawn most.
 */
export function createWithdrawn(clock: () => number, most = MOST, ofOne = MOST_OF_ONE): Withdrawn {
  const held = new Holdings()
  const ends = new Map<string, number>()

  function forget(requestDigest: string | null): void {
    if (requestDigest === null) return
    held.release(requestDigest)
    ends.delete(requestDigest)
  }

  return {
    requireOpen(requestDigest) {
      if (ends.has(requestDigest)) throw new Refusal('signing.withdrawn')
    },
    withdraw(asker, requestDigest, until) {
      const now = clock()
      if (ends.has(requestDigest) || until <= now) return
      for (const known of held.things(asker)) if ((ends.get(known) ?? 0) <= now) forget(known)
      if (held.count(asker) >= ofOne) forget(held.oldest(asker))
      if (ends.size >= most) forget(held.oldest(held.largest() ?? ''))
      held.take(asker, requestDigest)
      ends.set(requestDigest, until)
    },
  }
}
