import type { Logger } from 'pino'
import { Histogram, type Registry } from 'prom-client'
import type { Events } from '../events.ts'

export type HttpEvents = Pick<Events, 'faulted'> & {
  /** `route` is a name of the route table, never the path that was asked for. */
  requestServed(at: { route: string; requestId?: string | undefined; status: number; seconds: number }): void
  listening(at: { url: string; metricsUrl: string }): void
  draining(): void
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60]

/** What happens at the door, as log lines and metrics. */
export function createHttpEvents(log: Logger, registry: Registry, { faulted }: Pick<Events, 'faulted'>): HttpEvents {
  const served = new Histogram({
    name: 'quorate_http_request_seconds',
    help: 'Requests by route and status, waiting included',
    labelNames: ['route', 'status'],
    buckets,
    registers: [registry],
  })
  return {
    faulted,
    requestServed({ route, requestId, status, seconds }) {
      served.observe({ route, status }, seconds)
      // Whoever was refused may ask why, and has the id.
      if (status < 400) log.debug({ route, requestId, status, seconds }, 'request.served')
      else log.info({ route, requestId, status, seconds }, 'request.refused')
    },
    listening({ url, metricsUrl }) {
      log.info({ url, metricsUrl }, 'gateway.listening')
    },
    draining() {
      log.info('gateway.draining')
    },
  }
}
