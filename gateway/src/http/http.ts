import type { RequestListener } from 'node:http'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { Registry } from 'prom-client'
import type { Coordinator } from '../commands/ports.ts'
import type { Enclaves } from '../hosts/enclaves/enclaves.ts'
import type { Manifests } from '../release/manifests.ts'
import type { Store } from '../store/store.ts'
import { createApp, type AppPorts } from './app.ts'
import { createHandlers } from './handlers.ts'
import type { HttpEvents } from './http-events.ts'
import { createIdempotency, memoryReplies, MINUTE, type Replies } from './idempotency.ts'
import { defaultConnections, type ConnectionBounds } from './connections.ts'
import { createLasting, streamBounds, waitBounds, type LastingBounds } from './lasting.ts'
import { createMetricsApp } from './metrics-app.ts'
import { createWhoMay } from './principal.ts'
import { createReadiness } from './readiness.ts'
import { defaultTimeouts, listen, type Endpoint, type ListeningServer, type Timeouts } from './server.ts'
import { createSessions } from './sessions.ts'
import { createTokens } from './tokens.ts'

export type HttpPorts = {
  coordinator: Coordinator
  enclaves: Pick<Enclaves, 'ids' | 'status' | 'ask'>
  manifests: Pick<Manifests, 'report'>
  replies: Replies
  /** Of the store. */
  fitness: Store['fitness']
  events: HttpEvents
  registry: Registry
  clock: () => number
  /** 32 bytes; the key of the tokens is derived from it. */
  storageKey: Uint8Array
  listen: Endpoint
  metricsListen: Endpoint
  /** The key whose bunker NIP-05 names. */
  nostrKey?: KeyId | null
  /** Null: what the gateway listens on. */
  publicUrl: string | null
  limits: AppPorts['limits']
  timeouts?: Partial<Timeouts>
  /** In place of what stands by default. */
  bounds?: Readonly<{ connections?: Partial<ConnectionBounds>; streams?: Partial<LastingBounds>; streamMs?: number }>
}

/** How long an event stream lasts, ms. */
const STREAM_MS = 300_000

/** Which replies are kept where: a token is nothing to write to a disk. */
function keepReplies(replies: Replies, clock: () => number): AppPorts['idempotencyOf'] {
  const ofSessions = createIdempotency(memoryReplies(), clock, MINUTE)
  const ofOthers = createIdempotency(replies, clock)
  return (route) => (route === 'openSession' ? ofSessions : ofOthers)
}

/** What one caller may have at once, of connections and of requests that last. */
function boundsOf({ limits, bounds = {} }: Pick<HttpPorts, 'limits' | 'bounds'>) {
  const perAddress = limits.trustedProxies > 0 ? null : defaultConnections.perAddress
  return {
    connections: { ...defaultConnections, perAddress, ...bounds.connections },
    streams: createLasting({ ...streamBounds, ...bounds.streams }),
    waits: createLasting(waitBounds),
    streamMs: bounds.streamMs ?? STREAM_MS,
  }
}

/**
 * Opens both doors. `close` answers who waits, lets requests under way end within `timeouts.drain`, and closes the rest.
 */
export async function startHttp(ports: HttpPorts): Promise<ListeningServer & { metricsUrl: string }> {
  const { coordinator, enclaves, manifests, replies, events, clock } = ports
  const timeouts = { ...defaultTimeouts, ...ports.timeouts }
  const draining = new AbortController()
  const readiness = createReadiness(ports.fitness, enclaves, draining.signal)
  const { connections, ...lasting } = boundsOf(ports)

  // The address is known once the door is open, and the tokens name it: nothing is served before both are there.
  const door = await listen((request, response) => serve(request, response), ports.listen, timeouts, connections)
  const publicUrl = ports.publicUrl ?? door.url
  const tokens = createTokens(deriveKey(ports.storageKey, 'session-token'), publicUrl, clock)
  const openSession = createSessions({ tokens, coordinator, publicUrl, clock })
  const serve: RequestListener = createApp({
    handlers: createHandlers({ coordinator, enclaves, manifests, openSession }),
    whoMay: createWhoMay(tokens, coordinator.follow),
    idempotencyOf: keepReplies(replies, clock),
    events,
    draining: draining.signal,
    ...lasting,
    readiness,
    publicUrl,
    nostr: { coordinator, nostrKey: ports.nostrKey ?? null, publicUrl },
    limits: ports.limits,
  })
  const metricsDoor = await listen(createMetricsApp(ports.registry, readiness), ports.metricsListen, timeouts).catch(
    async (reason: unknown) => {
      await door.close()
      throw reason
    },
  )
  events.listening({ url: door.url, metricsUrl: metricsDoor.url })
  return {
    url: door.url,
    metricsUrl: metricsDoor.url,
    async close() {
      events.draining()
      draining.abort()
      await door.close()
      await metricsDoor.close()
    },
  }
}
