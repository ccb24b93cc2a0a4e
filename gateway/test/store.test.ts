import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyId } from '@quorate/shared/wire/ids'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBatchRunner, type Order } from '../src/store/batch.ts'
import type { KeyRow } from '../src/store/key-table.ts'
import { openStore } from '../src/store/open-store.ts'
import { createRowCipher } from '../src/store/row-cipher.ts'
import type { Change, KeyRecord, KeyStep, SessionStates, Store } from '../src/store/store.ts'
import { createTables, type Tables } from '../src/store/tables.ts'
import { keyRecord } from './key-record.ts'

const storageKey = new Uint8Array(32).fill(7)
const keyId = KeyId.parse('ab'.repeat(16))
const other = KeyId.parse('cd'.repeat(16))
const DAY = 86_400_000

let folder: string
let path: string
let store: Store | null
let record: KeyRecord

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-store-'))
  path = join(folder, 'gateway.db')
  store = null
  record = (await keyRecord()).record
})
afterEach(async () => {
  await store?.close()
  rmSync(folder, { recursive: true, force: true })
})

const open = async (key = storageKey): Promise<Store> => (store = await openStore({ path, storageKey: key }))
const close = async () => {
  await store?.close()
  store = null
}

/** The store looks into no state, so that a marker will do. */
const state = (marker: string) => ({ marker }) as unknown as SessionStates['keygen']
const change = (id: string, expected: number, more: Partial<Change<'keygen'>> = {}): Change<'keygen'> => ({
  kind: 'keygen',
  id,
  keyId,
  expected,
  state: state(`${id}@${expected + 1}`),
  ended: false,
  expiresAt: Date.now() + DAY,
  durable: false,
  ...more,
})
const audit = (event: string) => ({ at: 1, event, keyId, sessionId: 's', detail: { event } })

