import { createReadStream, writeFileSync, closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Database } from 'better-sqlite3'
import * as z from 'zod'
import { createAuditChain, follows, GENESIS, type Link } from './audit-chain.ts'
import { makeFile, openDatabase } from './database-file.ts'
import { lockIfFree } from './lock.ts'
import { createRowCipher, type RowCipher } from './row-cipher.ts'
import { createTables } from './tables.ts'

/*
 * An archive is text: a line that says after which record it begins, then a line for each record. Records hold ids, digests and indices,
 * which are nobody's secret, so that whoever has the file can verify it without the storage key.
 */

const Hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((hex) => Buffer.from(hex, 'hex'))
const Begin = z.strictObject({
  archive: z.literal('quorate/audit/1'),
  after: z.strictObject({ seq: z.int(), hash: Hash }),
})
const Line = z.strictObject({ seq: z.int(), hash: Hash, record: z.string() })

const jsonOf = ({ seq, hash, ...more }: Link & { record?: string }): object => ({
  seq,
  hash: hash.toString('hex'),
  ...more,
})

/** Of an archive: the record before its first, and its last. */
export type Archived = Readonly<{ after: Link; last: Link; records: number }>

export type Archiving = Readonly<{ path: string; storageKey: Uint8Array; file: string; keep: number }>

/**
 * Writes all records but the newest `keep` to a new file, verifies the file, and takes them out of the database. The last of them is the
 * anchor from which the chain goes on. A gateway may write meanwhile. Null when there are no more than `keep`.
 */
export async function archiveAudit({ path, storageKey, file, keep }: Archiving): Promise<Archived | null> {
  const lock = lockIfFree(path)
  try {
    const db = openDatabase(path)
    lock?.opened()
    try {
      return await archiveFrom(db, createRowCipher(storageKey), file, keep)
    } finally {
      lock?.closing()
      db.close()
    }
  } finally {
    lock?.release()
  }
}

async function archiveFrom(db: Database, cipher: RowCipher, file: string, keep: number): Promise<Archived | null> {
  createTables(db, cipher, 'archive-audit')
  db.pragma('synchronous = FULL')
  const chain = createAuditChain(db, cipher)
  const [anchor, end] = [chain.anchor(), chain.head().seq - keep]
  if (end <= anchor.seq) return null
  await makeFile(file, (draft) => write(draft, chain, end))
  const archived = await verifyArchive(file)
  db.transaction(() => {
    const now = chain.anchor()
    if (now.seq !== anchor.seq) throw new Error(`${file}: another archive was made meanwhile; nothing was removed`)
    chain.dropTo(archived.last)
  }).immediate()
  db.pragma('wal_checkpoint(TRUNCATE)')
  return archived
}

function write(draft: string, chain: ReturnType<typeof createAuditChain>, end: number): void {
  const out = openSync(draft, 'a')
  try {
    const after = chain.anchor()
    writeFileSync(out, `${JSON.stringify({ archive: 'quorate/audit/1', after: jsonOf(after) })}\n`)
    for (const linked of chain.from(after)) {
      if (linked.seq > end) break
      writeFileSync(out, `${JSON.stringify(jsonOf(linked))}\n`)
    }
  } finally {
    closeSync(out)
  }
}

/** Walks the chain of an archive. Throws a plain Error that names the line where it breaks. */
export async function verifyArchive(file: string): Promise<Archived> {
  let [after, last, records] = [null as Link | null, GENESIS, 0]
  for await (const text of createInterface({ input: createReadStream(file) })) {
    try {
      const json: unknown = JSON.parse(text)
      if (after === null) {
        after = last = Begin.parse(json).after
        continue
      }
      const next = Line.parse(json)
      if (!follows(last, next)) throw new Error()
      last = next
      records += 1
    } catch {
      throw new Error(`${file}: the audit chain breaks at line ${after === null ? 1 : records + 2}`)
    }
  }
  if (after === null) throw new Error(`${file}: is no archive`)
  return { after, last, records }
}
