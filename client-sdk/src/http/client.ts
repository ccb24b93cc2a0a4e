import { GatewayAddress } from '@quorate/shared/wire/gateway-address'
import { coreRoutes } from '@quorate/shared/wire/routes/core'
import { writePath, type Route } from '@quorate/shared/wire/routes/route'
import type { RouteBody, RouteName, RouteParams, RouteQuery, RouteReply } from '@quorate/shared/wire/routes/table'
import { send } from '#send'
import { createClocks, type Clocks } from '../clocks.ts'
import { QuorateError } from '../errors.ts'
import { tellAttempts, type OnAttempt } from './attempts.ts'
import { failureOf, moved, parseJson, unanswered } from './failures.ts'
import { retrying, type RetryOptions } from './retry.ts'
import { isSuccess, requestIdOf, type Answer, type Sending } from './send.ts'
import { sendBy } from './send.web.ts'

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
  retry?: RetryOptions | undefined
  /** Milliseconds until one try is given up; a long poll has its waiting time on top. */
  timeout?: number | undefined
  fetch?: typeof fetch | undefined
  /** Told of each try of every call: for logs and measures. */
  onAttempt?: OnAttempt | undefined
  /** Told the time of each answer. */
  clocks?: Clocks
}>

const mebibyte = 1024 * 1024
/** Bytes of an answer at most: it holds a certificate or two with a signing, or a page of signings. */
const longestAnswer = 4 * mebibyte
const longestOf: Readonly<Partial<Record<RouteName, number>>> = {
  /** 32 epochs. The certificate of 32 people with 32 askers each in their grants is 250 KB, and the hosts' words on it are 30 KB. */
  listCertificates: 16 * mebibyte,
  /** The books of 32 owners, of 256 KiB each, and what hosts have seen of programs. */
  createBunker: 16 * mebibyte,
  getBunker: 16 * mebibyte,
  putBook: 16 * mebibyte,
}

/** A route of the table. Those of bunkers are loaded when the first is called. */
async function routeOf(name: RouteName): Promise<Route> {
  const known: Readonly<Partial<Record<RouteName, Route>>> = coreRoutes
  return known[name] ?? (await bunkerRoute(name as BunkerRoute))
}
type BunkerRoute = Exclude<RouteName, keyof typeof coreRoutes>
const bunkerRoute = async (name: BunkerRoute): Promise<Route> =>
  (await import('@quorate/shared/wire/routes/bunker')).bunkerRoutes[name]

const waitOf = ({ wait = '0ms' }: Texts): number => {
  return Number.parseInt(wait) * (wait.endsWith('ms') ? 1 : 1_000)
}

/** A client of one gateway. Nothing that comes back is believed to have an end, or any form, before it has been seen. */
export function createClient(options: ClientOptions): Client {
  const { timeout = 15_000, retry = { attempts: 8, pause: 100 }, clocks = createClocks(Date.now) } = options
  const gateway = GatewayAddress.parse(options.gateway)
  const exchange = options.fetch === undefined ? send : sendBy(options.fetch)

  const call = async (name: RouteName, { query = {}, ...given }: AnyCall): Promise<unknown> => {
    const route = await routeOf(name)
    const url = urlOf(gateway, route, given.params ?? {}, query)
    const limits = { most: longestOf[name] ?? longestAnswer, timeout: timeout + waitOf(query), signal: given.signal }
    const sending = { url, ...requestOf(route, given), ...limits }
    let last: Answer | null = null
    const ask = async (): Promise<Answer> => {
      last = null
      return (last = await exchange(sending))
    }
    const tryOnce = async () => {
      const answer = await answered(ask, { url, clocks, caller: given.signal })
      const parsed = route.reply.safeParse(parseJson(answer.text))
      if (parsed.success) return parsed.data
      throw new QuorateError('reply.invalid', 'client', { requestId: requestIdOf(answer) })
    }
    const told = tellAttempts(options.onAttempt, { route: name, method: sending.method }, () => last)
    return retrying(retry, tryOnce, { signal: given.signal, told })
  }
  return { gateway, call: call as Client['call'] }
}

function urlOf(gateway: string, route: Route, params: Texts, query: Texts): URL {
  const path = writePath(route.path, (parameter) => encodeURIComponent(params[parameter] ?? ''))
  const url = new URL(`${gateway}/api/v1${path}`)
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value)
  return url
}

/**
 * The same request for every try. Its Idempotency-Key makes a repeated POST the same act; a route whose body does so alone
 * needs none.
 */
function requestOf(route: Route, { body, token }: AnyCall): Pick<Sending, 'method' | 'headers' | 'body'> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  if (route.method === 'get') return { method: 'GET', headers, body: undefined }
  headers['content-type'] = 'application/json'
  if (route.repeatable !== true) headers['idempotency-key'] = crypto.randomUUID()
  return { method: 'POST', headers, body: JSON.stringify(body) }
}

/** One try. Gives the answer of a success; throws `Retryable` when another try may help. */
async function answered(
  ask: () => Promise<Answer>,
  { url, clocks, caller }: Readonly<{ url: URL; clocks: Clocks; caller: AbortSignal | undefined }>,
): Promise<Answer> {
  let answer: Answer
  try {
    answer = await ask()
    clocks.heard("the gateway's", Date.parse(answer.header('date') ?? ''))
  } catch (cause) {
    caller?.throwIfAborted()
    throw cause instanceof QuorateError ? cause : unanswered(cause)
  }
  if (isSuccess(answer)) return answer
  throw answer.status >= 300 && answer.status < 400 ? moved(answer, url) : failureOf(answer, clocks.differences)
}
