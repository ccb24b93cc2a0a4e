import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { inSmallWrites } from '@quorate/shared/linux/small-writes'

/** Opens a stream to what a proxy of the parent instance connects to. Throws when it cannot, or the signal's reason. */
export type Tunnel = (signal: AbortSignal) => Promise<Socket>

type Connected = (error: Error | null, stream: Duplex) => void

/** In ms. */
const patience = 3_000

/** HTTP through a tunnel: names and ports of requests decide nothing, the tunnel has one end. Who carries it can read it. */
export class TunnelAgent extends HttpAgent {
  readonly #tunnel: Tunnel

  constructor(tunnel: Tunnel) {
    super()
    this.#tunnel = tunnel
  }

  override createConnection(_options: unknown, connected: Connected): undefined {
    open(this.#tunnel, (socket) => socket, connected)
  }
}

/**
 * HTTPS through a tunnel. TLS ends in this process: the other end must be who the endpoint's name says, by a certificate under
 * one of these authorities (PEM) and no other, so that a proxy can delay and drop and nothing else.
 */
export class TunnelTlsAgent extends HttpsAgent {
  readonly #tunnel: Tunnel
  readonly #authorities: readonly string[]

  constructor(tunnel: Tunnel, authorities: readonly string[]) {
    super({ keepAlive: true, maxSockets: 4 })
    this.#tunnel = tunnel
    this.#authorities = authorities
  }

  override createConnection(options: { host?: string | null | undefined }, connected: Connected): undefined {
    const servername = options.host ?? ''
    const ca = [...this.#authorities]
    const wrap = (socket: Socket) =>
      // TLS writes to the descriptor itself, past the stream below it.
      inSmallWrites(
        connectTls({
          socket,
          servername,
          ca,
          minVersion: 'TLSv1.2',
          ALPNProtocols: ['http/1.1'],
          rejectUnauthorized: true,
        }),
      )
    open(this.#tunnel, wrap, connected)
  }
}

function open(tunnel: Tunnel, wrap: (socket: Socket) => Duplex, connected: Connected): void {
  const report = connected as (error: Error | null, stream?: Duplex) => void
  tunnel(AbortSignal.timeout(patience)).then(
    (socket) => report(null, wrap(socket)),
    (error: unknown) => report(error instanceof Error ? error : new Error('the tunnel does not open')),
  )
}
