import { Refusal } from '@quorate/shared/errors'
import type { Database } from 'better-sqlite3'
import { placeOf } from './places.ts'
import type { RowCipher } from './row-cipher.ts'

/** What becomes of a key in a write. `record`, `prepared` and `installed` are JSON; the row of an epoch stands at version epoch + 1. */
export type KeyRow = Readonly<
  { version: number } & (
    | { step: 'made' | 'certified'; record: string }
    | { step: 'installing'; prepared: string }
    | { step: 'retired'; installed: string }
  )
>

type Row = { version: number; blob: Buffer }

/** The keys in `db`, a row per epoch. `step` runs inside the transaction of the act that it belongs to. */
export function createKeyTable(db: Database, cipher: RowCipher) {
  const blobs: Blobs = {
    seal: (keyId, version, record) => cipher.seal(placeOf.key(keyId, version), record),
    open: (keyId, { version, blob }) => cipher.open(placeOf.key(keyId, version), blob),
  }
  return { step: keyStep(db, blobs), operations: keyOperations(db, blobs) }
}

type Blobs = Readonly<{
  seal: (keyId: string, version: number, record: string) => Buffer
  open: (keyId: string, row: Row) => string
}>

const select = 'SELECT version, blob FROM keys WHERE key_id = ?'

function keyStep(db: Database, { seal, open }: Blobs) {
  const insert = db.prepare('INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?)')
  const enforce = db.prepare('UPDATE keys SET in_force = 1 WHERE key_id = ? AND version = ?')
  const rewrite = db.prepare('UPDATE keys SET blob = ? WHERE key_id = ? AND version = ?')
  const before = db.prepare<[string, number], Row>(`${select} AND version < ?`)
  const at = db.prepare<[string, number], Row>(`${select} AND version = ?`)

  function change(keyId: string, row: Row, more: object): void {
    const record = { ...(JSON.parse(open(keyId, row)) as object), ...more }
    rewrite.run(seal(keyId, row.version, JSON.stringify(record)), keyId, row.version)
  }

  /** The certificate stays, and what hosts said of it, for who has to be told how the key came to be at its epoch. */
  function retire(keyId: string, version: number, installed: unknown): void {
    for (const row of before.all(keyId, version)) change(keyId, row, { shares: [] })
    complete(keyId, version, { installed })
  }

  function complete(keyId: string, version: number, said: object): void {
    const row = at.get(keyId, version)
    if (row === undefined) throw new Refusal('session.conflict')
    change(keyId, row, said)
  }

  /** Throws `session.conflict` when the epoch is there already, or is not there. */
  return (keyId: string, row: KeyRow): void => {
    const { version } = row
    if (row.step === 'retired') {
      retire(keyId, version, JSON.parse(row.installed))
      return
    }
    if (row.step === 'installing') {
      complete(keyId, version, { prepared: JSON.parse(row.prepared) as unknown })
      enforce.run(keyId, version)
      return
    }
    const written = insert.run(keyId, version, row.step === 'made' ? 1 : 0, seal(keyId, version, row.record))
    if (written.changes !== 1) throw new Refusal('session.conflict')
  }
}

function keyOperations(db: Database, { open }: Blobs) {
  const last = db.prepare<string[], Row>(`${select} AND in_force = 1 ORDER BY version DESC LIMIT 1`)
  const one = db.prepare<[string, number], Row>(`${select} AND version = ?`)
  const since = db.prepare<[string, number, number], Row>(
    `${select} AND in_force = 1 AND version >= ? ORDER BY version LIMIT ?`,
  )
  return {
    loadKey: (keyId: string): string | null => {
      const row = last.get(keyId)
      return row ? open(keyId, row) : null
    },
    loadKeyAt: (keyId: string, version: number): string | null => {
      const row = one.get(keyId, version)
      return row ? open(keyId, row) : null
    },
    loadKeysSince: (keyId: string, version: number, most: number): string[] =>
      since.all(keyId, version, most).map((row) => open(keyId, row)),
  }
}
