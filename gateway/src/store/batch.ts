import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Database } from 'better-sqlite3'
import { BUSY_MS } from './database-file.ts'
import { faultOf, type StoreFault } from './faults.ts'
import type { Tables } from './tables.ts'

/** One operation as it crosses to the worker. `durable`: on the disk before it is acknowledged. */
export type Order = {
  [O in keyof Tables]: { operation: O; args: Parameters<Tables[O]>; durable: boolean }
}[keyof Tables]

/** `fault`: what is for the operator's log. */
export type Outcome = { value: unknown } | { refusal: RefusalCode; fault: StoreFault | null }

/** What only reads, and what must not hold up a batch of short writes in one transaction with it. */
export const reads: ReadonlySet<keyof Tables> = new Set([
  'loadSession',
  'loadEnclosure',
  'loadKey',
  'loadKeyAt',
  'loadKeysSince',
  'usedKeys',
  'loadEnclaveRoot',
  'loadManifests',
  'loadReply',
  'loadBunkers',
  'loadClientRequest',
  'openClientRequests',
  'loadBunkerLog',
  'verifyAudit',
  'checkAudit',
  'auditHeight',
])

const perform = (tables: Tables, { operation, args }: Order): unknown => Reflect.apply(tables[operation], null, args)

const refused = (error: unknown): Outcome => ({
  refusal: error instanceof Refusal ? error.code : 'store.failed',
  fault: faultOf(error),
})

/** What must not be there any more afterwards: shares of an earlier epoch, a root's former form, and sessions and replies that are over. */
const erases = (order: Order): boolean =>
  order.operation === 'sweep' ||
  order.operation === 'saveEnclaveRoot' ||
  (order.operation === 'save' && order.args[1]?.step === 'retired')

/** What no copy of the database file may lack: a root, a key, what an enclave has taken, the key of a bunker. */
const keeps = (order: Order): boolean =>
  order.operation === 'saveManifests' ||
  order.operation === 'saveBunker' ||
  (order.operation === 'save' && order.args[1] !== null)

/** How long a checkpoint waits for whoever reads the file, ms: nobody is served meanwhile. */
const CHECKPOINT_MS = 200

/**
 * Brings the WAL into the database file. `empty`: leaves none of it, since it has pages as they were before they were erased. Another handle
 * that reads keeps it from that, and so does a disk that fails: the batch has been written, and the next checkpoint does it.
 */
function checkpoint(db: Database, { empty }: { empty: boolean }): void {
  try {
    db.pragma(`busy_timeout = ${CHECKPOINT_MS}`)
    db.pragma(`wal_checkpoint(${empty ? 'TRUNCATE' : 'PASSIVE'})`)
  } catch {
    // Said above.
  } finally {
    db.pragma(`busy_timeout = ${BUSY_MS}`)
  }
}

/**
 * Runs a batch: its writes share one transaction and one commit (group commit). A write that is refused takes only itself
 * back. When the disk fails, everything is taken back and each order tried alone, so that one that does not fit fails alone. What is
 * erased does not stay in the WAL, and roots and keys do not stay in it alone.
 */
export function createBatchRunner(db: Database, tables: Tables): (orders: readonly Order[]) => Outcome[] {
  let level: 'FULL' | 'NORMAL' | null = null
  const setLevel = (durable: boolean) => {
    const wanted = durable ? 'FULL' : 'NORMAL'
    if (wanted !== level) db.pragma(`synchronous = ${wanted}`)
    level = wanted
  }
  const savepoint = db.transaction((order: Order) => perform(tables, order))
  const attempt = (order: Order): Outcome => {
    try {
      return { value: reads.has(order.operation) ? perform(tables, order) : savepoint(order) }
    } catch (error) {
      if (error instanceof Refusal || reads.has(order.operation)) return refused(error)
      throw error
    }
  }
  const together = db.transaction((orders: readonly Order[]) => orders.map(attempt))
  const alone = (order: Order): Outcome => {
    try {
      setLevel(order.durable)
      return reads.has(order.operation) ? attempt(order) : (together.immediate([order])[0] ?? refused(null))
    } catch (error) {
      return refused(error)
    }
  }
  const runAll = (orders: readonly Order[]): Outcome[] => {
    if (orders.length === 1) return orders.map(alone)
    try {
      setLevel(orders.some(({ durable }) => durable))
      return orders.every(({ operation }) => reads.has(operation)) ? orders.map(attempt) : together.immediate(orders)
    } catch {
      return orders.map(alone)
    }
  }
  return (orders) => {
    const outcomes = runAll(orders)
    if (orders.some(erases) || orders.some(keeps)) checkpoint(db, { empty: orders.some(erases) })
    return outcomes
  }
}
