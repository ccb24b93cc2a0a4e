import { Refusal } from '@quorate/shared/errors'
import type { Database } from 'better-sqlite3'
import { faultOf, type StoreFault } from './faults.ts'
import { placeOf } from './places.ts'
import type { RowCipher } from './row-cipher.ts'

/** A program's request as it crosses to the worker: `state` is JSON. `cameAt` in ms. `open`: it has no answer yet. */
export type ClientRequestRow = Readonly<{
  eventId: string
  keyId: string
  expected: number
  open: boolean
  cameAt: number
  state: string
}>
export type FoundClientRequest = Readonly<{ eventId: string; keyId: string; version: number; state: string }>

/** How long a request stays, open or not, and how many that are not open stay of each key. */
const STAYS = { ms: 86_400_000, each: 10_000 }
/** Lines of the log that stay of each key: the newest. */
const LOG_KEPT = 10_000

type Row = { event_id: string; key_id: string; version: number; blob: Buffer }

/** What programs ask of bunkers, and the log of a bunker's hosts. */
export function clientRequestOperations(db: Database, cipher: RowCipher) {
  const log = logTable(db, cipher)
  return {
    ...requestReads(db, cipher),
    saveClientRequest: requestSave(db, cipher, log.append),
    /** Appends lines. `lines`: JSON. */
    appendBunkerLog: (keyId: string, lines: readonly string[]): void => {
      for (const line of lines) log.append(keyId, line)
    },
    loadBunkerLog: log.after,
  }
}

function requestReads(db: Database, cipher: RowCipher) {
  const columns = 'event_id, key_id, version, blob'
  const one = db.prepare<[string], Row>(`SELECT ${columns} FROM client_requests WHERE event_id = ?`)
  const open = db.prepare<[number], Row>(
    `SELECT ${columns} FROM client_requests WHERE open = 1 OR came_at >= ? ORDER BY came_at`,
  )
  const read = ({ event_id: eventId, key_id: keyId, version, blob }: Row): FoundClientRequest => ({
    eventId,
    keyId,
    version,
    state: cipher.open(placeOf.clientRequest(eventId, keyId, version), blob),
  })
  return {
    loadClientRequest: (eventId: string): FoundClientRequest | null => {
      const row = one.get(eventId)
      return row ? read(row) : null
    },
    /** In the order in which they came. One that does not open is left out, and told of. */
    openClientRequests: (since: number): Readonly<{ requests: FoundClientRequest[]; unreadable: StoreFault[] }> => {
      const requests: FoundClientRequest[] = []
      const unreadable: StoreFault[] = []
      for (const row of open.all(since)) {
        try {
          requests.push(read(row))
        } catch (error) {
          unreadable.push(faultOf(error) ?? { cause: 'unknown' })
        }
      }
      return { requests, unreadable }
    },
  }
}

/** Writes a request together with the lines that it adds to the log. Gives the new version; throws `session.conflict`. */
function requestSave(db: Database, cipher: RowCipher, append: (keyId: string, line: string) => void) {
  const insert = db.prepare('INSERT OR IGNORE INTO client_requests VALUES (?, ?, 1, ?, ?, ?)')
  const update = db.prepare(
    'UPDATE client_requests SET version = ?, open = ?, blob = ? WHERE event_id = ? AND version = ?',
  )
  return ({ eventId, keyId, expected, open, cameAt, state }: ClientRequestRow, lines: readonly string[]): number => {
    const version = expected + 1
    const blob = cipher.seal(placeOf.clientRequest(eventId, keyId, version), state)
    const written =
      expected === 0
        ? insert.run(eventId, keyId, open ? 1 : 0, cameAt, blob)
        : update.run(version, open ? 1 : 0, blob, eventId, expected)
    if (written.changes !== 1) throw new Refusal('session.conflict')
    for (const line of lines) append(keyId, line)
    return version
  }
}

function logTable(db: Database, cipher: RowCipher) {
  const newest = db.prepare<[string], number>('SELECT coalesce(max(at), 0) FROM bunker_log WHERE key_id = ?').pluck()
  const insert = db.prepare('INSERT INTO bunker_log VALUES (?, ?, ?)')
  const trim = db.prepare('DELETE FROM bunker_log WHERE key_id = ? AND at <= ?')
  const after = db.prepare<[string, number, number], { at: number; blob: Buffer }>(
    'SELECT at, blob FROM bunker_log WHERE key_id = ? AND at > ? ORDER BY at LIMIT ?',
  )
  const last = db.prepare<[string, number], { at: number; blob: Buffer }>(
    'SELECT at, blob FROM bunker_log WHERE key_id = ? ORDER BY at DESC LIMIT ?',
  )
  return {
    append: (keyId: string, line: string): void => {
      const at = (newest.get(keyId) ?? 0) + 1
      insert.run(keyId, at, cipher.seal(placeOf.bunkerLog(keyId, at), line))
      trim.run(keyId, at - LOG_KEPT)
    },
    /** Lines after `at`, ascending, `most` at most; null: the newest. */
    after: (keyId: string, at: number | null, most: number): { at: number; line: string }[] =>
      (at === null ? last.all(keyId, most).reverse() : after.all(keyId, at, most)).map((row) => ({
        at: row.at,
        line: cipher.open(placeOf.bunkerLog(keyId, row.at), row.blob),
      })),
  }
}

/** Deletes requests that are too old, and those of a key that are too many. */
export function clientRequestSweep(db: Database): (now: number) => number {
  const old = db.prepare('DELETE FROM client_requests WHERE came_at < ?')
  const many = db.prepare(
    `DELETE FROM client_requests WHERE rowid IN (SELECT id FROM (
       SELECT rowid AS id, row_number() OVER (PARTITION BY key_id ORDER BY came_at DESC, rowid DESC) AS place
       FROM client_requests WHERE open = 0) WHERE place > ?)`,
  )
  return (now) => old.run(now - STAYS.ms).changes + many.run(STAYS.each).changes
}
