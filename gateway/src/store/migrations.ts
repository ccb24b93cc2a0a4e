import type { Database } from 'better-sqlite3'

/** One entry per version of the schema, in order and never edited once released. `user_version` counts those applied. */
const migrations: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, blob BLOB NOT NULL) STRICT;
   CREATE TABLE sessions (
     kind TEXT NOT NULL, id TEXT NOT NULL, key_id TEXT NOT NULL, version INTEGER NOT NULL, ended INTEGER NOT NULL,
     expires_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT;
   CREATE INDEX open_sessions ON sessions (kind) WHERE ended = 0;
   CREATE INDEX ended_sessions ON sessions (updated_at) WHERE ended = 1;
   CREATE TABLE keys (key_id TEXT PRIMARY KEY, version INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
   CREATE TABLE enclaves (enclave_id TEXT PRIMARY KEY, version INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
   CREATE TABLE replies (
     scope TEXT NOT NULL, key TEXT NOT NULL, expires_at INTEGER NOT NULL, blob BLOB NOT NULL,
     PRIMARY KEY (scope, key)) STRICT;
   CREATE INDEX old_replies ON replies (expires_at);
   CREATE TABLE audit (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, blob BLOB NOT NULL) STRICT;`,
  // A key has a row per epoch, at version epoch + 1; it is at the highest that is in force.
  `ALTER TABLE keys RENAME TO keys_of_one_epoch;
   CREATE TABLE keys (
     key_id TEXT NOT NULL, version INTEGER NOT NULL, in_force INTEGER NOT NULL, blob BLOB NOT NULL,
     PRIMARY KEY (key_id, version)) STRICT;
   INSERT INTO keys SELECT key_id, version, 1, blob FROM keys_of_one_epoch;
   DROP TABLE keys_of_one_epoch;`,
  'CREATE TABLE manifests (enclave_id TEXT PRIMARY KEY, blob BLOB NOT NULL) STRICT;',
  // Sessions have another state; those of before cannot be taken up. Keys stay.
  'DELETE FROM sessions;',
  // Who drives a session: a handle on this database, as long as its lease lasts. And names under which one session is open.
  `CREATE TABLE leases (handle TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
   ALTER TABLE sessions ADD COLUMN handle TEXT;
   ALTER TABLE sessions ADD COLUMN alone TEXT;
   DROP INDEX open_sessions;
   CREATE INDEX open_sessions ON sessions (handle) WHERE ended = 0;
   CREATE UNIQUE INDEX alone_sessions ON sessions (alone) WHERE ended = 0;
   UPDATE OR IGNORE sessions SET alone = 'refresh of ' || key_id WHERE kind = 'refresh' AND ended = 0;`,
  // What a session brings along stands beside it and is written once. Signings of before have it inside; open keygens do not say who
  // holds them. Keys stay. Replies belong to whoever asked.
  `DELETE FROM sessions WHERE kind = 'signing' OR (kind = 'keygen' AND ended = 0);
   CREATE TABLE enclosures (kind TEXT NOT NULL, id TEXT NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT;
   CREATE TRIGGER enclosures_go AFTER DELETE ON sessions BEGIN
     DELETE FROM enclosures WHERE kind = OLD.kind AND id = OLD.id; END;
   ALTER TABLE replies ADD COLUMN holder TEXT NOT NULL DEFAULT '';
   CREATE INDEX replies_of ON replies (holder, expires_at);`,
  // When each key was last used: a session of it was written.
  `CREATE TABLE key_uses (key_id TEXT PRIMARY KEY, used_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX uses_by_time ON key_uses (used_at);
   INSERT INTO key_uses SELECT key_id, max(updated_at) FROM sessions
     WHERE key_id IN (SELECT key_id FROM keys) GROUP BY key_id;`,
  // Bunkers: a row for each key that has one, what programs ask for, and the log of its hosts.
  `CREATE TABLE bunkers (key_id TEXT PRIMARY KEY, version INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
   CREATE TABLE client_requests (
     event_id TEXT PRIMARY KEY, key_id TEXT NOT NULL, version INTEGER NOT NULL, open INTEGER NOT NULL,
     came_at INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
   CREATE INDEX open_client_requests ON client_requests (came_at) WHERE open = 1;
   CREATE INDEX client_requests_by_time ON client_requests (came_at);
   CREATE INDEX closed_client_requests ON client_requests (key_id, came_at) WHERE open = 0;
   CREATE TABLE bunker_log (
     key_id TEXT NOT NULL, at INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (key_id, at)) STRICT;`,
]

/** Brings the database to this schema, each step whole or not at all. Throws for a database that a later version has touched. */
export function migrate(db: Database): void {
  const at = db.pragma('user_version', { simple: true }) as number
  if (at > migrations.length) throw new Error('the database belongs to a later version of the gateway')
  for (const [step, sql] of migrations.entries()) {
    if (step < at) continue
    db.transaction(() => {
      db.exec(sql)
      db.pragma(`user_version = ${step + 1}`)
    }).immediate()
  }
}
