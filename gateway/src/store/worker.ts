import { parentPort, workerData } from 'node:worker_threads'
import { createBatchRunner, type Order, type Outcome } from './batch.ts'
import { named, openDatabase } from './database-file.ts'
import { createRowCipher } from './row-cipher.ts'
import { createTables } from './tables.ts'

/** The thread that owns the database: SQLite's calls block, and the event loop must not. */
export type WorkerData = Readonly<{ path: string; storageKey: Uint8Array; handle: string }>
export type ToWorker = { orders: readonly Order[] } | { close: true }
export type FromWorker = { opened: true } | { failed: string } | { outcomes: readonly Outcome[] } | { closed: true }

const { path } = workerData as WorkerData
const say = (message: FromWorker) => parentPort?.postMessage(message)

function open({ storageKey, handle }: WorkerData): void {
  const db = openDatabase(path)
  const run = createBatchRunner(db, createTables(db, createRowCipher(storageKey), handle))
  parentPort?.on('message', (message: ToWorker) => {
    if ('orders' in message) {
      say({ outcomes: run(message.orders) })
      return
    }
    db.close()
    say({ closed: true })
    parentPort?.close()
  })
  say({ opened: true })
}

try {
  open(workerData as WorkerData)
} catch (error) {
  say({ failed: named(path, error).message })
  parentPort?.close()
}
