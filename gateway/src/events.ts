import type { RefusalCode } from '@quorate/shared/errors'
import type { Logger } from 'pino'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

type Ended = Readonly<{ state: string; code: RefusalCode | null; culprits: readonly number[]; seconds: number }>

/**
 * What happened in the business, one function per event: it gives the log line and moves the metric. Each takes the
 * fields that may be seen and picks them by name, so that nothing else can slip into a log.
 */
export type Events = Readonly<{
  keygenReserved(at: { keyId: string; participants: number; threshold: number }): void
  keygenAttempted(at: { keyId: string; attempt: number }): void
  keygenEnded(at: { keyId: string } & Ended): void
  refreshRequested(at: { refreshId: string; keyId: string; epoch: number }): void
  refreshAttempted(at: { refreshId: string; keyId: string; attempt: number }): void
  refreshEnded(at: { refreshId: string; keyId: string } & Ended): void
  signingRequested(at: { signingId: string; keyId: string; items: number }): void
  signingDecided(at: { signingId: string; index: number; decision: 'approve' | 'reject' }): void
  signingAttempted(at: { signingId: string; attempt: number; quorum: readonly number[] }): void
  signingEnded(at: { signingId: string; keyId: string; attempts: number } & Ended): void
  /** An enclave did not do its part. */
  hostFailed(at: { enclaveId: string; code: RefusalCode }): void
  storeFailed(at: { kind: string; code: RefusalCode }): void
  /** A bug: something rejected with what is not a refusal. The stack goes to the log, the message does not. */
  faulted(at: { where: string; error: unknown }): void
  openSessions(count: { keygen: number; signing: number; refresh: number }): void
}>

const seconds = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600]

function createMetrics(registry: Registry) {
  const registers = [registry]
  return {
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
    keygenSeconds: new Histogram({
      name: 'quorate_keygen_seconds',
      help: 'From the last registration to the certificate',
      buckets: seconds,
      registers,
    }),
    signingSeconds: new Histogram({
      name: 'quorate_signing_seconds',
      help: 'From the first quorum to the signature',
      buckets: seconds,
      registers,
    }),
    hostFailures: new Counter({
      name: 'quorate_host_failures_total',
      help: 'Calls that an enclave did not do, by refusal code',
      labelNames: ['enclave', 'code'],
      registers,
    }),
    storeFailures: new Counter({
      name: 'quorate_store_failures_total',
      help: 'Writes that failed or met another version',
      labelNames: ['code'],
      registers,
    }),
    faults: new Counter({ name: 'quorate_faults_total', help: 'Errors that nobody foresaw', registers }),
    open: new Gauge({
      name: 'quorate_sessions_open',
      help: 'Sessions that have not ended, by kind',
      labelNames: ['kind'],
      registers,
    }),
  }
}

/** Events that write to `log` and count in `registry`. */
export function createEvents(log: Logger, registry: Registry): Events {
  const metrics = createMetrics(registry)
  return {
    ...keygenEvents(log, metrics),
    ...refreshEvents(log, metrics),
    ...signingEvents(log, metrics),
    ...houseEvents(log, metrics),
  }
}

type Metrics = ReturnType<typeof createMetrics>

const keygenEvents = (log: Logger, metrics: Metrics) =>
  ({
    keygenReserved({ keyId, participants, threshold }) {
      log.info({ keyId, participants, threshold }, 'keygen reserved')
    },
    keygenAttempted({ keyId, attempt }) {
      metrics.attempts.inc({ kind: 'keygen' })
      log.info({ keyId, attempt }, 'key generation begun')
    },
    keygenEnded({ keyId, state, code, culprits, seconds }) {
      metrics.keygens.inc({ state, code: code ?? '' })
      if (state === 'completed') metrics.keygenSeconds.observe(seconds)
      log.info({ keyId, state, code, culprits, seconds }, 'keygen ended')
    },
  }) satisfies Partial<Events>

const refreshEvents = (log: Logger, metrics: Metrics) =>
  ({
    refreshRequested({ refreshId, keyId, epoch }) {
      log.info({ refreshId, keyId, epoch }, 'refresh requested')
    },
    refreshAttempted({ refreshId, keyId, attempt }) {
      metrics.attempts.inc({ kind: 'refresh' })
      log.info({ refreshId, keyId, attempt }, 'refresh begun')
    },
    refreshEnded({ refreshId, keyId, state, code, culprits, seconds }) {
      metrics.refreshes.inc({ state, code: code ?? '' })
      log.info({ refreshId, keyId, state, code, culprits, seconds }, 'refresh ended')
    },
  }) satisfies Partial<Events>

const signingEvents = (log: Logger, metrics: Metrics) =>
  ({
    signingRequested({ signingId, keyId, items }) {
      log.info({ signingId, keyId, items }, 'signing requested')
    },
    signingDecided({ signingId, index, decision }) {
      log.debug({ signingId, index, decision }, 'signing decided')
    },
    signingAttempted({ signingId, attempt, quorum }) {
      metrics.attempts.inc({ kind: 'signing' })
      log.debug({ signingId, attempt, quorum }, 'quorum chosen')
    },
    signingEnded({ signingId, keyId, attempts, state, code, culprits, seconds }) {
      metrics.signings.inc({ state, code: code ?? '' })
      if (state === 'completed') metrics.signingSeconds.observe(seconds)
      log.info({ signingId, keyId, attempts, state, code, culprits, seconds }, 'signing ended')
    },
  }) satisfies Partial<Events>

const houseEvents = (log: Logger, metrics: Metrics) =>
  ({
    hostFailed({ enclaveId, code }) {
      metrics.hostFailures.inc({ enclave: enclaveId, code })
      log.warn({ enclaveId, code }, 'enclave failed')
    },
    storeFailed({ kind, code }) {
      metrics.storeFailures.inc({ code })
      log.error({ kind, code }, 'store failed')
    },
    faulted({ where, error }) {
      metrics.faults.inc()
      // A stack begins with the message, which may quote what was being handled: only the frames are kept.
      const stack = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : []
      log.error({ where, stack }, 'fault')
    },
    openSessions({ keygen, signing, refresh }) {
      metrics.open.set({ kind: 'keygen' }, keygen)
      metrics.open.set({ kind: 'signing' }, signing)
      metrics.open.set({ kind: 'refresh' }, refresh)
    },
  }) satisfies Partial<Events>
