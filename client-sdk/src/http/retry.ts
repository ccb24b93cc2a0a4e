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

/** Repeats what throws `Retryable`, with exponential pauses and full jitter, so that many clients do not come back at once. */
export async function retrying<T>(
  { attempts, pause }: RetryOptions,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Retryable)) throw error
      if (tried >= attempts) throw error.error
      const backOff = Math.min(pause * 2 ** (tried - 1), longestPause) * (0.5 + Math.random() / 2)
      await sleep(Math.max(backOff, Math.min(error.after, 60_000)), signal)
    }
  }
}
