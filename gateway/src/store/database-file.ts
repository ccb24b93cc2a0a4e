import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'

/** How long a statement waits for another handle's write, ms. */
export const BUSY_MS = 5_000

/** The files that SQLite keeps beside a database. */
const companions = (path: string): string[] => [`${path}-wal`, `${path}-shm`, `${path}-journal`]

/** The database with its companions, as far as they are there. */
export const filesOf = (path: string): string[] => [path, ...companions(path)].filter((file) => existsSync(file))

/** Writes to the disk what is in a file, or which files are in a folder. */
export function flush(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const advice =
  'a lost database comes back by `quorate-gateway restore`, a new gateway gets one by `quorate-gateway init`'

/** Throws a plain Error for the operator when there is no database in this file. */
function requireDatabase(path: string): void {
  if (!existsSync(path)) throw new Error(`${path}: there is no database; ${advice}`)
  if (statSync(path).size === 0) throw new Error(`${path}: the database is empty; ${advice}`)
}

/**
 * Opens a database that is there, for its owner alone. Makes none: one that was lost would be replaced unseen. Throws a plain Error for
 * the operator.
 */
export function openDatabase(path: string, { readonly = false } = {}): Database.Database {
  requireDatabase(path)
  if (!readonly) for (const file of filesOf(path)) chmodSync(file, 0o600)
  let db: Database.Database | null = null
  try {
    db = new Database(path, { readonly, fileMustExist: true })
    if (db.pragma('user_version', { simple: true }) === 0)
      throw new Error(`the database has no tables, as a copy without its WAL; ${advice}`)
    return db
  } catch (error) {
    db?.close()
    throw named(path, error)
  }
}

/** The same error, naming the file: SQLite's own messages do not. */
export function named(path: string, error: unknown): Error {
  const message = error instanceof Error ? error.message : 'the database does not open'
  return message.startsWith(path) ? (error as Error) : new Error(`${path}: ${message}`, { cause: error })
}

/**
 * Makes a file whole or not at all, readable for its owner alone, and never over one that is there. `write` gets the path of a draft, which
 * is empty.
 */
export async function makeFile(path: string, write: (draft: string) => Promise<void> | void): Promise<void> {
  if (existsSync(path)) throw new Error(`${path}: is there already`)
  const draft = `${path}.draft`
  for (const file of filesOf(draft)) rmSync(file)
  closeSync(openSync(draft, 'wx', 0o600))
  try {
    await write(draft)
    flush(draft)
    linkSync(draft, path)
  } finally {
    for (const file of filesOf(draft)) rmSync(file)
  }
  flush(dirname(path))
}
