import type { Database } from 'better-sqlite3'
import { createAuditChain } from './audit-chain.ts'
import { BUSY_MS } from './database-file.ts'
import { manifestOperations } from './manifest-table.ts'
import { migrate } from './migrations.ts'
import { claimOperations } from './claims.ts'
import { createKeyTable } from './key-table.ts'
import { usesOperations } from './key-uses.ts'
import { bunkerOperations } from './bunker-table.ts'
import { clientRequestOperations, clientRequestSweep } from './client-request-table.ts'
import { placeOf } from './places.ts'
import type { RowCipher } from './row-cipher.ts'
import { sessionReads, sessionSave } from './session-table.ts'
import type { ReplyPlace } from './store.ts'

/** What can be asked of the database. All of it is synchronous, and all writes run inside a transaction of the caller's. */
export type Tables = ReturnType<typeof createTables>

const KEY_CHECK = 'quorate'

/** Does this storage key open this database? Null for a new database, which has none yet. */
export function opensUnder(db: Database, cipher: RowCipher): boolean | null {
  const place = placeOf.meta('key')
  const row = db.prepare<[], { blob: Buffer }>("SELECT blob FROM meta WHERE name = 'key'").get()
  if (row === undefined) return null
  try {
    return cipher.open(place, row.blob) === KEY_CHECK
  } catch {
    return false
  }
}

/** A new database takes the storage key as its own. */
function checkKey(db: Database, cipher: RowCipher): void {
  const opens = opensUnder(db, cipher)
  if (opens === false) throw new Error('the storage key does not open this database')
  if (opens === null)
    db.prepare("INSERT INTO meta (name, blob) VALUES ('key', ?)").run(cipher.seal(placeOf.meta('key'), KEY_CHECK))
}

/**
 * Brings the schema up to date, checks the storage key, and gives the operations of this handle. Throws a plain Error for the
 * operator.
 */
export function createTables(db: Database, cipher: RowCipher, handle: string) {
  db.pragma('journal_mode = WAL')
  // What is deleted or overwritten is zeroes in the file. What was before stays in the WAL until it is emptied: see `batch.ts`.
  db.pragma('secure_delete = ON')
  db.pragma(`busy_timeout = ${BUSY_MS}`)
  db.pragma('wal_autocheckpoint = 4000')
  migrate(db)
  checkKey(db, cipher)
  const audit = createAuditChain(db, cipher)
  const keys = createKeyTable(db, cipher)
  return {
    save: sessionSave(db, { cipher, handle }, audit, keys.step),
    ...sessionReads(db, { cipher, handle }),
    ...claimOperations(db, { cipher, handle }),
    ...keys.operations,
    ...usesOperations(db),
    ...enclaveOperations(db, cipher),
    ...manifestOperations(db, cipher, audit),
    ...replyOperations(db, cipher),
    ...bunkerOperations(db, cipher),
    ...clientRequestOperations(db, cipher),
    verifyAudit: () => audit.verify(),
    checkAudit: (most: number) => audit.verifyTail(most),
    auditHeight: () => audit.head().seq,
    probe: probeOperation(db, cipher),
    sweep: sweepOperation(db),
  }
}

function enclaveOperations(db: Database, cipher: RowCipher) {
  const enclave = db.prepare<string[], { blob: Buffer }>('SELECT blob FROM enclaves WHERE enclave_id = ?')
  const saveEnclave = db.prepare(
    'INSERT INTO enclaves VALUES (?, 1, ?) ON CONFLICT (enclave_id) DO UPDATE SET blob = excluded.blob',
  )
  return {
    loadEnclaveRoot: (enclaveId: string): string | null => {
      const row = enclave.get(enclaveId)
      return row ? cipher.open(placeOf.root(enclaveId), row.blob) : null
    },
    saveEnclaveRoot: (enclaveId: string, root: string): void => {
      saveEnclave.run(enclaveId, cipher.seal(placeOf.root(enclaveId), root))
    },
  }
}

function replyOperations(db: Database, cipher: RowCipher) {
  const load = db.prepare<(string | number)[], { blob: Buffer }>(
    'SELECT blob FROM replies WHERE scope = ? AND key = ? AND expires_at > ?',
  )
  const save = db.prepare(
    `INSERT INTO replies (scope, key, expires_at, blob, holder) VALUES (?, ?, ?, ?, ?) ON CONFLICT (scope, key) DO UPDATE
     SET expires_at = excluded.expires_at, blob = excluded.blob, holder = excluded.holder WHERE replies.expires_at <= ?`,
  )
  const trim = db.prepare(
    `DELETE FROM replies WHERE holder = ? AND rowid NOT IN
     (SELECT rowid FROM replies WHERE holder = ? ORDER BY expires_at DESC, rowid DESC LIMIT ?)`,
  )
  return {
    loadReply: (scope: string, key: string, now: number): string | null => {
      const row = load.get(scope, key, now)
      return row ? cipher.open(placeOf.reply(scope, key), row.blob) : null
    },
    saveReply: ({ scope, key, holder, most }: ReplyPlace, reply: string, expiresAt: number, now: number): void => {
      const blob = cipher.seal(placeOf.reply(scope, key), reply)
      if (save.run(scope, key, expiresAt, blob, holder, now).changes > 0) trim.run(holder, holder, most)
    },
  }
}

/** Bytes that a probe writes: more than fits into what is left on a page. */
const PROBE = 65_536

/** Writes a reply that is over, so that the sweep takes away one that a crash left. `end` deletes it. */
function probeOperation(db: Database, cipher: RowCipher) {
  const begin = db.prepare("INSERT OR REPLACE INTO replies (scope, key, expires_at, blob) VALUES ('probe', '', 0, ?)")
  const end = db.prepare("DELETE FROM replies WHERE scope = 'probe' AND key = ''")
  const blob = () => cipher.seal(placeOf.reply('probe', ''), ' '.repeat(PROBE))
  return (step: 'begin' | 'end'): void => {
    if (step === 'begin') begin.run(blob())
    else end.run()
  }
}

/**
 * Sessions that ended before `before` (ms), those that should have ended by then, replies that are over at `now`, and requests of programs
 * that are over.
 */
function sweepOperation(db: Database) {
  const sessions = db.prepare('DELETE FROM sessions WHERE (ended = 1 AND updated_at < ?) OR expires_at < ?')
  const replies = db.prepare('DELETE FROM replies WHERE expires_at <= ?')
  const requests = clientRequestSweep(db)
  return (before: number, now: number): number =>
    sessions.run(before, before).changes + replies.run(now).changes + requests(now)
}
