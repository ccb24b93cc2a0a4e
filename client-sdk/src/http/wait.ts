import { refuse } from '../errors.ts'
import { sleep } from './retry.ts'

/** How long to wait at most, in ms (without: until it has happened), and what stops the waiting early. */
export type WaitOptions = Readonly<{ timeout?: number; signal?: AbortSignal | undefined }>

/** The longest single poll, in ms: below what proxies on the way cut off. */
const longestPoll = 25_000
/** A gateway that answers a long poll at once, again and again, is asked no more often than this, in ms. */
const shortestPoll = 200

/**
 * Polls until `ended` says so. `poll` is given the waiting time to ask for, as the API writes it.
 * Throws `wait.timeout` when the time is over.
 */
export async function waitUntil<T>(
  poll: (wait: string) => Promise<T>,
  ended: (status: T) => boolean,
  { timeout = Infinity, signal }: WaitOptions,
): Promise<T> {
  const start = Date.now()
  for (;;) {
    signal?.throwIfAborted()
    const asked = Date.now()
    const left = Math.max(0, timeout - (asked - start))
    const status = await poll(`${Math.ceil(Math.min(left, longestPoll))}ms`)
    if (ended(status)) return status
    if (Date.now() - start >= timeout) return refuse('wait.timeout')
    const spent = Date.now() - asked
    if (spent < shortestPoll) await sleep(shortestPoll - spent, signal)
  }
}

/** The states of a session as they come, until it has ended. `poll` is given the query to ask with. */
export async function* followStatus<S extends { version: number }>(
  poll: (query: Record<string, string>) => Promise<S>,
  ended: (status: S) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<S, void, undefined> {
  let status = await poll({})
  yield status
  while (!ended(status)) {
    const { version } = status
    const next = (wait: string) => poll({ wait, after: String(version) })
    status = await waitUntil(next, (changed) => changed.version > version, { signal })
    yield status
  }
}
