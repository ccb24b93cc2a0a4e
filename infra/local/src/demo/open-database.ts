import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sealedTables } from '@quorate/gateway/store/places'
import { createRowCipher, type Place } from '@quorate/gateway/store/row-cipher'

export type Blob = Readonly<{ place: Place; sealed: Uint8Array; opened: string }>

/** The tables that are shown, with the order of their rows. */
const shown = {
  sessions: 'kind DESC, updated_at DESC',
  enclosures: 'rowid',
  keys: 'rowid',
  enclaves: 'rowid',
  replies: 'rowid',
  audit: 'seq',
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
    return (Object.keys(shown) as (keyof typeof shown)[]).flatMap((table) =>
      db
        .prepare(`SELECT ${sealedTables[table].columns}, blob FROM ${table} ORDER BY ${shown[table]}`)
        .all()
        .map(({ blob, ...columns }) => {
          const place = sealedTables[table].place(columns as Record<string, string | number>)
          const sealed = blob as Uint8Array
          return { place, sealed, opened: cipher.open(place, sealed) }
        }),
    )
  } finally {
    db.close()
  }
}
