import { Problem } from '@quorate/shared/wire/problem'
import { routes, type RouteBody, type RouteName, type RouteReply } from '@quorate/shared/wire/routes/table'
import { QuorateError, refuse } from '../errors.ts'
import { Retryable, retrying, type RetryOptions } from './retry.ts'

/** What a call takes beside its route: parts of the path, the query, the body, and what governs this call. */
export type Call<N extends RouteName> = Readonly<{
  id?: string
  refreshId?: string
  query?: Readonly<Record<string, string>>
  body?: RouteBody<N>
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

const waitOf = (query?: Readonly<Record<string, string>>): number => {
  const wait = query?.['wait'] ?? '0ms'
  return Number.parseInt(wait) * (wait.endsWith('ms') ? 1 : 1_000)
}

/** Without trailing slashes, so that everybody who signs it signs the same text. */
const normaliseGateway = (gateway: string): string => new URL(gateway).href.replace(/\/+$/, '')

/** A client of one gateway. Nothing that comes back is believed to have any form before its schema has said so. */
export function createClient(options: ClientOptions): Client {
  const { timeout = 15_000, retry = { attempts: 8, pause: 100 } } = options
  const gateway = normaliseGateway(options.gateway)
  const send = options.fetch ?? fetch

  const call = async <N extends RouteName>(name: N, given: Call<N>): Promise<RouteReply<N>> => {
    const path = routes[name].path
      .replace('{id}', encodeURIComponent(given.id ?? ''))
      .replace('{refreshId}', encodeURIComponent(given.refreshId ?? ''))
    const url = new URL(`${gateway}/api/v1${path}`)
    for (const [key, value] of Object.entries(given.query ?? {})) url.searchParams.set(key, value)
    const init = requestOf(name, given)
    const attempt = async () => {
      const signals = [AbortSignal.timeout(timeout + waitOf(given.query)), ...(given.signal ? [given.signal] : [])]
      const reply = await exchange(send, url, { ...init, signal: AbortSignal.any(signals) }, given.signal)
      const parsed = routes[name].reply.safeParse(reply)
      return parsed.success ? (parsed.data as RouteReply<N>) : refuse('reply.invalid')
    }
    return retrying(retry, attempt, given.signal)
  }
  return { gateway, call }
}

/** The same request for every try: its Idempotency-Key makes a repeated POST the same act, where its body does not do that alone. */
function requestOf<N extends RouteName>(name: N, { body, token }: Call<N>): RequestInit {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  if (routes[name].method === 'get') return { method: 'GET', headers, redirect: 'error' }
  headers['content-type'] = 'application/json'
  if (!('repeatable' in routes[name])) headers['idempotency-key'] = crypto.randomUUID()
  return { method: 'POST', headers, body: JSON.stringify(body), redirect: 'error' }
}

/** One try. Gives the JSON of a success; throws `Retryable` when another try may help. */
async function exchange(send: typeof fetch, url: URL, init: RequestInit, caller?: AbortSignal): Promise<unknown> {
  let response: Response
  let text: string
  try {
    response = await send(url, init)
    text = await response.text()
  } catch (cause) {
    caller?.throwIfAborted()
    throw new Retryable(new QuorateError('gateway.unavailable', 'client', { cause }))
  }
  const json = parseJson(text)
  if (response.ok) return json
  const error = problemOf(response.status, json)
  if (error.retry !== 'same_request') throw error
  throw new Retryable(error, 1_000 * (Number(response.headers.get('retry-after')) || 0))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** What a gateway, or something on the way to it, answered instead of a reply. */
function problemOf(status: number, json: unknown): QuorateError {
  const problem = Problem.safeParse(json)
  if (problem.success) {
    const { code, culprits = [], issues = [] } = problem.data
    return new QuorateError(code, 'gateway', { culprits, issues })
  }
  if (status === 502 || status === 503 || status === 504) return new QuorateError('gateway.unavailable', 'client')
  if (status === 429) return new QuorateError('request.rate_limited', 'client')
  return new QuorateError('reply.invalid', 'client', { issues: [`HTTP ${status} without a problem+json body`] })
}
