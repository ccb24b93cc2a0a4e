import type { Database } from 'better-sqlite3'
import { faultOf, type StoreFault } from './faults.ts'
import { columns, createOpener, type FoundSession, type Reader, type StoredRow } from './session-table.ts'

/** `until` and `now` in ms. `first`: the handle has just been opened, and ends the leases of who had this name before. */
export type ClaimOrder = Readonly<{ holder: string; until: number; now: number; first: boolean }>

/** `unreadable`: what is wrong with the sessions that do not open. */
type ClaimedRows = Readonly<{ sessions: FoundSession[]; unreadable: StoreFault[]; anew: boolean }>

/** Leases: a row for each handle that has one, and in each session the handle that drives it. */
export function claimOperations(db: Database, reader: Reader) {
  const { handle } = reader
  const endOld = db.prepare('DELETE FROM leases WHERE until <= ?')
  const endOthers = db.prepare('DELETE FROM leases WHERE holder = ? AND handle <> ?')
  const renew = db.prepare('UPDATE leases SET holder = ?, until = ? WHERE handle = ?')
  const begin = db.prepare('INSERT INTO leases (handle, holder, until) VALUES (?, ?, ?)')
  const end = db.prepare('DELETE FROM leases WHERE handle = ?')
  const free = `ended = 0 AND handle IS NOT @handle
    AND (handle IS NULL OR handle NOT IN (SELECT handle FROM leases))`
  const select = db.prepare<[{ handle: string }], StoredRow>(`SELECT ${columns} FROM sessions WHERE ${free}`)
  const take = db.prepare<[{ handle: string }]>(`UPDATE sessions SET handle = @handle WHERE ${free}`)
  const open = createOpener(reader)
  return {
    claim: ({ holder, until, now, first }: ClaimOrder): ClaimedRows => {
      endOld.run(now)
      if (first) endOthers.run(holder, handle)
      const anew = renew.run(holder, until, handle).changes === 0
      if (anew) begin.run(handle, holder, until)
      const rows = select.all({ handle })
      if (rows.length > 0) take.run({ handle })
      const sessions: FoundSession[] = []
      const unreadable: StoreFault[] = []
      // A row that does not open must not keep the others from going on: it is told of and left.
      for (const row of rows) {
        try {
          sessions.push(open({ ...row, handle }))
        } catch (error) {
          unreadable.push(faultOf(error) ?? { cause: 'unknown' })
        }
      }
      return { sessions, unreadable, anew }
    },
    release: (): void => void end.run(handle),
  }
}
