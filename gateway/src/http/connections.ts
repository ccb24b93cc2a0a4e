import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { boundReached, type Refusal } from '@quorate/shared/errors'
import { ipKeyGenerator } from 'express-rate-limit'
import { Holdings } from '@quorate/shared/holdings'

/**
 * `most` connections do what they like; `reserve` more are for health and metrics. `perAddress`: of the socket's address, null behind
 * proxies, whose address says nothing.
 */
export type ConnectionBounds = Readonly<{ most: number; reserve: number; perAddress: number | null }>

export const defaultConnections: ConnectionBounds = { most: 10_000, reserve: 256, perAddress: 1_000 }

/** Milliseconds that a connection may be silent which only health or a refusal is left for. */
const SHORT = 2_000
/** Connections of one address above its bound that are told so. Further ones are cut. */
const TOLD = 64
/** Seconds. */
const RETRY_AFTER = 5

const forHealth: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics'])

/**
 * Counts the connections of a server. Gives why a request is refused that came by one too many, null for all others. When there are
 * too many, the address that has most loses its oldest.
 */
export function boundConnections(
  server: Server,
  bounds: ConnectionBounds,
): (request: IncomingMessage) => Refusal | null {
  const refusals = new WeakMap<Socket, Refusal>()
  const crowd = createCrowd(bounds)
  server.maxConnections = bounds.most + bounds.reserve
  server.on('connection', (socket: Socket) => {
    const of = crowd.admit(socket, ipKeyGenerator(socket.remoteAddress ?? ''))
    if (of === null) return
    refusals.set(socket, boundReached(of, RETRY_AFTER))
    socket.setTimeout(SHORT)
  })
  return ({ socket, url }) => (forHealth.has(url) ? null : (refusals.get(socket) ?? null))
}

/** The connections that are open, by address. */
function createCrowd({ most, perAddress }: ConnectionBounds) {
  const held = new Holdings()
  const sockets = new Map<string, Socket>()
  let begun = 0

  /** False when nobody has more than this address. */
  function cutOldest(address: string): boolean {
    const largest = perAddress === null ? null : held.largest()
    if (largest === null || held.count(largest) <= held.count(address)) return false
    const oldest = held.oldest(largest) ?? ''
    held.release(oldest)
    sockets.get(oldest)?.destroy()
    return true
  }

  function count(socket: Socket, address: string): void {
    begun += 1
    const name = String(begun)
    held.take(address, name)
    sockets.set(name, socket)
    socket.once('close', () => {
      held.release(name)
      sockets.delete(name)
    })
  }

  return {
    /** Whose bound the connection is above; null for one that is not. */
    admit(socket: Socket, address: string): 'address' | 'gateway' | null {
      const above = perAddress === null ? -1 : held.count(address) - perAddress
      if (above >= TOLD) {
        socket.destroy()
        return 'address'
      }
      const isFull = held.total >= most && !cutOldest(address)
      count(socket, address)
      return above >= 0 ? 'address' : isFull ? 'gateway' : null
    },
  }
}
