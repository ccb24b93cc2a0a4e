import { QuorateError, refuse } from '../errors.ts'
import { sleep } from '../http/retry.ts'
import type { Key } from '../key.ts'
import type { Participant } from '../participant.ts'
import type { Signing } from '../signing/signing.ts'
import { failureOf, findAt, passOver, worstOf } from './keys-here.ts'
import type { Session } from './session.ts'
import { watchNewest, withNewest } from './up-to-date.ts'

export type Found = Readonly<{ me: Participant; signing: Signing }>

/** A signing id does not say of which key it is: each key's session secret is tried. The key may have been refreshed since it was kept. */
export function findSigning(session: Session, keys: readonly Key[], signingId: string): Promise<Found> {
  return findAt(session, keys, async (key, signal) => {
    const me = await session.participant(key.gateway)
    try {
      return { me, signing: await withNewest(session, me, key, (newest) => me.signing(newest, signingId, { signal })) }
    } catch (error) {
      const elsewhere = error instanceof QuorateError && /^(request|key)\.(not_found|unauthorized)$/.test(error.code)
      if (elsewhere) return null
      throw error
    }
  })
}

/** A gateway that is away is asked again so many ms later, while others are there. */
const pause = 5_000

/**
 * The first request that waits for this participant, at whichever key. A key at which nothing can be found is named and passed over; one whose
 * gateway is away is tried again. Throws why when no key is left.
 */
export async function nextSigning(session: Session, keys: readonly Key[]): Promise<Found> {
  const stop = new AbortController()
  const signal = AbortSignal.any([session.signal, stop.signal])
  const failures = new Map<Key, QuorateError>()
  session.terminal.progress(`waiting for a request to ${keys.length === 1 ? 'the key' : `${keys.length} keys`} …`)
  const watch = async (kept: Key): Promise<Found> => {
    for (;;)
      try {
        return await nextOf(session, kept, { signal, answered: () => failures.delete(kept) })
      } catch (error) {
        signal.throwIfAborted()
        const failure = failureOf(error)
        if (keys.length > 1 && !failures.has(kept)) passOver(session, kept, failure)
        failures.set(kept, failure)
        if (failures.size === keys.length) throw worstOf([...failures.values()])
        await sleep(failure.code === 'gateway.unavailable' ? pause : longest, signal)
      }
  }
  try {
    return await Promise.race(keys.map(watch))
  } finally {
    stop.abort()
  }
}

/** Longer than anybody waits, ms: as much as a timer takes. */
const longest = 2 ** 31 - 1

/** The next request to one key. */
async function nextOf(
  session: Session,
  kept: Key,
  { signal, answered }: Readonly<{ signal: AbortSignal; answered: () => void }>,
): Promise<Found> {
  const me = await session.participant(kept.gateway)
  for await (const signing of watchNewest(session, me, kept, signal, answered)) return { me, signing }
  return refuse('request.not_found')
}
