import { hash } from 'node:crypto'
import { Refusal } from '@quorate/shared/errors'
import { writePath, type Route } from '@quorate/shared/wire/routes/route'
import { routes } from '@quorate/shared/wire/routes/table'
import type { IRouter, Request, Response } from 'express'
import { streamEvents } from './event-stream.ts'
import type { Stream } from './followed.ts'
import type { Handlers } from './handlers.ts'
import type { HttpEvents } from './http-events.ts'
import type { Idempotency } from './idempotency.ts'
import { InvalidRequest, parsePart } from './invalid-request.ts'
import type { Guard, Principal, WhoMay } from './principal.ts'
import { PROBLEM_TYPE, toProblem, type Reply } from './problem.ts'
import { decodeText, readBody } from './read-body.ts'
import { addressOf } from './address.ts'
import type { Lasting, Whose } from './lasting.ts'
import { parseStrictJson } from './strict-json.ts'

export type MountPorts = {
  handlers: Handlers
  whoMay: WhoMay
  idempotencyOf: (route: string) => Idempotency
  events: HttpEvents
  /** Aborted when the gateway begins to shut down. */
  draining: AbortSignal
  streams: Lasting
  waits: Lasting
  /** How long an event stream lasts, ms. */
  streamMs: number
}

type AnyInput = {
  principal: Principal
  params: unknown
  query: unknown
  body: unknown
  signal: AbortSignal
  holder: string
}
type AnyHandler = (input: AnyInput) => Promise<unknown>

/** A route with what answers it. */
type Mounted = Readonly<{ name: string; route: Route; guard: Guard; handler: AnyHandler }>

export const API = '/api/v1'

/**
 * Turns the route table into routes: guard, decode, call, answer. A handler sees only what fits its schema, and nothing that
 * the route's guard keeps from this principal. Throws for a route that cannot be guarded.
 */
export function mount(app: IRouter, ports: MountPorts): void {
  for (const [name, route] of Object.entries<Route>(routes)) {
    const guard = ports.whoMay[route.wants](route)
    const handler = ports.handlers[name as keyof Handlers] as unknown as AnyHandler
    app[route.method](API + writePath(route.path, (name) => `:${name}`), async (request, response) => {
      const begun = performance.now()
      try {
        await serve({ name, route, guard, handler }, ports, request, response)
      } catch (reason) {
        sendProblem(response, reason, (error) => ports.events.faulted({ where: name, error }))
      }
      ports.events.requestServed({
        route: name,
        status: response.statusCode,
        seconds: (performance.now() - begun) / 1_000,
      })
    })
  }
}

async function serve(
  { name, route, guard, handler }: Mounted,
  ports: MountPorts,
  request: Request,
  response: Response,
): Promise<void> {
  if (ports.draining.aborted) throw new Refusal('gateway.draining')
  const { principal, mayReach } = await guard(request.headers.authorization)
  const params = parsePart(route.params, 'path', request.params)
  await mayReach(params)
  const query = parsePart(route.query, 'query', request.url.includes('?') ? request.query : {})
  const raw = route.body === null ? null : await readBody(request, route.longest)
  const body = raw && route.body ? parsePart(route.body, 'body', parseStrictJson(decodeText(raw))) : null
  const holder = addressOf(request)
  const input = { principal, params, query, body, holder }
  const begin = (among: Lasting, ms?: number) =>
    whileWanted(response, ports.draining, among, whoseOf(request, principal), ms)
  if (route.events) {
    // Not all of them end at once.
    const { signal, done } = begin(ports.streams, ports.streamMs * (0.8 + Math.random() / 5))
    await handler({ ...input, signal })
      .then((stream) => streamEvents(request, response, stream as Stream, signal))
      .finally(done)
    return
  }
  const act = async (): Promise<Reply> => {
    const waits = query !== null && typeof query === 'object' && 'wait' in query
    const { signal, done } = waits ? begin(ports.waits) : { signal: ports.draining, done: () => {} }
    const reply = await handler({ ...input, signal }).finally(done)
    return { status: 200, body: JSON.stringify(reply), remember: true }
  }
  const key = request.get('idempotency-key')
  if (key === undefined || raw === null) {
    send(response, await act(), ports.draining.aborted)
    return
  }
  const keyed = { scope: `${name} ${request.path}`, key: checkedKey(key), digest: hash('sha256', raw), holder }
  send(response, await ports.idempotencyOf(name)(keyed, () => act().catch(refusedReply)), ports.draining.aborted)
}

/** A refusal is an answer, which an Idempotency-Key may keep. Anything else is a fault, and thrown on. */
function refusedReply(reason: unknown): Reply {
  if (reason instanceof Refusal) return toProblem(reason)
  throw reason
}

function checkedKey(key: string): string {
  if (!/^[\x21-\x7e]{1,128}$/.test(key))
    throw new InvalidRequest(['header.idempotency-key: 1 to 128 visible characters'])
  return key
}

function whoseOf(request: Request, principal: Principal): Whose {
  const token = hash('sha256', request.headers.authorization ?? '')
  return { address: addressOf(request), token, key: principal.kind === 'reader' ? principal.keyId : '' }
}

/**
 * A signal that aborts when the asker leaves, the gateway drains, others need the place, or after `ms`. `done` stops listening for all
 * that. Throws `bound.reached`.
 */
function whileWanted(
  response: Response,
  draining: AbortSignal,
  among: Lasting,
  whose: Whose,
  ms?: number,
): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController()
  const abort = () => controller.abort()
  const release = among.begin(whose, abort)
  const timer = ms === undefined ? undefined : setTimeout(abort, ms)
  response.once('close', abort)
  draining.addEventListener('abort', abort)
  if (draining.aborted) abort()
  const done = () => {
    release()
    clearTimeout(timer)
    response.off('close', abort)
    draining.removeEventListener('abort', abort)
  }
  return { signal: controller.signal, done }
}

function send(response: Response, { status, body, retryAfter = null }: Reply, last: boolean): void {
  if (response.headersSent || response.destroyed) return
  const problem = status >= 400
  response.writeHead(status, {
    'content-type': problem ? PROBLEM_TYPE : 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(retryAfter !== null && { 'retry-after': String(retryAfter) }),
    // The gateway does not read the rest of a body that is too large, and takes no further request when it shuts down.
    ...((last || status === 413) && { connection: 'close' }),
  })
  response.end(body)
}

/** Answers with the refusal. Anything else is a fault of the gateway: `fault` gets it, and the asker gets `internal` alone. */
export function sendProblem(response: Response, reason: unknown, fault: (error: unknown) => void): void {
  const refused = reason instanceof Refusal
  if (!refused) fault(reason)
  send(response, toProblem(refused ? reason : new Refusal('internal')), refused && reason.code === 'gateway.draining')
}
