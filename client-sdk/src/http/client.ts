import { Problem } from '@quorate/shared/wire/problem'
import { writePath } from '@quorate/shared/wire/routes/route'
import {
  routes,
  type RouteBody,
  type RouteName,
  type RouteParams,
  type RouteQuery,
  type RouteReply,
} from '@quorate/shared/wire/routes/table'
import { QuorateError, refuse } from '../errors.ts'
import { readText } from './read-text.ts'
import { Retryable, retrying, type RetryOptions } from './retry.ts'

/** One part of a call, under this name. It may be left out where the route demands nothing of it. */
type Part<Name extends string, Value> = Value extends undefined
  ? Readonly<Partial<Record<Name, undefined>>>
  : Record<string, never> extends Value
    ? Readonly<Partial<Record<Name, Value>>>
    : Readonly<Record<Name, Value>>

/** What the route itself demands: the parameters of its path, its query, its body. */
export type Question<N extends RouteName> = Part<'params', RouteParams<N>> &
  Part<'query', RouteQuery<N>> &
  Part<'body', RouteBody<N>>

/** What a call takes beside the name of its route. */
export type Call<N extends RouteName> = Question<N> & Readonly<{ token?: string; signal?: AbortSignal | undefined }>

type Texts = Readonly<Record<string, string | undefined>>
type AnyCall = Readonly<{
  params?: Texts
  query?: Texts
  body?: unknown
  token?: string
  signal?: AbortSignal | undefined
}>

/** The REST API as one function: types and checks come from the route table. */
export type Client = Readonly<{
  gateway: string
  call: <N extends RouteName>(route: N, call: Call<N>) => Promise<RouteReply<N>>
}>

export type ClientOptions = Readonly<{
  gateway: string
  retry?: RetryOptions
  /** Milliseconds until one try is given up; a long poll has its waiting time on top. */
  timeout?: number
  fetch?: typeof fetch
}>

/** Bytes of an answer at most: it holds a certificate or two with a signing, 32 certificates, or a page of signings. */
const longestAnswer = 4 * 1024 * 1024

const waitOf = ({ wait = '0ms' }: Texts): number => {
  return Number.parseInt(wait) * (wait.endsWith('ms') ? 1 : 1_000)
}

/** Without trailing slashes, so that everybody who signs it signs the same text. */
const normaliseGateway = (gateway: string): string => new URL(gateway).href.replace(/\/+$/, '')

/** A client of one gateway. Nothing that comes back is believed to have an end, or any form, before it has been seen. */
export function createClient(options: ClientOptions): Client {
  const { timeout = 15_000, retry = { attempts: 8, pause: 100 } } = options
  const gateway = normaliseGateway(options.gateway)
  const send = options.fetch ?? fetch

  const call = async (name: RouteName, { query = {}, ...given }: AnyCall): Promise<unknown> => {
    const url = urlOf(gateway, name, given.params ?? {}, query)
    const init = requestOf(name, given)
    const attempt = async () => {
      const signals = [AbortSignal.timeout(timeout + waitOf(query)), ...(given.signal ? [given.signal] : [])]
      const sent = () => send(url, { ...init, signal: AbortSignal.any(signals) })
      const reply = await exchange(sent, given.signal)
      const parsed = routes[name].reply.safeParse(reply)
      return parsed.success ? parsed.data : refuse('reply.invalid')
    }
    return retrying(retry, attempt, given.signal)
  }
  return { gateway, call: call as Client['call'] }
}

function urlOf(gateway: string, name: RouteName, params: Texts, query: Texts): URL {
  const path = writePath(routes[name].path, (parameter) => encodeURIComponent(params[parameter] ?? ''))
  const url = new URL(`${gateway}/api/v1${path}`)
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value)
  return url
}

/**
 * The same request for every try. Its Idempotency-Key makes a repeated POST the same act; a route whose body does so alone
 * needs none.
 */
function requestOf(name: RouteName, { body, token }: AnyCall): RequestInit {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  if (routes[name].method === 'get') return { method: 'GET', headers, redirect: 'error' }
  headers['content-type'] = 'application/json'
  if (!('repeatable' in routes[name])) headers['idempotency-key'] = crypto.randomUUID()
  return { method: 'POST', headers, body: JSON.stringify(body), redirect: 'error' }
}

/** One try. Gives the JSON of a success; throws `Retryable` when another try may help. */
async function exchange(send: () => Promise<Response>, caller?: AbortSignal): Promise<unknown> {
  let response: Response
  let text: string
  try {
    response = await send()
    text = await readText(response, longestAnswer)
  } catch (cause) {
    caller?.throwIfAborted()
    if (cause instanceof QuorateError) throw cause
    throw new Retryable(new QuorateError('gateway.unavailable', 'client', { cause }))
  }
  const json = parseJson(text)
  if (response.ok) return json
  const after = 1_000 * (Number(response.headers.get('retry-after')) || 0)
  const error = problemOf(response.status, json, after)
  if (error.retry !== 'same_request' || !isWorthWaiting(error, after)) throw error
  throw new Retryable(error, after)
}

/** The longest that a call waits by itself before it asks again, in ms. */
const longestWait = 60_000

/** Where a bound is reached, only what the gateway names a short time for is asked again. The rest is for people to decide. */
const isWorthWaiting = ({ code }: QuorateError, after: number): boolean =>
  code !== 'bound.reached' || (after > 0 && after <= longestWait)

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** What a gateway, or something on the way to it, answered instead of a reply. */
function problemOf(status: number, json: unknown, after: number): QuorateError {
  const problem = Problem.safeParse(json)
  if (problem.success) {
    const { code, culprits = [], issues = [], bound } = problem.data
    const retryAfter = after > 0 ? after : undefined
    return new QuorateError(code, 'gateway', { culprits, issues, bound, retryAfter })
  }
  if (status === 502 || status === 503 || status === 504) return new QuorateError('gateway.unavailable', 'client')
  if (status === 429) return new QuorateError('request.rate_limited', 'client')
  return new QuorateError('reply.invalid', 'client', { issues: [`HTTP ${status} without a problem+json body`] })
}
