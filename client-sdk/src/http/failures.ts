import { Problem } from '@quorate/shared/wire/problem'
import { readRetryAfter } from '@quorate/shared/wire/retry-after'
import { parseUrl } from '@quorate/shared/wire/url'
import { QuorateError } from '../errors.ts'
import { Retryable } from './retry.ts'
import { requestIdOf, type Answer } from './send.ts'

/**
 * Statuses of proxies and of the edge that pass: something between here and the gateway was late, restarted or overloaded (RFC 9110, RFC
 * 8470; 520 to 530 are Cloudflare's). Each request may be repeated: a GET, and a POST by its Idempotency-Key or by what it signs.
 */
const passing: ReadonlySet<number> = new Set([408, 425, 500, 502, 503, 504, ...range(520, 527), 530])

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at)
}

/** What a gateway, or something on the way to it, answered instead of a reply: thrown as `Retryable` where it may pass. */
export function failureOf(answer: Answer, differences: () => string[]): QuorateError | Retryable {
  const { status, header, text } = answer
  const after = readRetryAfter({ retryAfter: header('retry-after'), date: header('date') }, Date.now()) ?? 0
  const requestId = requestIdOf(answer)
  const error = problemOf(status, parseJson(text), { differences, after, requestId })
  return error.retry === 'same_request' && isWorthWaiting(error, after) ? new Retryable(error, after) : error
}

/** The longest that a call waits by itself before it asks again, in ms. */
const longestWait = 60_000

/** Where a bound is reached, only what the gateway names a short time for is asked again. The rest is for people to decide. */
const isWorthWaiting = ({ code }: QuorateError, after: number): boolean =>
  code !== 'bound.reached' || (after > 0 && after <= longestWait)

/** Refusals that a wrong clock can be the cause of. */
const byTime: readonly string[] = ['request.wrong_time', 'consent.expired']

function problemOf(
  status: number,
  json: unknown,
  { differences, after, requestId }: Readonly<{ differences: () => string[]; after: number; requestId: string | null }>,
): QuorateError {
  const problem = Problem.safeParse(json)
  if (problem.success) {
    const { code, culprits = [], issues = [], bound } = problem.data
    const clocks = byTime.includes(code) ? differences() : []
    return new QuorateError(code, 'gateway', {
      culprits,
      issues: [...issues, ...clocks],
      bound,
      retryAfter: after > 0 ? after : undefined,
      requestId,
    })
  }
  const issues = [`HTTP ${status} without a problem+json body`]
  if (passing.has(status)) return new QuorateError('gateway.unavailable', 'client', { issues, requestId })
  if (status === 429) return new QuorateError('request.rate_limited', 'client', { issues, requestId })
  return new QuorateError('reply.invalid', 'client', { issues, requestId })
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** A redirect is followed by nobody: what was signed names this address. Browsers do not tell where it leads. */
export function moved({ header }: Answer, asked: URL): QuorateError {
  const to = parseUrl(header('location') ?? '', asked)
  return new QuorateError('gateway.moved', 'client', { issues: to === null ? [] : [`it redirects to ${to.origin}`] })
}

/** By their codes, failures of a connection that another try does not change: TLS with somebody else, or with nobody who speaks it. */
const lasting = /^(EPROTO$|ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/

/** A failure to get any answer. */
export function unanswered(cause: unknown): QuorateError | Retryable {
  const { code, message } = causeOf(cause)
  if (lasting.test(code)) return new QuorateError('gateway.unavailable', 'client', { cause, issues: [`TLS: ${code}`] })
  if (message === 'bad port')
    return new QuorateError('gateway.unavailable', 'client', { cause, issues: ['fetch does not connect to this port'] })
  return new Retryable(new QuorateError('gateway.unavailable', 'client', { cause }))
}

/** What failed: the error itself, or the cause of what `fetch` throws. */
function causeOf(error: unknown): { code: string; message: string } {
  type Failure = Readonly<{ code?: unknown; message?: unknown }>
  const { cause } = error as Readonly<{ cause?: Failure }>
  const { code, message } = cause ?? (error as Failure)
  const textOf = (value: unknown) => (typeof value === 'string' ? value : '')
  return { code: textOf(code), message: textOf(message) }
}
