import { Refusal } from '@quorate/shared/errors'
import type { Database } from 'better-sqlite3'
import { faultOf, type StoreFault } from './faults.ts'
import { placeOf } from './places.ts'
import type { RowCipher } from './row-cipher.ts'

type Row = { key_id: string; version: number; blob: Buffer }

/** `record`: JSON. */
export type BunkerRow = Readonly<{ keyId: string; version: number; record: string }>

/** The bunker of each key, by version. */
export function bunkerOperations(db: Database, cipher: RowCipher) {
  const all = db.prepare<[], Row>('SELECT key_id, version, blob FROM bunkers ORDER BY key_id')
  const insert = db.prepare('INSERT OR IGNORE INTO bunkers VALUES (?, 1, ?)')
  const update = db.prepare('UPDATE bunkers SET version = ?, blob = ? WHERE key_id = ? AND version = ?')
  return {
    /** One that does not open is left out, and told of: it keeps no other from being served. */
    loadBunkers: (): Readonly<{ bunkers: BunkerRow[]; unreadable: StoreFault[] }> => {
      const bunkers: BunkerRow[] = []
      const unreadable: StoreFault[] = []
      for (const { key_id: keyId, version, blob } of all.all()) {
        try {
          bunkers.push({ keyId, version, record: cipher.open(placeOf.bunker(keyId, version), blob) })
        } catch (error) {
          unreadable.push(faultOf(error) ?? { cause: 'unknown' })
        }
      }
      return { bunkers, unreadable }
    },
    /** Gives the new version. `expected` 0 inserts. Throws `session.conflict`. */
    saveBunker: (keyId: string, expected: number, record: string): number => {
      const version = expected + 1
      const blob = cipher.seal(placeOf.bunker(keyId, version), record)
      const written = expected === 0 ? insert.run(keyId, blob) : update.run(version, blob, keyId, expected)
      if (written.changes !== 1) throw new Refusal('session.conflict')
      return version
    },
  }
}
