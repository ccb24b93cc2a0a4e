import type { Logger } from 'pino'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Journal } from './engine/ports.ts'

/**
 * What happened in the business, one function per event: it gives the log line and moves the metric. Each takes the
 * fields that may be seen and picks them by name, so that nothing else can slip into a log.
 */
export type Events = Journal &
  Readonly<{
    keygenReserved(at: { keyId: string; participants: number; threshold: number }): void
    refreshRequested(at: { refreshId: string; keyId: string; epoch: number }): void
    signingRequested(at: { signingId: string; keyId: string; items: number }): void
    signingDecided(at: { signingId: string; index: number; approved: number; rejected: number }): void
    signingWithdrawn(at: { signingId: string }): void
    openSessions(at: { kind: string; open: number }): void
    /** A host has heard from the others of the keys in use. `left`: of which it knows too little to sign. */
    hostRecalled(at: { host: string; settled: number; left: number }): void
  }>

const seconds = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600]

const createMetrics = (registry: Registry) => ({
  ...sessionCounts([registry]),
  ...sessionSeconds([registry]),
  ...houseMetrics([registry]),
})

const sessionCounts = (registers: Registry[]) => ({
  keygens: new Counter({
    name: 'quorate_keygens_ended_total',
    help: 'Keygens that ended, by state and refusal code',
    labelNames: ['state', 'code'],
    registers,
  }),
  refreshes: new Counter({
    name: 'quorate_refreshes_ended_total',
    help: 'Refreshes of keys that ended, by state and refusal code',
    labelNames: ['state', 'code'],
    registers,
  }),
  signings: new Counter({
    name: 'quorate_signings_ended_total',
    help: 'Signings that ended, by state and refusal code',
    labelNames: ['state', 'code'],
    registers,
  }),
  attempts: new Counter({
    name: 'quorate_attempts_total',
    help: 'Attempts begun, by kind of session: what is above the number of sessions was retried',
    labelNames: ['kind'],
    registers,
  }),
  open: new Gauge({
    name: 'quorate_sessions_open',
    help: 'Sessions that have not ended, by kind',
    labelNames: ['kind'],
    registers,
  }),
})

const sessionSeconds = (registers: Registry[]) => ({
  keygenSeconds: new Histogram({
    name: 'quorate_keygen_seconds',
    help: 'From the first attempt to the certificate',
    buckets: seconds,
    registers,
  }),
  signingSeconds: new Histogram({
    name: 'quorate_signing_seconds',
    help: 'From the first attempt to the signature',
    buckets: seconds,
    registers,
  }),
})

const houseMetrics = (registers: Registry[]) => ({
  hostFailures: new Counter({
    name: 'quorate_host_failures_total',
    help: 'Calls that an enclave did not do, by refusal code',
    labelNames: ['enclave', 'code'],
    registers,
  }),
  keysUnproven: new Gauge({
    name: 'quorate_keys_unproven',
    help: 'Keys in use of which an enclave has not heard enough to sign by a grant, since it restarted',
    labelNames: ['enclave'],
    registers,
  }),
  storeFailures: new Counter({
    name: 'quorate_store_failures_total',
    help: 'Writes that failed or met another version',
    labelNames: ['code'],
    registers,
  }),
  faults: new Counter({ name: 'quorate_faults_total', help: 'Errors that nobody foresaw', registers }),
})

/** Events that write to `log` and count in `registry`. */
export function createEvents(log: Logger, registry: Registry): Events {
  const metrics = createMetrics(registry)
  return { ...requestEvents(log), ...sessionEvents(log, metrics), ...houseEvents(log, metrics) }
}

type Metrics = ReturnType<typeof createMetrics>

const requestEvents = (log: Logger) =>
  ({
    keygenReserved({ keyId, participants, threshold }) {
      log.info({ keyId, participants, threshold }, 'keygen.reserved')
    },
    refreshRequested({ refreshId, keyId, epoch }) {
      log.info({ refreshId, keyId, epoch }, 'refresh.requested')
    },
    signingRequested({ signingId, keyId, items }) {
      log.info({ signingId, keyId, items }, 'signing.requested')
    },
    signingWithdrawn({ signingId }) {
      log.info({ signingId }, 'signing.withdrawn')
    },
    signingDecided({ signingId, index, approved, rejected }) {
      log.debug({ signingId, index, approved, rejected }, 'signing.decided')
    },
  }) satisfies Partial<Events>

/** Under its kind's own name, unless the session is named by its key. */
const idsOf = ({ kind, id, keyId }: { kind: string; id: string; keyId: string }) =>
  id === keyId ? { keyId } : { [`${kind}Id`]: id, keyId }

function sessionEvents(log: Logger, metrics: Metrics) {
  const kinds: Record<string, { ended: Counter; seconds?: Histogram } | undefined> = {
    keygen: { ended: metrics.keygens, seconds: metrics.keygenSeconds },
    refresh: { ended: metrics.refreshes },
    signing: { ended: metrics.signings, seconds: metrics.signingSeconds },
  }
  return {
    attempted(at) {
      const { kind, attempt, quorum } = at
      metrics.attempts.inc({ kind })
      // Signings are many; a keygen or a refresh that is tried again and again should be seen.
      const level = kind === 'signing' ? 'debug' : 'info'
      log[level]({ ...idsOf(at), attempt, quorum }, `${kind}.attempt_begun`)
    },
    ended(at) {
      const { kind, attempts, state, code, culprits, seconds } = at
      kinds[kind]?.ended.inc({ state, code: code ?? '' })
      if (state === 'completed') kinds[kind]?.seconds?.observe(seconds)
      log.info({ ...idsOf(at), attempts, state, code, culprits, seconds }, `${kind}.ended`)
    },
    openSessions({ kind, open }) {
      metrics.open.set({ kind }, open)
    },
  } satisfies Partial<Events>
}

const houseEvents = (log: Logger, metrics: Metrics) =>
  ({
    hostFailed({ host, code }) {
      metrics.hostFailures.inc({ enclave: host, code })
      log.warn({ enclaveId: host, code }, 'enclave.failed')
    },
    hostRecalled({ host, settled, left }) {
      metrics.keysUnproven.set({ enclave: host }, left)
      log.info({ enclaveId: host, settled, left }, 'enclave.recalled')
    },
    storeFailed({ kind, code }) {
      metrics.storeFailures.inc({ code })
      log.error({ kind, code }, 'store.failed')
    },
    faulted({ where, error }) {
      metrics.faults.inc()
      // A stack begins with the message, which may quote what was being handled: only the frames are kept.
      const stack = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : []
      log.error({ where, stack }, 'gateway.fault')
    },
  }) satisfies Partial<Events>
