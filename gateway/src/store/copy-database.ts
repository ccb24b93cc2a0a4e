import Database from 'better-sqlite3'
import { makeFile, openDatabase } from './database-file.ts'

/** More pages than a database has: in one step, so that no write of a gateway makes the copy begin again. */
const ALL_PAGES = 2 ** 31 - 1

/** Copies a database, with what its WAL holds, into one new file, while a gateway may write to it. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  await makeFile(to, async (draft) => {
    const source = openDatabase(from, { readonly: true })
    try {
      await source.backup(draft, { progress: () => ALL_PAGES })
    } finally {
      source.close()
    }
    const copy = new Database(draft)
    try {
      // Without a WAL the copy is one file that can be read anywhere. A gateway turns the WAL on again.
      copy.pragma('journal_mode = DELETE')
    } finally {
      copy.close()
    }
  })
}
