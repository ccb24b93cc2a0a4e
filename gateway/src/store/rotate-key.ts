import type { Database } from 'better-sqlite3'
import { openDatabase } from './database-file.ts'
import { lockDatabase } from './lock.ts'
import { sealedTables, type SealedTable } from './places.ts'
import { createRowCipher, type RowCipher } from './row-cipher.ts'
import { sealedRows } from './sealed-rows.ts'
import { createTables, opensUnder } from './tables.ts'

export type Rotation = Readonly<{ path: string; from: Uint8Array; to: Uint8Array }>

/**
 * Seals every row under another storage key, in one transaction: after a crash the database opens under one of both keys. Gives the number of
 * rows; 0 when the database is under the new key already. Throws a `DamagedRow` for a row that does not open, and a plain Error while a
 * gateway runs.
 */
export function rotateKey({ path, from, to }: Rotation): number {
  const [before, after] = [createRowCipher(from), createRowCipher(to)]
  const lock = lockDatabase(path)
  try {
    const db = openDatabase(path)
    lock.opened()
    try {
      if (opensUnder(db, after) === true) return 0
      createTables(db, before, 'rotate-key')
      db.pragma('synchronous = FULL')
      const rows = db.transaction(() => resealAll(db, before, after)).immediate()
      // Rows under the old key stay in no page and not in the WAL.
      db.pragma('wal_checkpoint(TRUNCATE)')
      return rows
    } finally {
      lock.closing()
      db.close()
    }
  } finally {
    lock.release()
  }
}

function resealAll(db: Database, before: RowCipher, after: RowCipher): number {
  let rows = 0
  for (const table of Object.keys(sealedTables) as SealedTable[]) {
    const update = db.prepare(`UPDATE ${table} SET blob = ? WHERE rowid = ?`)
    for (const { rowid, place, blob } of sealedRows(db, table)) {
      update.run(after.seal(place, before.open(place, blob)), rowid)
      rows += 1
    }
  }
  return rows
}
