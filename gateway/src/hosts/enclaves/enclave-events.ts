import type { Logger } from 'pino'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { EnclaveEvents } from './enclaves.ts'

const createMetrics = (registers: Registry[]) => ({
  ready: new Gauge({
    name: 'quorate_enclave_ready',
    help: '1 for an enclave that answers, has its root open, and is of an image that the manifest in force lists',
    labelNames: ['enclave'],
    registers,
  }),
  retired: new Gauge({
    name: 'quorate_enclave_retired',
    help: '1 for an enclave whose image the manifest in force does not list',
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
  const { ready, retired, restarts } = createMetrics([registry])
  const set = (enclave: string, state: 'ready' | 'retired' | null) => {
    ready.set({ enclave }, Number(state === 'ready'))
    retired.set({ enclave }, Number(state === 'retired'))
  }
  return {
    enclaveReady(enclaveId) {
      set(enclaveId, 'ready')
      log.info({ enclaveId }, 'enclave.ready')
    },
    enclaveRetired(enclaveId) {
      set(enclaveId, 'retired')
      const hint = 'the manifest in force does not list its image: offer one that does, or run another image'
      log.warn({ enclaveId, hint }, 'enclave.retired')
    },
    enclaveDown(enclaveId) {
      set(enclaveId, null)
      log.warn({ enclaveId }, 'enclave.down')
    },
    enclaveRestarted(enclaveId) {
      set(enclaveId, null)
      restarts.inc({ enclave: enclaveId })
      log.warn({ enclaveId }, 'enclave.restarted')
    },
    enclaveNotReady(enclaveId, code) {
      set(enclaveId, null)
      log.warn({ enclaveId, code }, 'enclave.not_ready')
    },
    enclaveRootTakenOver(enclaveId) {
      log.info({ enclaveId }, 'enclave.root_taken_over')
    },
    enclaveIdentityChanged(enclaveId) {
      set(enclaveId, null)
      const hint = 'it is not used until its address leads to the enclave that holds its keys'
      log.fatal({ enclaveId, hint }, 'enclave.not_itself')
    },
  }
}
