import type { Database } from 'better-sqlite3'
import { sealedTables, type SealedTable } from './places.ts'
import type { Place } from './row-cipher.ts'

/** A row as it lies in the database. `rowid` names it within its table. */
export type SealedRow = Readonly<{ rowid: number; place: Place; blob: Buffer }>

/** How many rows are in memory at a time. */
const PAGE = 500

/** The rows of a table, in the order of their rowids. Rows may be rewritten while they are read. */
export function* sealedRows(db: Database, table: SealedTable): Generator<SealedRow> {
  const { columns, place } = sealedTables[table]
  const page = db.prepare<[number, number], { rowid: number; blob: Buffer } & Record<string, string | number>>(
    `SELECT rowid AS rowid, ${columns}, blob FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ?`,
  )
  for (let last = Number.MIN_SAFE_INTEGER; ;) {
    const rows = page.all(last, PAGE)
    for (const { rowid, blob, ...row } of rows) yield { rowid, blob, place: place(row) }
    const end = rows.at(-1)
    if (end === undefined) return
    last = end.rowid
  }
}
