import { boundReached } from '@quorate/shared/errors'
import { Holdings } from '@quorate/shared/holdings'

/** Whose a request is that lasts: of which address, and with which token for which key. */
export type Whose = Readonly<{ address: string; token: string; key: string }>

/** How many may last at once. */
export type LastingBounds = Readonly<{ address: number; token: number; key: number; gateway: number }>

/** Event streams, each of which is a connection. */
export const streamBounds: LastingBounds = { address: 64, token: 32, key: 256, gateway: 4_000 }
/** GETs that wait. Whoever waits for many signings of a key does so with one token. */
export const waitBounds: LastingBounds = { address: 512, token: 256, key: 2_048, gateway: 5_000 }

/** Seconds. A stream lasts minutes, and a wait a minute at most. */
const RETRY_AFTER = 15

/** Requests that last. Each can be ended early, since whoever asks goes on where it stood. */
export type Lasting = Readonly<{
  /**
   * Begins one; gives what ends its being counted. Throws `bound.reached`. When there are too many of all, the oldest of the address that
   * has most is ended by `end`.
   */
  begin: (whose: Whose, end: () => void) => () => void
}>

export function createLasting(bounds: LastingBounds): Lasting {
  const held = { token: new Holdings(), key: new Holdings(), address: new Holdings() }
  const ends = new Map<string, () => void>()
  let begun = 0

  function forget(name: string): void {
    ends.delete(name)
    for (const holdings of Object.values(held)) holdings.release(name)
  }

  return {
    begin(whose, end) {
      for (const by of ['token', 'key', 'address'] as const)
        if (held[by].count(whose[by]) >= bounds[by]) throw boundReached(by, RETRY_AFTER)
      if (ends.size >= bounds.gateway) {
        const oldest = held.address.oldest(held.address.largest() ?? '') ?? ''
        const endOldest = ends.get(oldest)
        forget(oldest)
        endOldest?.()
      }
      begun += 1
      const name = String(begun)
      ends.set(name, end)
      for (const by of ['token', 'key', 'address'] as const) held[by].take(whose[by], name)
      return () => forget(name)
    },
  }
}
