import type { Digest } from '@quorate/shared/wire/ids'
import { QuorateError } from '../errors.ts'
import type { WaitOptions } from '../following.ts'
import { sleep } from '../http/retry.ts'
import type { Key } from '../key.ts'
import { heardBy, type BunkerState, type Heard } from './state.ts'

/** ms */
const SHORTEST_PAUSE = 200
const LONGEST_PAUSE = 5_000

type Said = Readonly<{
  index: number
  digest: Digest
  heard: Heard
  read: (signal: AbortSignal | undefined) => Promise<BunkerState>
}>

/**
 * Waits until the hosts of n − t + 1 participants have a book, by their own word: of any t hosts, one then knows it, also after restarts.
 * Throws `wait.timeout` with those whose hosts have not.
 */
export async function untilHeard(
  key: Key,
  { index, digest, heard, read }: Said,
  { timeout, signal }: WaitOptions,
): Promise<Heard> {
  const enough = key.participants.length - key.threshold + 1
  const over = timeout === undefined ? null : AbortSignal.timeout(timeout)
  const either = AbortSignal.any([over, signal].filter((one) => one != null))
  let now = heard
  try {
    for (let pause = SHORTEST_PAUSE; now.by.length < enough; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      await sleep(pause, either)
      now = heardBy(key, await read(either), index, digest)
    }
    return now
  } catch (error) {
    const isLate = error instanceof QuorateError && error.code === 'wait.timeout'
    if (!isLate && (over?.aborted !== true || signal?.aborted === true)) throw error
    const culprits = now.missing.map((name) => key.participants.indexOf(name) + 1)
    throw new QuorateError('wait.timeout', 'client', { culprits })
  }
}
