import type { RouteQuery } from '@quorate/shared/wire/routes/table'
import { isEnd, type Failure } from '@quorate/shared/wire/status'
import { QuorateError, refuse } from './errors.ts'
import { sleep } from './http/retry.ts'

/** How long to wait at most, in ms (without: until it has happened), and what stops the waiting early. */
export type WaitOptions = Readonly<{ timeout?: number | undefined; signal?: AbortSignal | undefined }>

type Signalled = Pick<WaitOptions, 'signal'>
type Status = Readonly<{ state: string; version: number; failure: Failure | null }>
type Query = RouteQuery<'getKeygen' | 'getSigning' | 'getRefresh'>
type Poll<S> = (query: Query, signal?: AbortSignal) => Promise<S>

/** One session of the gateway, as somebody who reads about its key follows it. */
export type Following<S> = Readonly<{
  /** What the gateway says of it now. */
  status: (options?: Signalled) => Promise<S>
  /** The states as they come, until the end. */
  watch: (options?: Signalled) => AsyncGenerator<S, void, undefined>
  /** The status at the end, which may be a failure. Throws `wait.timeout`. */
  ended: (options?: WaitOptions) => Promise<S>
}>

/** The longest single poll, in ms: below what proxies on the way cut off. */
const longestPoll = 25_000
/** A gateway may answer a long poll at once, again and again: the next one is then so many ms later. */
const shortestPoll = 200

/**
 * Follows the session with these ids. `ask` reads its status. A status of another session is refused with `reply.mismatch`.
 */
export function follow<S extends Status>(
  ids: Readonly<Partial<NoInfer<S>>>,
  ask: (more: Readonly<{ query: Query; signal: AbortSignal | undefined }>) => Promise<S>,
): Following<S> {
  const poll: Poll<S> = async (query, signal) => {
    const status = await ask({ query, signal })
    const same = Object.entries(ids).every(([name, id]) => status[name as keyof S] === id)
    return same ? status : refuse('reply.mismatch')
  }
  return {
    status: ({ signal } = {}) => poll({}, signal),
    watch: ({ signal } = {}) => statusesOf(poll, signal),
    ended: (options = {}) => waitUntil((wait) => poll({ wait }, options.signal), hasEnded, options),
  }
}

/** The same status, unless it is a failure: throws why the session failed, as the gateway says. */
export function unlessFailed<S extends Pick<Status, 'failure'>>(status: S): S {
  if (status.failure !== null) throw new QuorateError(status.failure.code, 'gateway', status.failure)
  return status
}

const hasEnded = ({ state }: Status): boolean => isEnd(state)

/** Polls until `enough` says so. `poll` is given the waiting time as the API writes it. Throws `wait.timeout`. */
async function waitUntil<S>(
  poll: (wait: string) => Promise<S>,
  enough: (status: S) => boolean,
  { timeout = Infinity, signal }: WaitOptions,
): Promise<S> {
  const start = Date.now()
  for (;;) {
    signal?.throwIfAborted()
    const asked = Date.now()
    const left = Math.max(0, timeout - (asked - start))
    const status = await poll(`${Math.ceil(Math.min(left, longestPoll))}ms`)
    if (enough(status)) return status
    if (Date.now() - start >= timeout) return refuse('wait.timeout')
    const spent = Date.now() - asked
    if (spent < shortestPoll) await sleep(shortestPoll - spent, signal)
  }
}

async function* statusesOf<S extends Status>(poll: Poll<S>, signal?: AbortSignal): AsyncGenerator<S, void, undefined> {
  let status = await poll({}, signal)
  yield status
  while (!hasEnded(status)) {
    const { version } = status
    const next = (wait: string) => poll({ wait, after: String(version) }, signal)
    status = await waitUntil(next, (changed) => changed.version > version, { signal })
    yield status
  }
}
