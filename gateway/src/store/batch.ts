import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Database } from 'better-sqlite3'
import type { Tables } from './tables.ts'

/** One operation as it crosses to the worker. `durable`: on the disk before it is acknowledged. */
export type Order = {
  [O in keyof Tables]: { operation: O; args: Parameters<Tables[O]>; durable: boolean }
}[keyof Tables]

/** `cause` is SQLite's own code, for the operator's log. */
export type Outcome = { value: unknown } | { refusal: RefusalCode; cause: string | null }

/** What only reads, and what must not hold up a batch of short writes in one transaction with it. */
const reads: ReadonlySet<keyof Tables> = new Set([
  'loadSession',
  'loadEnclosure',
  'loadKey',
  'loadKeyAt',
  'loadKeysSince',
  'loadEnclaveRoot',
  'loadManifests',
  'loadReply',
  'verifyAudit',
])

const perform = (tables: Tables, { operation, args }: Order): unknown => Reflect.apply(tables[operation], null, args)

function refused(error: unknown): Outcome {
  if (error instanceof Refusal) return { refusal: error.code, cause: null }
  const cause = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return { refusal: 'store.failed', cause }
}

/** What must not be there any more afterwards: shares of an earlier epoch, a root's former form, and sessions and replies that are over. */
const erases = (order: Order): boolean =>
  order.operation === 'sweep' ||
  order.operation === 'saveEnclaveRoot' ||
  (order.operation === 'save' && order.args[1]?.step === 'retired')

/**
 * Empties the WAL, which has pages as they were before they were erased. Another handle that reads keeps it from that, and so does a disk
 * that fails: the batch has been written, and the next one that erases does it.
 */
function emptyLog(db: Database): void {
  try {
    db.pragma('wal_checkpoint(TRUNCATE)')
  } catch {
    // Said above.
  }
}

/**
 * Runs a batch: its writes share one transaction and one commit (group commit). A write that is refused takes only itself
 * back. When the disk fails, everything is taken back and each order tried alone, so that one that does not fit fails alone. What is
 * erased does not stay in the WAL.
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
    if (orders.some(erases)) emptyLog(db)
    return outcomes
  }
}
