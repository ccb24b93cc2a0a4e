import type { QuorateError } from '../errors.ts'

/** How often to try, and how long to pause before the second try, in ms. Each further pause is twice as long, 5 s at most. */
export type RetryOptions = Readonly<{ attempts: number; pause: number }>

const longestPause = 5_000

/** Thrown by one try: may it be repeated as it was, and how long does the gateway want us to wait (ms)? */
export class Retryable extends Error {
  override readonly name = 'Retryable'
  readonly error: QuorateError
  readonly after: number

  constructor(error: QuorateError, after = 0) {
    super(error.message)
    this.error = error
    this.after = after
  }
}

/** Waits, or rejects with the signal's reason. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })

/** What a promise gives, unless the signal aborts first: then its reason. What the promise waits for goes on. */
export async function orAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise
  let stop = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** One try that is over. `error`: what it failed with. `ms`: how long it took. `retryIn` (ms): when the next one begins, null for the last. */
export type Tried = Readonly<{ attempt: number; error: unknown; ms: number; retryIn: number | null }>

/**
 * Repeats what throws `Retryable`, with exponential pauses and full jitter, so that many clients do not come back at once. `told` hears of
 * each try.
 */
export async function retrying<T>(
  { attempts, pause }: RetryOptions,
  tryOnce: () => Promise<T>,
  { signal, told }: Readonly<{ signal: AbortSignal | undefined; told: (tried: Tried) => void }>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const began = performance.now()
    const over = (error: unknown, retryIn: number | null) =>
      told({ attempt, error, ms: performance.now() - began, retryIn })
    try {
      const value = await tryOnce()
      over(null, null)
      return value
    } catch (thrown) {
      const error = thrown instanceof Retryable ? thrown.error : thrown
      const retryIn = thrown instanceof Retryable && attempt < attempts ? pauseOf(pause, attempt, thrown) : null
      over(error, retryIn)
      if (retryIn === null) throw error
      await sleep(retryIn, signal)
    }
  }
}

function pauseOf(pause: number, attempt: number, { after }: Retryable): number {
  const backOff = Math.min(pause * 2 ** (attempt - 1), longestPause) * (0.5 + Math.random() / 2)
  return Math.max(backOff, Math.min(after, 60_000))
}
