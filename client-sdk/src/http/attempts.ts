import type { RefusalCode } from '@quorate/shared/errors'
import type { RouteName } from '@quorate/shared/wire/routes/table'
import { QuorateError } from '../errors.ts'
import type { Tried } from './retry.ts'
import { requestIdOf, type Answer, type Sending } from './send.ts'

/** One try of a call, when it is over. It holds no body, no parameter of its path and no secret. */
export interface Attempt {
  readonly method: 'GET' | 'POST'
  /** Its name, as the API describes it. */
  readonly route: RouteName
  /** 1 for the first try. Each call counts its own. */
  readonly attempt: number
  /** Of HTTP; null where no answer came. */
  readonly status: number | null
  /** By which the gateway's operator finds the request; null where nothing says so. */
  readonly requestId: string | null
  /** How long it took, in ms. A long poll takes as long as it waits. */
  readonly ms: number
  /** Why it failed; null for a success, and where its caller has stopped it. */
  readonly code: RefusalCode | null
  /** After so many ms it is tried again; null where it is not. */
  readonly retryIn: number | null
}

/** Told of each try of every call. It is called apart from the call, which neither waits for it nor fails by it. */
export type OnAttempt = (attempt: Attempt) => void

/** Tells of the tries of one call. `answer`: the last one, null where none came. */
export function tellAttempts(
  tell: OnAttempt | undefined,
  { route, method }: Readonly<{ route: RouteName }> & Pick<Sending, 'method'>,
  answer: () => Answer | null,
): (tried: Tried) => void {
  if (tell === undefined) return () => undefined
  return ({ attempt, ms, error, retryIn }) => {
    const last = answer()
    const [status, requestId] = last === null ? [null, null] : [last.status, requestIdOf(last)]
    const code = error instanceof QuorateError ? error.code : null
    queueMicrotask(() => tell({ method, route, attempt, status, requestId, ms, code, retryIn }))
  }
}
