import Database from 'better-sqlite3'
import { makeFile } from './database-file.ts'
import { createRowCipher } from './row-cipher.ts'
import { createTables } from './tables.ts'

/** Makes the database of a new gateway under this storage key. Throws a plain Error when a file is there. */
export async function makeDatabase(path: string, storageKey: Uint8Array): Promise<void> {
  await makeFile(path, (draft) => {
    const db = new Database(draft)
    try {
      createTables(db, createRowCipher(storageKey), 'init')
    } finally {
      // The last handle brings the WAL into the file.
      db.close()
    }
  })
}
