import type { Digest } from '@quorate/shared/wire/ids'

/** Events that this life has laid out for owners: they may come again although they are old by then. The oldest give way. */
export type Waiting = Readonly<{ add: (event: Digest) => void; has: (event: Digest) => boolean }>

export function createWaiting(most = 10_000): Waiting {
  const kept = new Set<Digest>()
  return {
    add(event) {
      kept.delete(event)
      const [oldest] = kept
      if (kept.size >= most && oldest !== undefined) kept.delete(oldest)
      kept.add(event)
    },
    has: (event) => kept.has(event),
  }
}
