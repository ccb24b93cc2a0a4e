import { setTimeout as sleep } from 'node:timers/promises'
import { isEnd } from '@quorate/shared/wire/status'
import { refusalOf, type EndCode } from './ledger.ts'

type Session<T> = Readonly<{
  status: () => Promise<{ state: string }>
  completed: (options: { timeout: number }) => Promise<T>
}>

export type Ending<T> = Readonly<{ code: null; result: T } | { code: EndCode }>

/** The words of a gateway that is not there, and of who waited: they say nothing about the session. */
const passing: ReadonlySet<string> = new Set([
  'gateway.unavailable',
  'gateway.draining',
  'store.failed',
  'wait.timeout',
])
const pause = 250

/** Follows a session to its end, through all lives of the gateway, until this time (ms since 1970). */
export async function endingOf<T>(session: Session<T>, until: number): Promise<Ending<T>> {
  for (;;) {
    try {
      return { code: null, result: await session.completed({ timeout: Math.max(0, until - Date.now()) }) }
    } catch (error) {
      const { code } = refusalOf(error)
      const now = passing.has(code) ? null : await stateOf(session)
      if (now === 'lost') return { code: now }
      if (now !== null && isEnd(now)) return { code }
    }
    if (Date.now() > until) return { code: 'stuck' }
    await sleep(pause)
  }
}

/** `lost` when the gateway knows it no more, null when it does not say. */
const stateOf = (session: Session<unknown>): Promise<string | null> =>
  session.status().then(
    ({ state }) => state,
    (error: unknown) => (refusalOf(error).code === 'request.not_found' ? 'lost' : null),
  )
