import type { Logger } from 'pino'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { EnclaveEvents } from './enclaves.ts'

const createMetrics = (registers: Registry[]) => ({
  ready: new Gauge({
    name: 'quorate_enclave_ready',
    help: '1 for an enclave that answers and has its root open',
    labelNames: ['enclave'],
    registers,
  }),
  restarts: new Counter({
    name: 'quorate_enclave_restarts_total',
    help: 'Boots of an enclave after the first that was seen',
    labelNames: ['enclave'],
    registers,
  }),
})

/** What happens to enclaves, as log lines and metrics. */
export function createEnclaveEvents(log: Logger, registry: Registry): EnclaveEvents {
  const { ready, restarts } = createMetrics([registry])
  return {
    enclaveReady(enclaveId) {
      ready.set({ enclave: enclaveId }, 1)
      log.info({ enclaveId }, 'enclave.ready')
    },
    enclaveDown(enclaveId) {
      ready.set({ enclave: enclaveId }, 0)
      log.warn({ enclaveId }, 'enclave.down')
    },
    enclaveRestarted(enclaveId) {
      ready.set({ enclave: enclaveId }, 0)
      restarts.inc({ enclave: enclaveId })
      log.warn({ enclaveId }, 'enclave.restarted')
    },
    enclaveNotReady(enclaveId, code) {
      ready.set({ enclave: enclaveId }, 0)
      log.warn({ enclaveId, code }, 'enclave.not_ready')
    },
    enclaveRootTakenOver(enclaveId) {
      log.info({ enclaveId }, 'enclave.root_taken_over')
    },
    enclaveIdentityChanged(enclaveId) {
      ready.set({ enclave: enclaveId }, 0)
      const hint = 'it is not used until its address leads to the enclave that holds its keys'
      log.fatal({ enclaveId, hint }, 'enclave.not_itself')
    },
  }
}
