import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client'
import type { Store, StoreSize } from './store/store.ts'
import { version } from './version.ts'

/**
 * What a gateway says of itself besides what happens in it: its process by the names that dashboards know (`process_…`, `nodejs_…`), what it was
 * built from, and how large its store is.
 */
export function measureHouse(registry: Registry, store: Pick<Store, 'size'>): void {
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const build = new Gauge({
    name: 'quorate_build_info',
    help: '1, with the version of the gateway and of Node',
    labelNames: ['version', 'node'],
    registers,
  })
  build.set({ version: version(), node: process.version }, 1)
  // A store that does not answer leaves what it said last; `/readyz` says that it is unwell.
  const sized = (show: (size: StoreSize) => void): Promise<void> => store.size().then(show, () => undefined)
  new Gauge({
    name: 'quorate_database_bytes',
    help: 'Size of the database file, and of its write-ahead log',
    labelNames: ['file'],
    registers,
    collect() {
      return sized(({ bytes }) => {
        this.set({ file: 'database' }, bytes.file)
        this.set({ file: 'wal' }, bytes.wal)
      })
    },
  })
  new Gauge({
    name: 'quorate_audit_height',
    help: 'Number of the last audit record: archived records count, so that it never falls',
    registers,
    collect() {
      return sized(({ audit }) => this.set(audit))
    },
  })
}
