import type { Database } from 'better-sqlite3'
import { createAuditChain, type AuditReport } from './audit-chain.ts'
import { named, openDatabase } from './database-file.ts'
import { faultOf } from './faults.ts'
import { sealedTables, type SealedTable } from './places.ts'
import { createRowCipher, type RowCipher } from './row-cipher.ts'
import { sealedRows } from './sealed-rows.ts'
import { opensUnder } from './tables.ts'

/** What is in a database. `damaged`: rows that do not open, by name. `audit`: null when the chain breaks. */
export type Inspection = Readonly<{
  schema: number
  keys: number
  openSessions: number
  rows: Readonly<Record<SealedTable, number>>
  damaged: readonly string[]
  audit: AuditReport | null
}>

export const isWhole = ({ damaged, audit }: Inspection): boolean => damaged.length === 0 && audit !== null

/** Opens every row in this file and walks its audit chain. Writes nothing. Throws a plain Error when the file or the storage key is wrong. */
export function inspectFile(path: string, storageKey: Uint8Array): Inspection {
  const db = openDatabase(path, { readonly: true })
  try {
    return inspect(db, createRowCipher(storageKey))
  } catch (error) {
    throw named(path, error)
  } finally {
    db.close()
  }
}

function inspect(db: Database, cipher: RowCipher): Inspection {
  const structure = db.pragma('integrity_check', { simple: true })
  if (structure !== 'ok') throw new Error('SQLite finds its structure damaged')
  if (opensUnder(db, cipher) !== true) throw new Error('the storage key does not open this database')
  const one = (sql: string): number => db.prepare<[], number>(sql).pluck().get() ?? 0
  const tables = db.prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all()
  const names = Object.keys(sealedTables) as SealedTable[]
  const rows = Object.fromEntries(names.map((table) => [table, 0])) as Record<SealedTable, number>
  const damaged: string[] = []
  for (const table of names) {
    // A database of an earlier version may lack it.
    if (!tables.includes(table)) continue
    for (const { place, blob } of sealedRows(db, table)) {
      rows[table] += 1
      try {
        cipher.open(place, blob)
      } catch (error) {
        damaged.push(`${table}/${faultOf(error)?.row ?? '?'}`)
      }
    }
  }
  return {
    schema: one('PRAGMA user_version'),
    keys: one('SELECT count(DISTINCT key_id) FROM keys'),
    openSessions: one('SELECT count(*) FROM sessions WHERE ended = 0'),
    rows,
    damaged,
    audit: auditOf(db, cipher),
  }
}

function auditOf(db: Database, cipher: RowCipher): AuditReport | null {
  try {
    return createAuditChain(db, cipher).verify()
  } catch {
    return null
  }
}
