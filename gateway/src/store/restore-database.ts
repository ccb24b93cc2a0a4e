import type { Database } from 'better-sqlite3'
import { existsSync, linkSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { createAuditChain, type Link } from './audit-chain.ts'
import { copyDatabase } from './copy-database.ts'
import { filesOf, flush, openDatabase } from './database-file.ts'
import { inspectFile, isWhole, type Inspection } from './inspect.ts'
import { lockToRestore } from './lock.ts'
import { createRowCipher } from './row-cipher.ts'

export type Restore = Readonly<{
  from: string
  /** Where the gateway looks for its database. */
  to: string
  storageKey: Uint8Array
  /** Also when the database that is there has what the backup lacks. */
  overNewer: boolean
}>

/** `aside`: where the database that was there is now. */
export type Restored = Readonly<{ inspection: Inspection; aside: string | null }>

/**
 * Puts a backup in the place of the database. What was there is kept beside it. Throws a plain Error when the backup is damaged, when a
 * gateway runs, and when the database that is there is newer.
 */
export async function restoreDatabase({ from, to, storageKey, overNewer }: Restore): Promise<Restored> {
  const inspection = inspectFile(from, storageKey)
  if (!isWhole(inspection)) throw new Error(`${from}: is damaged; \`restore --check\` says where`)
  const lock = lockToRestore(to)
  try {
    if (!overNewer && existsSync(to) && hasMore(to, from, storageKey))
      throw new Error(`${to}: has what the backup lacks; --over-newer restores it nevertheless`)
    const next = `${to}.restored`
    await copyDatabase(from, next)
    const aside = moveAside(to)
    renameSync(next, to)
    flush(dirname(to))
    lock.settled()
    return { inspection, aside }
  } finally {
    lock.release()
  }
}

/** Gives the new name. The database keeps its old one until the backup takes it. */
function moveAside(path: string): string | null {
  const files = filesOf(path)
  if (files.length === 0) return null
  const aside = `${path}.before-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
  for (const file of files) {
    const name = aside + file.slice(path.length)
    if (file === path) linkSync(file, name)
    else renameSync(file, name)
  }
  return aside
}

/** Is there anything in the database at `path` that the backup lacks? One that cannot be read has nothing. */
function hasMore(path: string, backup: string, storageKey: Uint8Array): boolean {
  try {
    return reads(path, (present) =>
      reads(backup, (kept) => {
        const cipher = createRowCipher(storageKey)
        const [head, chain] = [createAuditChain(present, cipher).head(), createAuditChain(kept, cipher)]
        return !has(chain, head) || newest(present) > newest(kept)
      }),
    )
  } catch {
    return false
  }
}

const newest = (db: Database): number =>
  db.prepare<[], number>('SELECT coalesce(max(updated_at), 0) FROM sessions').pluck().get() ?? 0

function has(chain: ReturnType<typeof createAuditChain>, { seq, hash }: Link): boolean {
  const anchor = chain.anchor()
  const mine = seq === anchor.seq ? anchor : chain.at(seq)
  return mine?.hash.equals(hash) === true
}

function reads<T>(path: string, read: (db: Database) => T): T {
  const db = openDatabase(path, { readonly: true })
  try {
    return read(db)
  } finally {
    db.close()
  }
}
