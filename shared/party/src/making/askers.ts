import { Refusal } from '@quorate/shared/errors'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'

/** How long after a refresh its asker needs a second participant for another one of the key. 24 hours, in ms. */
const ALONE_AGAIN = 86_400_000
/** About 20 MB of each. */
const MOST = 100_000

/** Who had which key refreshed, as far as this life of the host remembers: a refresh ends what the others are about to sign. */
export type Askers = Readonly<{
  /** Throws `refresh.too_soon` with the asker. `lineage`: of the key whose refresh is asked for. `now` in ms. */
  require: (request: RefreshRequest, lineage: Digest, now: number) => void
  /** This host has certified the version with this digest, at the wish of this participant. */
  certified: (digest: string, asker: number) => void
  /** This host has installed that version. Again: nothing. `now` in ms. */
  installed: (lineage: Digest, digest: string, now: number) => void
}>

/** Sets an entry as the newest, and lets the oldest go when there are too many. */
function put<V>(entries: Map<string, V>, name: string, value: V): void {
  entries.delete(name)
  const [oldest] = entries.keys()
  if (entries.size >= MOST && oldest !== undefined) entries.delete(oldest)
  entries.set(name, value)
}

export function createAskers(): Askers {
  const wishes = new Map<string, number>()
  const installedAt = new Map<string, number>()
  return {
    require({ body: { asker }, seconded }, lineage, now) {
      const last = installedAt.get(`${lineage}/${asker}`)
      if (last === undefined || now - last >= ALONE_AGAIN || seconded !== undefined) return
      throw new Refusal('refresh.too_soon', [asker])
    },
    certified: (digest, asker) => put(wishes, digest, asker),
    installed(lineage, digest, now) {
      const asker = wishes.get(digest)
      if (asker === undefined) return
      wishes.delete(digest)
      put(installedAt, `${lineage}/${asker}`, now)
    },
  }
}
