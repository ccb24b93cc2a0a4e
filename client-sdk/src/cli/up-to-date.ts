import { QuorateError } from '../errors.ts'
import type { Key } from '../key.ts'
import type { Participant } from '../participant.ts'
import type { Signing } from '../signing/signing.ts'
import type { Session } from './session.ts'

/** The key at its present epoch, kept here when somebody has refreshed it. Says so. */
export async function bringUpToDate({ home, terminal, signal }: Session, me: Participant, key: Key): Promise<Key> {
  const newest = await me.update(key, { signal })
  const [before, now] = [key.certificate.body.epoch, newest.certificate.body.epoch]
  if (now === before) return key
  await home.saveKey(newest)
  terminal.progress(`key ${key.keyId} was refreshed: it is at epoch ${now} now, and epoch ${before} is over`)
  return newest
}

/** Does it with this key; once more with a newer one, should the key have been refreshed meanwhile. */
export async function withNewest<T>(
  session: Session,
  me: Participant,
  key: Key,
  act: (key: Key) => Promise<T>,
): Promise<T> {
  try {
    return await act(key)
  } catch (error) {
    if (!(error instanceof QuorateError) || error.code !== 'epoch.stale') throw error
    const newest = await bringUpToDate(session, me, key)
    if (newest === key) throw error
    return act(newest)
  }
}

/**
 * What waits for the own word at this key, as it comes. When somebody refreshes the key it goes on with the newer one, and what waits then comes once
 * more. `answered` hears that the gateway is there.
 */
export async function* watchNewest(
  session: Session,
  me: Participant,
  kept: Key,
  signal: AbortSignal,
  answered: () => void = () => undefined,
): AsyncGenerator<Signing, void, undefined> {
  for (let key = kept; ;) {
    const newest = await bringUpToDate(session, me, key)
    answered()
    try {
      yield* me.watchPending(newest, { signal })
    } catch (error) {
      if (!(error instanceof QuorateError) || error.code !== 'epoch.stale') throw error
      // What is refused as stale by a gateway that knows of nothing newer is refused for good.
      if ((await bringUpToDate(session, me, newest)) === newest) throw error
    }
    key = newest
  }
}
