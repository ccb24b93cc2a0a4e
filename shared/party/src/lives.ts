import { Refusal } from '@quorate/shared/errors'
import { isLater, isSameLife } from '@quorate/shared/verify/lives'
import type { Life } from '@quorate/shared/wire/identity'
import type { SignKey } from '@quorate/shared/wire/ids'

/**
 * The newest life that this host knows of each other host. Lives of one identity are ordered, so that a later one retires those before
 * it for good, whatever order they are seen in: of a host and its clone, one is over for everybody who has seen the other.
 */
export type Lives = Readonly<{
  /** A life that its host has proved, or said itself under V. Throws `life.retired` for one that is over, `enclave.busy` when there is no more room. */
  see: (host: SignKey, life: Life) => void
  /** What another host has told of it: as `see`, and one that is over is no news. */
  hear: (host: SignKey, life: Life) => void
  newest: (host: SignKey) => Life | null
}>

/** About 40 MB. */
const MOST = 200_000

/** Nothing is forgotten: who can start hosts could make it forget that another one is over. */
export function createLives(most = MOST): Lives {
  const newest = new Map<SignKey, Life>()
  function hear(host: SignKey, life: Life): void {
    const known = newest.get(host)
    if (known === undefined && newest.size >= most) throw new Refusal('enclave.busy')
    if (known === undefined || isLater(life, known)) newest.set(host, life)
  }
  return {
    hear,
    see(host, life) {
      hear(host, life)
      const known = newest.get(host)
      if (known !== undefined && !isSameLife(known, life)) throw new Refusal('life.retired')
    },
    newest: (host) => newest.get(host) ?? null,
  }
}
