import { KeyId } from '@quorate/shared/wire/ids'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { bunkerRecord } from './check-bunkers.ts'
import { close, inFreshFolders, open, path, store } from './fresh-store.ts'
import { change, keyId, record } from './store-changes.ts'

inFreshFolders()

/** Takes the schema back to what it was before keys had bunkers. */
const BEFORE_BUNKERS = 'DROP TABLE bunkers; DROP TABLE client_requests; DROP TABLE bunker_log; PRAGMA user_version = 7;'

/** And to what it was before uses of keys were noted. */
const BEFORE_USES = `${BEFORE_BUNKERS} DROP TABLE key_uses; PRAGMA user_version = 6;`

/** And to what it was before sessions brought anything along. */
const BEFORE_ENCLOSURES = `${BEFORE_USES}
  DROP TRIGGER enclosures_go; DROP TABLE enclosures; DROP INDEX replies_of; ALTER TABLE replies DROP COLUMN holder;
  PRAGMA user_version = 5;`

/** And to what it was before handles had leases. */
const BEFORE_LEASES = `${BEFORE_ENCLOSURES}
  DROP TABLE leases; DROP INDEX open_sessions; DROP INDEX alone_sessions;
  ALTER TABLE sessions DROP COLUMN handle; ALTER TABLE sessions DROP COLUMN alone;
  CREATE INDEX open_sessions ON sessions (kind) WHERE ended = 0; PRAGMA user_version = 4;`

/** And to what it was before keys had epochs. */
const BEFORE_EPOCHS = `${BEFORE_LEASES}
  CREATE TABLE old (key_id TEXT PRIMARY KEY, version INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
  INSERT INTO old SELECT key_id, version, blob FROM keys; DROP TABLE keys; ALTER TABLE old RENAME TO keys;
  DROP TABLE manifests; PRAGMA user_version = 1;`

async function comesFrom(sql: string): Promise<void> {
  await close()
  const db = new Database(path)
  db.exec(sql)
  db.close()
  await open()
}

describe('a database of before', () => {
  it('keeps its keys when it knew no epochs', async () => {
    await open()
    await store!.save(change('a', 0, { key: { step: 'made', record } }))
    await comesFrom(BEFORE_EPOCHS)
    expect(await store!.loadKey(keyId)).toEqual(record)
  })

  it('keeps its keys and its open sessions when it knew no leases, each to be claimed', async () => {
    await open()
    await store!.save(change('a', 0, { kind: 'refresh', key: { step: 'made', record } }))
    await store!.save(change('b', 0, { kind: 'refresh', ended: true }))
    await comesFrom(BEFORE_LEASES)
    expect(await store!.loadKey(keyId)).toEqual(record)
    expect((await store!.claim('gateway', 0)).sessions.map(({ id, version }) => [id, version])).toEqual([['a', 1]])
    expect(await store!.save(change('a', 1, { kind: 'refresh' }))).toBe(2)
  })

  it('keeps its keys, and takes bunkers from then on, when it knew none', async () => {
    await open()
    await store!.save(change('a', 0, { key: { step: 'made', record } }))
    await comesFrom(BEFORE_BUNKERS)
    expect(await store!.loadKey(keyId)).toEqual(record)
    expect(await store!.saveBunker(keyId, 0, bunkerRecord('a'))).toBe(1)
  })

  it('knows of its keys when they were last used, when it did not note uses', async () => {
    await open()
    const before = Date.now()
    await store!.save(change('a', 0, { ended: true, key: { step: 'made', record } }))
    await store!.save(change('b', 0, { ended: true, keyId: KeyId.parse('cd'.repeat(16)) }))
    await comesFrom(BEFORE_USES)
    expect(await store!.usedKeys(before, 9)).toEqual([keyId])
    expect(await store!.usedKeys(Date.now() + 1, 9)).toEqual([])
  })

  it('keeps its keys and refreshes, and no signing or open keygen, when sessions brought nothing along', async () => {
    await open()
    await store!.save(change('a', 0, { kind: 'refresh', key: { step: 'made', record } }))
    await store!.save(change('b', 0, { kind: 'signing' }))
    await store!.save(change('c', 0))
    await store!.save(change('d', 0, { ended: true }))
    await comesFrom(BEFORE_ENCLOSURES)
    expect(await store!.loadKey(keyId)).toEqual(record)
    const left = ['a', 'b', 'c', 'd'].map((id, at) =>
      store!.loadSession(['refresh', 'signing', 'keygen', 'keygen'][at]!, id),
    )
    expect((await Promise.all(left)).map((session) => session?.id ?? null)).toEqual(['a', null, null, 'd'])
  })

  it('has one open refresh a key from then on, also when two were open', async () => {
    await open()
    for (const id of ['a', 'b']) await store!.save(change(id, 0, { kind: 'refresh' }))
    await comesFrom(BEFORE_LEASES)
    const next = change('c', 0, { kind: 'refresh', alone: `refresh of ${keyId}` })
    await expect(store!.save(next)).rejects.toMatchObject({ code: 'session.conflict' })
    for (const id of ['a', 'b']) await store!.save(change(id, 1, { kind: 'refresh', ended: true }))
    await store!.save(next)
  })
})
