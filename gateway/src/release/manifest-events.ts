import type { RefusalCode } from '@quorate/shared/errors'
import type { Logger } from 'pino'
import { Gauge, type Registry } from 'prom-client'

/** What happens to manifests, as log lines and metrics. Times in ms. */
export type ManifestEvents = Readonly<{
  manifestRead(at: { serial: number; images: number; signatures: number }): void
  manifestFaulted(fault: string): void
  manifestTaken(at: { enclaveId: string; serial: number; effectiveAt: number }): void
  manifestRefused(at: { enclaveId: string; serial: number; code: RefusalCode }): void
}>

export function createManifestEvents(log: Logger, registry: Registry): ManifestEvents {
  const registers = [registry]
  const serials = new Gauge({
    name: 'quorate_manifest_serial',
    help: 'The serial of the manifest that an enclave has taken last',
    labelNames: ['enclave'],
    registers,
  })
  const refused = new Gauge({
    name: 'quorate_manifest_refused',
    help: '1 for an enclave that has refused the manifest of this gateway',
    labelNames: ['enclave'],
    registers,
  })
  return {
    manifestRead({ serial, images, signatures }) {
      log.info({ serial, images, signatures }, 'manifest.read')
    },
    manifestFaulted(fault) {
      log.error({ fault }, 'manifest.not_read')
    },
    manifestTaken({ enclaveId, serial, effectiveAt }) {
      serials.set({ enclave: enclaveId }, serial)
      refused.set({ enclave: enclaveId }, 0)
      log.info({ enclaveId, serial, effectiveAt: new Date(effectiveAt).toISOString() }, 'manifest.taken')
    },
    manifestRefused({ enclaveId, serial, code }) {
      refused.set({ enclave: enclaveId }, 1)
      log.warn({ enclaveId, serial, code }, 'manifest.refused')
    },
  }
}
