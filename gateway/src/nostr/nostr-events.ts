import type { Logger } from 'pino'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { RelayEvents } from './relays/relays.ts'
import type { RequestEvents } from './requests/desk.ts'

/** What happens to programs' requests and at relays, as log lines and metrics. */
export type NostrEvents = RelayEvents & RequestEvents

const seconds = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600]

/** The path of a relay's address may be a secret of its owner. */
const hostOf = (relay: string): string => URL.parse(relay)?.host ?? '?'

const createMetrics = (registers: Registry[]) => ({
  requests: new Counter({
    name: 'quorate_client_requests_total',
    help: 'Requests of programs, by outcome and refusal code; one that its owners were asked about has another outcome later',
    labelNames: ['outcome', 'code'],
    registers,
  }),
  dropped: new Counter({
    name: 'quorate_client_requests_dropped_total',
    help: 'Events of programs that got no answer: no room for them, not what they must be, or not to be answered',
    labelNames: ['why'],
    registers,
  }),
  published: new Histogram({
    name: 'quorate_client_answer_seconds',
    help: "From a program's event to the first relay that has the answer, owners' time included",
    buckets: seconds,
    registers,
  }),
  relays: new Gauge({ name: 'quorate_relays_connected', help: 'Relays that are connected', registers }),
  lost: new Counter({ name: 'quorate_relay_losses_total', help: 'Connections to relays that were lost', registers }),
  unpublished: new Counter({
    name: 'quorate_relay_refusals_total',
    help: 'Events that a relay did not take, or not in time',
    registers,
  }),
})

export function createNostrEvents(log: Logger, registry: Registry): NostrEvents {
  const metrics = createMetrics([registry])
  return {
    clientAnswered({ keyId, eventId, outcome, code }) {
      metrics.requests.inc({ outcome, code: code ?? '' })
      log.info({ keyId, eventId, outcome, code }, 'client.answered')
    },
    answerPublished({ keyId, eventId, seconds }) {
      metrics.published.observe(seconds)
      log.debug({ keyId, eventId, seconds }, 'client.published')
    },
    clientDropped({ keyId, why }) {
      metrics.dropped.inc({ why })
      log.debug({ keyId, why }, 'client.dropped')
    },
    relayChanged({ relay, connected }) {
      if (connected) metrics.relays.inc()
      else {
        metrics.relays.dec()
        metrics.lost.inc()
      }
      log.info({ relay: hostOf(relay), connected }, 'relay.changed')
    },
    eventRefused({ relay }) {
      metrics.unpublished.inc()
      log.warn({ relay: hostOf(relay) }, 'relay.refused')
    },
    relaysFull({ relay }) {
      log.error({ relay: hostOf(relay) }, 'relay.full')
    },
  }
}
