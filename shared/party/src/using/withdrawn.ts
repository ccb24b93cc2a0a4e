import { Refusal } from '@quorate/shared/errors'

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
  const askers = new Map<string, Map<string, number>>()
  const all = new Set<string>()

  function forget(asker: string, requestDigest: string): void {
    const own = askers.get(asker)
    own?.delete(requestDigest)
    all.delete(requestDigest)
    if (own?.size === 0) askers.delete(asker)
  }

  function forgetOldest(asker: string): void {
    const [oldest] = askers.get(asker)?.keys() ?? []
    if (oldest !== undefined) forget(asker, oldest)
  }

  /** Who has withdrawn most. */
  const largest = (): string => {
    let found = ''
    for (const [asker, own] of askers) if (own.size > (askers.get(found)?.size ?? 0)) found = asker
    return found
  }

  return {
    requireOpen(requestDigest) {
      if (all.has(requestDigest)) throw new Refusal('signing.withdrawn')
    },
    withdraw(asker, requestDigest, until) {
      const now = clock()
      if (all.has(requestDigest) || until <= now) return
      for (const [digest, end] of askers.get(asker) ?? []) if (end <= now) forget(asker, digest)
      if ((askers.get(asker)?.size ?? 0) >= ofOne) forgetOldest(asker)
      if (all.size >= most) forgetOldest(largest())
      const own = askers.get(asker) ?? new Map<string, number>()
      askers.set(asker, own.set(requestDigest, until))
      all.add(requestDigest)
    },
  }
}
