import { Refusal } from '@quorate/shared/errors'
import type { Database } from 'better-sqlite3'
import type { createAuditChain } from './audit-chain.ts'
import type { KeyRow } from './key-table.ts'
import type { Place, RowCipher } from './row-cipher.ts'

/** A session as it crosses to the worker: what is not routed by is JSON already. Times in ms. */
export type SessionRow = Readonly<{
  kind: string
  id: string
  keyId: string
  expected: number
  ended: boolean
  expiresAt: number
  state: string
}>
export type FoundSession = Readonly<{ kind: string; id: string; keyId: string; version: number; state: string }>

type StoredRow = { kind: string; id: string; key_id: string; version: number; blob: Buffer }

const placeOf = (kind: string, id: string, keyId: string, version: number): Place => [
  'sessions',
  `${kind}/${id}/${keyId}`,
  version,
]

/** Writes a session, with what becomes of its key and what is recorded of it. */
export function sessionSave(
  db: Database,
  cipher: RowCipher,
  audit: ReturnType<typeof createAuditChain>,
  stepKey: (keyId: string, row: KeyRow) => void,
) {
  const insert = db.prepare('INSERT OR IGNORE INTO sessions VALUES (?, ?, ?, 1, ?, ?, ?, ?)')
  const update = db.prepare(
    'UPDATE sessions SET version = ?, ended = ?, expires_at = ?, updated_at = ?, blob = ? WHERE kind = ? AND id = ? AND version = ?',
  )
  return (row: SessionRow, key: KeyRow | null, records: readonly string[], now: number): number => {
    const { kind, id, keyId, expected } = row
    const version = expected + 1
    const blob = cipher.seal(placeOf(kind, id, keyId, version), row.state)
    const ended = row.ended ? 1 : 0
    const written =
      expected === 0
        ? insert.run(kind, id, keyId, ended, row.expiresAt, now, blob)
        : update.run(version, ended, row.expiresAt, now, blob, kind, id, expected)
    if (written.changes !== 1) throw new Refusal('session.conflict')
    if (key !== null) stepKey(keyId, key)
    for (const record of records) audit.append(record)
    return version
  }
}

export function sessionReads(db: Database, cipher: RowCipher) {
  const columns = 'kind, id, key_id, version, blob'
  const one = db.prepare<string[], StoredRow>(`SELECT ${columns} FROM sessions WHERE kind = ? AND id = ?`)
  const open = db.prepare<[], StoredRow>(`SELECT ${columns} FROM sessions WHERE ended = 0`)
  const found = (row: StoredRow): FoundSession => ({
    kind: row.kind,
    id: row.id,
    keyId: row.key_id,
    version: row.version,
    state: cipher.open(placeOf(row.kind, row.id, row.key_id, row.version), row.blob),
  })
  return {
    loadSession: (kind: string, id: string): FoundSession | null => {
      const row = one.get(kind, id)
      return row ? found(row) : null
    },
    /** A row that does not open must not keep the others from going on: it is counted and left. */
    openSessions: (): { sessions: FoundSession[]; unreadable: number } => {
      const sessions: FoundSession[] = []
      let unreadable = 0
      for (const row of open.iterate()) {
        try {
          sessions.push(found(row))
        } catch {
          unreadable += 1
        }
      }
      return { sessions, unreadable }
    },
  }
}
