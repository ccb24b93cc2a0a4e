import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createRowCipher, type Place } from '@quorate/gateway/store/row-cipher'

export type Blob = Readonly<{ place: Place; sealed: Uint8Array; opened: string }>

/** SQL per table: the id that a blob is bound to, its version, the blob. */
const tables = {
  sessions:
    "SELECT kind || '/' || id || '/' || key_id AS id, version, blob FROM sessions ORDER BY kind DESC, updated_at DESC",
  enclosures: "SELECT kind || '/' || id AS id, 1 AS version, blob FROM enclosures",
  keys: 'SELECT key_id AS id, version, blob FROM keys',
  enclaves: 'SELECT enclave_id AS id, version, blob FROM enclaves',
  replies: 'SELECT json_array(scope, key) AS id, 1 AS version, blob FROM replies',
  audit: 'SELECT CAST(seq AS TEXT) AS id, 1 AS version, blob FROM audit',
}

/**
 * Everything in a gateway's database, opened with its storage key: what the operator, who has both, can read. The key lies
 * beside the database, where the fleet puts it.
 */
export function openDatabase(path: string): Blob[] {
  const key = readFileSync(join(dirname(path), 'storage.key'), 'utf8').trim()
  const cipher = createRowCipher(Buffer.from(key, 'hex'))
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return Object.entries(tables).flatMap(([table, sql]) =>
      db
        .prepare(sql)
        .all()
        .map((row) => {
          const place: Place = [table, String(row['id']), Number(row['version'])]
          const sealed = row['blob'] as Uint8Array
          return { place, sealed, opened: cipher.open(place, sealed) }
        }),
    )
  } finally {
    db.close()
  }
}
