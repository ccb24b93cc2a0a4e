import { Refusal } from '@quorate/shared/errors'

/** About 40 MB. Whoever wants the oldest forgotten needs as many requests that people agree to. */
const MOST = 250_000

/** The requests that this life of the host has given a receipt for, and for which package. It remembers the latest of them. */
export type Ended = Readonly<{
  /** Throws `signing.ended` once there is a receipt for this request. */
  requireOpen: (requestDigest: string) => void
  /** From now on there is a receipt for this package, and for no other. Throws `signing.ended` when there is one for another. */
  end: (requestDigest: string, packageDigest: string) => void
}>

export function createEnded(most = MOST): Ended {
  const packages = new Map<string, string>()
  return {
    requireOpen(requestDigest) {
      if (packages.has(requestDigest)) throw new Refusal('signing.ended')
    },
    end(requestDigest, packageDigest) {
      const before = packages.get(requestDigest)
      if (before !== undefined && before !== packageDigest) throw new Refusal('signing.ended')
      packages.set(requestDigest, packageDigest)
      const [oldest] = packages.keys()
      if (packages.size > most && oldest !== undefined) packages.delete(oldest)
    },
  }
}