/** Does what an operator with the file, and without the key, can do. */
function tamper(sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

describe('a session', () => {
  it('is loaded as it was saved, at the version that saving gave', async () => {
    await open()
    expect(await store!.save(change('a', 0))).toBe(1)
    expect(await store!.save(change('a', 1))).toBe(2)
    expect(await store!.loadSession('keygen', 'a')).toEqual({
      kind: 'keygen',
      id: 'a',
      keyId,
      version: 2,
      state: state('a@2'),
    })
    expect(await store!.loadSession('signing', 'a')).toBeNull()
    expect(await store!.loadSession('keygen', 'b')).toBeNull()
  })

  it('is not overwritten by who expects another version', async () => {
    await open()
    await store!.save(change('a', 0))
    await expect(store!.save(change('a', 0))).rejects.toMatchObject({ code: 'session.conflict' })
    await expect(store!.save(change('a', 4))).rejects.toMatchObject({ code: 'session.conflict' })
    await expect(store!.save(change('b', 1))).rejects.toMatchObject({ code: 'session.conflict' })
    expect((await store!.loadSession('keygen', 'a'))?.version).toBe(1)
  })

  it('takes its key and its audit records back with it when it conflicts', async () => {
    await open()
    await store!.save(change('a', 0))
    const late = change('a', 0, { key: { step: 'made', record }, audit: [audit('late')] })
    await expect(store!.save(late)).rejects.toMatchObject({ code: 'session.conflict' })
    expect(await store!.loadKey(keyId)).toBeNull()
    expect((await store!.verifyAudit()).records).toBe(0)
  })

  it('is among the open ones until it has ended', async () => {
    await open()
    await store!.save(change('a', 0))
    await store!.save(change('b', 0))
    await store!.save(change('b', 1, { ended: true }))
    expect((await store!.openSessions()).map(({ id }) => id)).toEqual(['a'])
  })

  it('is written once when many are written together, and each learns its own outcome', async () => {
    await open()
    await store!.save(change('taken', 0))
    const ids = Array.from({ length: 50 }, (_, at) => `s${at}`)
    const outcomes = await Promise.allSettled([...ids, 'taken', 's0'].map((id) => store!.save(change(id, 0))))
    expect(outcomes.map(({ status }) => status)).toEqual([...ids.map(() => 'fulfilled'), 'rejected', 'rejected'])
    expect(await store!.openSessions()).toHaveLength(51)
  })
})

/** The record of this key at an epoch, told apart by its shares. */
const recordAt = (epoch: number): KeyRecord => ({
  certificate: { ...record.certificate, body: { ...record.certificate.body, epoch } },
  shares: [{ index: 1, sealed: `c2hhcmU${epoch}` }],
})

describe('a key that is refreshed', () => {
  const made = () => store!.save(change('a', 0, { key: { step: 'made', record: recordAt(0) } }))
  const step = (version: number, key: KeyStep) => store!.save(change('a', version, { key }))

  it('is at its old epoch until the next one is in force, and at that from then on', async () => {
    await open()
    await made()
    await step(1, { step: 'certified', record: recordAt(1) })
    expect(await store!.loadKey(keyId)).toEqual(recordAt(0))
    expect(await store!.loadKeyAt(keyId, 1)).toEqual(recordAt(1))
    expect(await store!.certificates(keyId, 0, 9)).toHaveLength(1)
    await step(2, { step: 'installing', epoch: 1 })
    expect(await store!.loadKey(keyId)).toEqual(recordAt(1))
    expect(await store!.loadKeyAt(keyId, 0)).toEqual(recordAt(0))
  })

  it('keeps the certificates of its earlier epochs, and none of their shares', async () => {
    await open()
    await made()
    for (const epoch of [1, 2]) {
      await step(3 * epoch - 2, { step: 'certified', record: recordAt(epoch) })
      await step(3 * epoch - 1, { step: 'installing', epoch })
      await step(3 * epoch, { step: 'retired', epoch })
    }
    for (const epoch of [0, 1]) expect((await store!.loadKeyAt(keyId, epoch))?.shares).toEqual([])
    expect(await store!.loadKey(keyId)).toEqual(recordAt(2))
    const epochs = async (from: number, most: number) =>
      (await store!.certificates(keyId, from, most)).map(({ body }) => body.epoch)
    expect(await epochs(0, 9)).toEqual([0, 1, 2])
    expect(await epochs(1, 1)).toEqual([1])
    expect(await epochs(3, 9)).toEqual([])
  })

  it('has one next epoch, and can be at none that was not certified', async () => {
    await open()
    await made()
    await expect(step(1, { step: 'installing', epoch: 1 })).rejects.toMatchObject({ code: 'session.conflict' })
    await step(1, { step: 'certified', record: recordAt(1) })
    const again = step(2, { step: 'certified', record: recordAt(1) })
    await expect(again).rejects.toMatchObject({ code: 'session.conflict' })
  })

  it('is found in a database that knew no epochs', async () => {
    await open()
    await made()
    await close()
    const db = new Database(path)
    db.exec(
      `CREATE TABLE old (key_id TEXT PRIMARY KEY, version INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
       INSERT INTO old SELECT key_id, version, blob FROM keys; DROP TABLE keys; ALTER TABLE old RENAME TO keys;
       DROP TABLE IF EXISTS manifests; PRAGMA user_version = 1`,
    )
    db.close()
    await open()
    expect(await store!.loadKey(keyId)).toEqual(recordAt(0))
  })
})

describe('what is at rest', () => {
  it('does not show what it holds', async () => {
    await open()
    await store!.save(change('a', 0, { key: { step: 'made', record } }))
    await close()
    const db = new Database(path)
    const blobs = db.prepare<[], Buffer>('SELECT blob FROM sessions UNION ALL SELECT blob FROM keys').pluck().all()
    db.close()
    for (const blob of blobs) expect(blob.toString('latin1')).not.toMatch(/marker|certificate/)
  })

  it('does not open under another storage key', async () => {
    await open()
    await close()
    await expect(openStore({ path, storageKey: new Uint8Array(32) })).rejects.toThrow('storage key')
  })

  it('is refused when a later version of the gateway has been there', async () => {
    await open()
    await close()
    tamper('PRAGMA user_version = 99')
    await expect(openStore({ path, storageKey })).rejects.toThrow('later version')
  })

  it('is the same after it has been opened, and migrated, again', async () => {
    await open()
    await store!.save(change('a', 0))
    await close()
    await open()
    expect((await store!.loadSession('keygen', 'a'))?.state).toEqual(state('a@1'))
  })

  it.each([
    ['moved to another row', "UPDATE sessions SET blob = (SELECT blob FROM sessions WHERE id = 'b') WHERE id = 'a'"],
    ['given another version', "UPDATE sessions SET version = 7 WHERE id = 'a'"],
    ['given to another key', `UPDATE sessions SET key_id = '${other}' WHERE id = 'a'`],
    ['cut', "UPDATE sessions SET blob = substr(blob, 1, 20) WHERE id = 'a'"],
    ['emptied', "UPDATE sessions SET blob = x'' WHERE id = 'a'"],
    ['of another format', "UPDATE sessions SET blob = CAST(x'02' || substr(blob, 2) AS BLOB) WHERE id = 'a'"],
  ])('is refused when it was %s, and what else is there still opens', async (_, sql) => {
    await open()
    await store!.save(change('a', 0))
    await store!.save(change('b', 0))
    await close()
    tamper(sql)
    await open()
    await expect(store!.loadSession('keygen', 'a')).rejects.toMatchObject({ code: 'store.failed' })
    expect((await store!.openSessions()).map(({ id }) => id)).toEqual(['b'])
  })

  it('is refused when an older blob was put back under the version of a newer one', async () => {
    await open()
    await store!.save(change('a', 0))
    await close()
    tamper('CREATE TABLE kept AS SELECT blob FROM sessions')
    await open()
    await store!.save(change('a', 1))
    await close()
    tamper('UPDATE sessions SET blob = (SELECT blob FROM kept)')
    await open()
    await expect(store!.loadSession('keygen', 'a')).rejects.toMatchObject({ code: 'store.failed' })
  })

  it('is refused when the keys of two customers were swapped', async () => {
    await open()
    await store!.save(change('a', 0, { key: { step: 'made', record } }))
    await close()
    tamper(`UPDATE keys SET key_id = '${other}'`)
    await open()
    await expect(store!.loadKey(other)).rejects.toMatchObject({ code: 'store.failed' })
  })
})

describe('the audit log', () => {
  const written = async (count: number) => {
    await open()
    for (let at = 0; at < count; at += 1)
      await store!.save(change('a', at, { audit: [audit(`e${at}`)], durable: true }))
  }

  it('is a chain whose head moves with every record', async () => {
    await written(3)
    const before = await store!.verifyAudit()
    expect(before.records).toBe(3)
    await store!.save(change('a', 3, { audit: [audit('more'), audit('and more')] }))
    const after = await store!.verifyAudit()
    expect(after.records).toBe(5)
    expect(after.head).not.toBe(before.head)
  })

  it.each([
    ['a record was left out', 'DELETE FROM audit WHERE seq = 2'],
    ['the first was left out', 'DELETE FROM audit WHERE seq = 1'],
    ['a hash was altered', 'UPDATE audit SET hash = zeroblob(32) WHERE seq = 2'],
    ['two changed places', 'UPDATE audit SET seq = -seq; UPDATE audit SET seq = 4 + seq'],
    ['one was copied over another', 'UPDATE audit SET blob = (SELECT blob FROM audit WHERE seq = 1) WHERE seq = 2'],
  ])('does not verify when %s', async (_, sql) => {
    await written(3)
    await close()
    tamper(sql)
    await open()
    await expect(store!.verifyAudit()).rejects.toMatchObject({ code: 'store.failed' })
  })
})

describe('sweeping', () => {
  it('takes ended and forgotten sessions and old replies, and never keys, audit records or enclaves', async () => {
    await open()
    const now = Date.now()
    await store!.save(change('ended', 0, { ended: true, key: { step: 'made', record }, audit: [audit('kept')] }))
    await store!.save(change('forgotten', 0, { expiresAt: now + 1 }))
    await store!.save(change('open', 0, { expiresAt: now + 400 * DAY }))
    const { identity } = record.certificate.body.roster.skeleton.participants[0]!.host
    await store!.saveEnclaveRoot(identity.enclaveId, { identity, sealedRoot: 'AAAA' })
    await store!.saveReply('route', 'k', { digest: 'd', status: 200, body: '{}' }, now + DAY)
    expect(await store!.sweep(now)).toBe(0)
    expect(await store!.sweep(now + 30 * DAY)).toBe(3)
    expect((await store!.openSessions()).map(({ id }) => id)).toEqual(['open'])
    expect(await store!.loadKey(keyId)).toEqual(record)
    expect((await store!.verifyAudit()).records).toBe(1)
    expect(await store!.loadEnclaveRoot(identity.enclaveId)).toEqual({ identity, sealedRoot: 'AAAA' })
  })
})

describe('a reply', () => {
  it('is kept as it was first given, until its time is over', async () => {
    await open()
    const first = { digest: 'd', status: 201, body: '{"a":1}' }
    const now = Date.now()
    await store!.saveReply('route', 'k', first, now + DAY)
    await store!.saveReply('route', 'k', { ...first, digest: 'e' }, now + DAY)
    expect(await store!.loadReply('route', 'k', now)).toEqual(first)
    expect(await store!.loadReply('other', 'k', now)).toBeNull()
    expect(await store!.loadReply('route', 'k', now + DAY)).toBeNull()
  })
})

describe('a crash', () => {
  it('loses nothing that was acknowledged when the writer is killed', { timeout: 30_000 }, async () => {
    const child = fork(new URL('./store-writer.ts', import.meta.url), [path], {
      execArgv: ['--conditions=source', '--no-warnings'],
    })
    const acknowledged = new Map<string, number>()
    child.on('message', ([id, version]: [string, number]) => acknowledged.set(id, version))
    while (acknowledged.size < 40) await once(child, 'message')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await open()
    for (const [id, version] of acknowledged)
      expect((await store!.loadSession('keygen', id))?.version).toBeGreaterThanOrEqual(version)
    expect((await store!.verifyAudit()).records).toBeGreaterThanOrEqual(acknowledged.size)
  })
})

/** SQLite as it is, but for a disk that fails at the n-th statement that writes. */
function failingDisk(db: Database.Database, failAt: number): Database.Database {
  let writes = 0
  const prepare = db.prepare.bind(db)
  db.prepare = ((sql: string) => {
    const statement = prepare(sql)
    const run = statement.run.bind(statement)
    statement.run = (...args: unknown[]) => {
      writes += 1
      if (writes === failAt) throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_WRITE')
      return run(...args)
    }
    return statement
  }) as typeof db.prepare
  return db
}

const row = (id: string, expected: number) => ({
  kind: 'keygen',
  id,
  keyId,
  expected,
  ended: false,
  expiresAt: 1,
  state: '{}',
})
const firstKey: KeyRow = { step: 'made', version: 1, record: '{}' }
const saving = (id: string, expected: number, key: KeyRow | null): Order => ({
  operation: 'save',
  args: [row(id, expected), key, [`"${id}"`], 1],
  durable: true,
})

describe('a failing disk', () => {
  const cipher = createRowCipher(storageKey)

  it('leaves each change whole or undone, at whichever write it fails', () => {
    let failures = 0
    for (let failAt = 1; failAt <= 20; failAt += 1) {
      const db = new Database(':memory:')
      createTables(db, cipher)
      failingDisk(db, failAt)
      const tables: Tables = createTables(db, cipher)
      const outcomes = createBatchRunner(
        db,
        tables,
      )([saving('a', 0, firstKey), saving('b', 0, null), saving('c', 0, null)])
      const saved = ['a', 'b', 'c'].filter((_, at) => 'value' in outcomes[at]!)
      failures += 3 - saved.length
      expect(tables.openSessions().sessions.map(({ id }) => id)).toEqual(saved)
      expect(tables.verifyAudit().records).toBe(saved.length)
      expect(tables.loadKey(keyId) !== null).toBe(saved.includes('a'))
      db.close()
    }
    // The batch is taken back and each change tried alone, so that one failed write costs nobody anything.
    expect(failures).toBe(0)
  })

  it('fails the change whose own write fails, and no other', () => {
    for (let failAt = 1; failAt <= 5; failAt += 1) {
      const db = new Database(':memory:')
      createTables(db, cipher)
      failingDisk(db, failAt)
      const tables = createTables(db, cipher)
      const [outcome] = createBatchRunner(db, tables)([saving('a', 0, firstKey)])
      const saved = 'value' in outcome!
      if (failAt <= 3) expect(outcome).toEqual({ refusal: 'store.failed', cause: 'SQLITE_IOERR_WRITE' })
      expect(tables.openSessions().sessions).toHaveLength(saved ? 1 : 0)
      expect(tables.verifyAudit().records).toBe(saved ? 1 : 0)
      expect(tables.loadKey(keyId) !== null).toBe(saved)
      db.close()
    }
  })

  it('says so when it is full, goes on reading, and goes on writing when there is room again', () => {
    const db = new Database(path)
    const tables = createTables(db, cipher)
    const run = createBatchRunner(db, tables)
    run([saving('small', 0, null)])
    const pages = db.pragma('page_count', { simple: true }) as number
    db.pragma(`max_page_count = ${pages + 2}`)
    const big: Order = {
      operation: 'save',
      args: [{ ...row('big', 0), state: 'x'.repeat(100_000) }, null, ['"big"'], 1],
      durable: true,
    }
    const outcomes = run([saving('fits', 0, null), big])
    expect(outcomes).toEqual([{ value: 1 }, { refusal: 'store.failed', cause: 'SQLITE_FULL' }])
    expect(tables.openSessions().sessions.map(({ id }) => id)).toEqual(['small', 'fits'])
    expect(tables.verifyAudit().records).toBe(2)
    db.pragma('max_page_count = 100000')
    expect(run([big])).toEqual([{ value: 1 }])
    db.close()
  })
})
