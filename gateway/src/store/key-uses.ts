import type { Database } from 'better-sqlite3'

/** A use within so many ms of the last one that was noted is not noted: a key that signs all the time costs one write a minute. */
const GRAIN = 60_000

/** Notes, inside the transaction of a session's write, that a key was used. One that is not made yet has no uses. Time in ms. */
export function noteUse(db: Database): (keyId: string, now: number) => void {
  const note = db.prepare(
    `INSERT INTO key_uses (key_id, used_at) SELECT @keyId, @now WHERE EXISTS (SELECT 1 FROM keys WHERE key_id = @keyId)
     ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at WHERE excluded.used_at >= used_at + ${GRAIN}`,
  )
  return (keyId, now) => void note.run({ keyId, now })
}

export function usesOperations(db: Database) {
  const used = db.prepare<[{ since: number; most: number }], { key_id: string }>(
    `SELECT key_id FROM key_uses
     WHERE used_at >= @since OR key_id IN (SELECT key_id FROM sessions WHERE ended = 0)
     ORDER BY used_at DESC, key_id LIMIT @most`,
  )
  return {
    usedKeys: (since: number, most: number): string[] => used.all({ since, most }).map(({ key_id }) => key_id),
  }
}
