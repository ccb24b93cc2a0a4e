import Database from 'better-sqlite3'

/** As if this key had last been used so long ago (ms). Its gateway may be running. */
export function ageKey(database: string, keyId: string, ms: number): void {
  const db = new Database(database)
  const { changes } = db.prepare('UPDATE key_uses SET used_at = used_at - ? WHERE key_id = ?').run(ms, keyId)
  db.close()
  if (changes !== 1) throw new Error('a key that was never used')
}
