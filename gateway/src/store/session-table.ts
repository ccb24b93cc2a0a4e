import { Refusal } from '@quorate/shared/errors'
import type { Database } from 'better-sqlite3'
import type { createAuditChain } from './audit-chain.ts'
import type { KeyRow } from './key-table.ts'
import { noteUse } from './key-uses.ts'
import { placeOf } from './places.ts'
import type { RowCipher } from './row-cipher.ts'

/** A session as it crosses to the worker: what is not routed by is JSON already. Times in ms. */
export type SessionRow = Readonly<{
  kind: string
  id: string
  keyId: string
  expected: number
  ended: boolean
  expiresAt: number
  alone?: string
  state: string
  enclosure?: string
}>
export type FoundSession = Readonly<{
  kind: string
  id: string
  keyId: string
  version: number
  here: boolean
  state: string
}>

/** What opens rows, and the handle that reads and writes them. */
export type Reader = Readonly<{ cipher: RowCipher; handle: string }>

export type StoredRow = {
  kind: string
  id: string
  key_id: string
  version: number
  handle: string | null
  blob: Buffer
}

export const columns = 'kind, id, key_id, version, handle, blob'

/** Opens a row. Throws `store.damaged` when it does not open. */
export const createOpener =
  ({ cipher, handle }: Reader) =>
  (row: StoredRow): FoundSession => ({
    kind: row.kind,
    id: row.id,
    keyId: row.key_id,
    version: row.version,
    here: row.handle === handle,
    state: cipher.open(placeOf.session(row.kind, row.id, row.key_id, row.version), row.blob),
  })

/**
 * Writes a session, with what becomes of its key, that the key was used, and what is recorded of it. The session is this handle's from then on. One that
 * another handle holds, with a lease that lasts, is not written.
 */
export function sessionSave(
  db: Database,
  { cipher, handle }: Reader,
  audit: ReturnType<typeof createAuditChain>,
  stepKey: (keyId: string, row: KeyRow) => void,
) {
  const insert = db.prepare(
    `INSERT OR IGNORE INTO sessions (kind, id, key_id, version, ended, expires_at, updated_at, blob, handle, alone)
     VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?)`,
  )
  const update = db.prepare(
    `UPDATE sessions SET version = ?, ended = ?, expires_at = ?, updated_at = ?, blob = ?, handle = ?
     WHERE kind = ? AND id = ? AND version = ?
     AND (handle IS NULL OR handle = ? OR handle NOT IN (SELECT handle FROM leases WHERE until > ?))`,
  )
  const note = noteUse(db)
  const enclose = db.prepare('INSERT INTO enclosures (kind, id, blob) VALUES (?, ?, ?)')
  return (row: SessionRow, key: KeyRow | null, records: readonly string[], now: number): number => {
    const { kind, id, keyId, expected, expiresAt, alone = null } = row
    const version = expected + 1
    const blob = cipher.seal(placeOf.session(kind, id, keyId, version), row.state)
    const ended = row.ended ? 1 : 0
    const written =
      expected === 0
        ? insert.run(kind, id, keyId, ended, expiresAt, now, blob, handle, alone)
        : update.run(version, ended, expiresAt, now, blob, handle, kind, id, expected, handle, now)
    if (written.changes !== 1) throw new Refusal('session.conflict')
    if (expected === 0 && row.enclosure !== undefined)
      enclose.run(kind, id, cipher.seal(placeOf.enclosure(kind, id), row.enclosure))
    if (key !== null) stepKey(keyId, key)
    note(keyId, now)
    for (const record of records) audit.append(record)
    return version
  }
}

export function sessionReads(db: Database, reader: Reader) {
  const one = db.prepare<string[], StoredRow>(`SELECT ${columns} FROM sessions WHERE kind = ? AND id = ?`)
  const open = createOpener(reader)
  const enclosure = db.prepare<string[], { blob: Buffer }>('SELECT blob FROM enclosures WHERE kind = ? AND id = ?')
  return {
    loadEnclosure: (kind: string, id: string): string | null => {
      const row = enclosure.get(kind, id)
      return row ? reader.cipher.open(placeOf.enclosure(kind, id), row.blob) : null
    },
    loadSession: (kind: string, id: string): FoundSession | null => {
      const row = one.get(kind, id)
      return row ? open(row) : null
    },
  }
}
