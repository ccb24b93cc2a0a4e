import type { Logger } from 'pino'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { AuditReport } from './audit-chain.ts'
import type { StoreFault } from './faults.ts'

/** What happens to the store, as log lines and metrics. */
export type StoreEvents = Readonly<{
  storeFaulted(fault: StoreFault): void
  /** The last records of the chain hold together. */
  auditChecked(report: AuditReport): void
  /** They do not, or cannot be read. */
  auditBroken(): void
}>

export function createStoreEvents(log: Logger, registry: Registry): StoreEvents {
  const registers = [registry]
  const faults = new Counter({
    name: 'quorate_store_faults_total',
    help: "What went wrong in the database, by SQLite's code, or `damaged` and the table of a row that does not open",
    labelNames: ['cause', 'table'],
    registers,
  })
  const intact = new Gauge({
    name: 'quorate_audit_intact',
    help: '1 when the end of the audit chain held together at the last check, 0 when it did not',
    registers,
  })
  return {
    storeFaulted({ cause, table = '', row }) {
      faults.inc({ cause, table })
      log.error({ cause, ...(table && { table }), row }, 'store.fault')
    },
    auditChecked({ records, archived, head }) {
      intact.set(1)
      log.info({ records, archived, head }, 'audit.checked')
    },
    auditBroken() {
      intact.set(0)
      log.error({ advice: 'run `quorate-gateway verify-audit`, and restore a backup' }, 'audit.broken')
    },
  }
}
