import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Refusal } from '@quorate/shared/errors'
import { boundConnections, defaultConnections, type ConnectionBounds } from './connections.ts'
import { PROBLEM_TYPE, toProblem } from './problem.ts'
import { nameAnswer, withRequestId } from './request-id.ts'

/** Milliseconds. Whoever takes longer than these over its part of a request loses the connection. */
export type Timeouts = Readonly<{
  headers: number
  /** For the whole request, body included. */
  request: number
  /**
   * Between two requests of one connection. Load balancers keep theirs for 60 s or more and send on a connection that has just been closed
   * here: their client then gets a 502.
   */
  idle: number
  /** Without a byte in either direction: longer than the longest wait, for readers that do not read. */
  quiet: number
  check: number
  /** What a close allows requests under way. */
  drain: number
}>

export const defaultTimeouts: Timeouts = {
  headers: 10_000,
  request: 20_000,
  idle: 130_000,
  quiet: 90_000,
  check: 1_000,
  drain: 1_500,
}

const MAX_HEADERS = 16 << 10

export type Endpoint = Readonly<{ host: string; port: number }>
export type ListeningServer = Readonly<{ url: string; close: () => Promise<void> }>

/** Listens on `listen`; port 0 takes any. `close` waits for requests under way, at most `drain` ms, and for nobody idle. */
export async function listen(
  handler: RequestListener,
  { host, port }: Endpoint,
  timeouts: Timeouts = defaultTimeouts,
  connections: ConnectionBounds = defaultConnections,
): Promise<ListeningServer> {
  const server = createServer(
    {
      headersTimeout: timeouts.headers,
      requestTimeout: timeouts.request,
      keepAliveTimeout: timeouts.idle,
      connectionsCheckingInterval: timeouts.check,
      maxHeaderSize: MAX_HEADERS,
      noDelay: true,
    },
    (request, response) => {
      const refusal = refused(request)
      if (refusal === null) handler(request, response)
      else refuseConnection(request, response, refusal)
    },
  )
  const refused = boundConnections(server, connections)
  server.setTimeout(timeouts.quiet)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { url: `http://${name}:${address.port}`, close: () => drain(server, timeouts.drain) }
}

/** The body of such a request is not read. */
function refuseConnection(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const { status, body, retryAfter } = toProblem(refusal)
  nameAnswer(request, response)
  const headers = { 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store', connection: 'close' }
  response.writeHead(status, retryAfter == null ? headers : { ...headers, 'retry-after': String(retryAfter) })
  response.end(withRequestId(body, response))
}

async function drain(server: Server, ms: number): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  const force = setTimeout(() => server.closeAllConnections(), ms)
  await closed
  clearTimeout(force)
}
