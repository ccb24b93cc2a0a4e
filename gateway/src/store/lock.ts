import { chmodSync, closeSync, existsSync, openSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'

/**
 * `opened`: from now on a crash leaves a WAL behind. `closing`: one handle less. `settled`: the database is whole without a WAL. `release` ends
 * with the last handle of this process.
 */
export type DatabaseLock = Readonly<{
  opened: () => void
  closing: () => void
  settled: () => void
  release: () => void
}>

/** `open`: handles on the database; `users`: all who hold the lock. `lostWal`: the last process crashed, and its WAL is not there. */
type Held = { db: Database.Database; users: number; open: number; lostWal: boolean }

/** What this process holds, by the path of the lock. */
const held = new Map<string, Held>()

function fileOf(path: string): string {
  try {
    return join(realpathSync(dirname(path)), `${basename(path)}-lock`)
  } catch (error) {
    throw new Error(`${path}: its folder cannot be read`, { cause: error })
  }
}

/**
 * Takes the database for this process, which may have several handles on it. The lock is SQLite's own, on a file of its own, so that the
 * kernel gives it back when the process dies. The file's `user_version` is 1 while the database is open: then a WAL has to be there.
 *
 * Throws a plain Error for the operator when another process has the database, or when its WAL is lost.
 */
export function lockDatabase(path: string): DatabaseLock {
  const lock = lockToRestore(path)
  const file = fileOf(path)
  if (held.get(file)?.lostWal !== true) return lock
  lock.release()
  throw new Error(
    `${path}-wal: is lost, with what was written last before a crash; restore a backup, or remove ${file} to go on without it`,
  )
}

/** The same, whatever has become of the database. */
export function lockToRestore(path: string): DatabaseLock {
  const lock = lockIfFree(path)
  if (lock === null)
    throw new Error(`${path}: another process has this database open; a SQLite database serves one gateway at a time`)
  return lock
}

/** The same, and null when another process has it. */
export function lockIfFree(path: string): DatabaseLock | null {
  const file = fileOf(path)
  const mine = held.get(file) ?? take(file, path)
  if (mine === null) return null
  held.set(file, mine)
  mine.users += 1
  return lockOf(mine, file)
}

function lockOf(mine: Held, file: string): DatabaseLock {
  const settled = () => {
    if (mine.open > 0) return
    try {
      mine.db.pragma('user_version = 0')
    } catch {
      // The disk is full. The WAL stays then.
    }
  }
  return {
    opened() {
      if (mine.open === 0) mine.db.pragma('user_version = 1')
      mine.open += 1
    },
    closing() {
      mine.open -= 1
      settled()
    },
    settled,
    release() {
      mine.users -= 1
      if (mine.users > 0) return
      held.delete(file)
      mine.db.close()
    },
  }
}

function take(file: string, path: string): Held | null {
  closeSync(openSync(file, 'a', 0o600))
  chmodSync(file, 0o600)
  const db = new Database(file, { timeout: 0 })
  try {
    db.pragma('journal_mode = MEMORY')
    db.pragma('locking_mode = EXCLUSIVE')
    db.exec('BEGIN EXCLUSIVE; COMMIT')
    const crashed = db.pragma('user_version', { simple: true }) === 1
    return { db, users: 0, open: 0, lostWal: crashed && existsSync(path) && !existsSync(`${path}-wal`) }
  } catch (error) {
    db.close()
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return null
    throw new Error(`${file}: ${error instanceof Error ? error.message : 'does not open'}`, { cause: error })
  }
}
