import { fork } from 'node:child_process'
import { once } from 'node:events'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { createBatchRunner, type Order } from '../src/store/batch.ts'
import type { KeyRow } from '../src/store/key-table.ts'
import { createRowCipher } from '../src/store/row-cipher.ts'
import { createTables, type Tables } from '../src/store/tables.ts'
import { inFreshFolders, open, path, storageKey, store } from './fresh-store.ts'
import { keyId } from './store-changes.ts'

inFreshFolders()

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

const openIn = (db: Database.Database) =>
  db.prepare<[], string>('SELECT id FROM sessions WHERE ended = 0').pluck().all()

describe('a failing disk', () => {
  const cipher = createRowCipher(storageKey)

  it('leaves each change whole or undone, at whichever write it fails', () => {
    let failures = 0
    for (let failAt = 1; failAt <= 20; failAt += 1) {
      const db = new Database(':memory:')
      createTables(db, cipher, 'handle')
      failingDisk(db, failAt)
      const tables: Tables = createTables(db, cipher, 'handle')
      const outcomes = createBatchRunner(
        db,
        tables,
      )([saving('a', 0, firstKey), saving('b', 0, null), saving('c', 0, null)])
      const saved = ['a', 'b', 'c'].filter((_, at) => 'value' in outcomes[at]!)
      failures += 3 - saved.length
      expect(openIn(db)).toEqual(saved)
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
      createTables(db, cipher, 'handle')
      failingDisk(db, failAt)
      const tables = createTables(db, cipher, 'handle')
      const [outcome] = createBatchRunner(db, tables)([saving('a', 0, firstKey)])
      const saved = 'value' in outcome!
      if (failAt <= 3) expect(outcome).toEqual({ refusal: 'store.failed', fault: { cause: 'SQLITE_IOERR_WRITE' } })
      expect(openIn(db)).toHaveLength(saved ? 1 : 0)
      expect(tables.verifyAudit().records).toBe(saved ? 1 : 0)
      expect(tables.loadKey(keyId) !== null).toBe(saved)
      db.close()
    }
  })

  it('says so when it is full, goes on reading, and goes on writing when there is room again', () => {
    const db = new Database(path)
    const tables = createTables(db, cipher, 'handle')
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
    expect(outcomes).toEqual([{ value: 1 }, { refusal: 'store.failed', fault: { cause: 'SQLITE_FULL' } }])
    expect(openIn(db)).toEqual(['small', 'fits'])
    expect(tables.verifyAudit().records).toBe(2)
    db.pragma('max_page_count = 100000')
    expect(run([big])).toEqual([{ value: 1 }])
    db.close()
  })
})
