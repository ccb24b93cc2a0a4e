import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createLog } from '../src/log.ts'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { replyAt } from './store-changes.ts'
import { startGateway } from '../src/gateway.ts'
import { createBatchRunner, type Order } from '../src/store/batch.ts'
import { createFitness } from '../src/store/fitness.ts'
import { makeDatabase } from '../src/store/make-database.ts'
import { createRowCipher } from '../src/store/row-cipher.ts'
import { createTables } from '../src/store/tables.ts'
import { noticed, until } from '../../shared/test/noticing.js'
import { startFakeEnclave } from './enclaves/fake-enclave.ts'
import { configFor } from './config-for.ts'
import { storageKey } from './fresh-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-disk-'))
const disk = join(folder, 'disk')
mkdirSync(disk)
/** A file system of 24 MiB, where this user may mount one. */
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]).status === 0
afterAll(() => {
  if (mounted) spawnSync('umount', [disk])
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(!mounted)('a gateway whose disk is full', () => {
  it('is not ready, says why, and is ready again when there is room', async () => {
    const fake = await startFakeEnclave('enclave-0')
    const config = configFor(join(disk, 'gateway.db'), [fake])
    await makeDatabase(config.database, config.storageKey)
    let log = ''
    const write = (line: string) => {
      log += line
      noticed()
    }
    const gateway = await startGateway(config, createLog('info', { write }))
    await until(() => log.includes('enclave.ready'), 'the enclave')
    const ready = async () => {
      const reply = await fetch(`${gateway.url}/readyz`)
      return { status: reply.status, body: (await reply.json()) as object }
    }
    // The answer before is believed for half a second.
    const untilStatus = async (status: number) => {
      for (;;) {
        const now = await ready()
        if (now.status === status) return now.body
      }
    }
    await untilStatus(200)
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(bavail * bsize))
    expect(await untilStatus(503)).toMatchObject({ ready: false, store: 'failed', cause: 'room' })
    rmSync(join(disk, 'ballast'))
    expect(await untilStatus(200)).toMatchObject({ ready: true, store: 'open' })
    await gateway.close()
    await fake.stop()
  })
})

describe('a store whose writes fail', () => {
  let db: Database.Database
  let path: string
  beforeEach(async () => {
    path = join(mkdtempSync(join(folder, 'store-')), 'gateway.db')
    await makeDatabase(path, storageKey)
    db = new Database(path)
  })
  afterEach(() => {
    db.close()
  })

  /** The store without its thread: on a connection whose database cannot grow when the test says so. */
  function opened() {
    const fitness = createFitness(path)
    const run = createBatchRunner(db, createTables(db, createRowCipher(storageKey), 'handle'))
    const send = (operation: Order['operation'], args: unknown, durable = false): Promise<never> => {
      const [outcome] = run([{ operation, args, durable } as Order])
      if (outcome !== undefined && 'value' in outcome) {
        if (operation !== 'loadReply') fitness.onWritten()
        return Promise.resolve(outcome.value as never)
      }
      if (outcome?.fault) fitness.onFault(outcome.fault)
      return Promise.reject(new Error('refused'))
    }
    const reply = (key: string) =>
      send('saveReply', [replyAt('route', key), 'x'.repeat(50_000), Date.now() + 60_000, 0])
    return { reply, ask: () => fitness.ask({ send }) }
  }

  it('is unfit from the failure on, and fit again by itself when a probe can be written', async () => {
    const { reply, ask } = opened()
    await reply('fits')
    expect(await ask()).toEqual({ state: 'open' })
    db.pragma(`max_page_count = ${Number(db.pragma('page_count', { simple: true }))}`)
    expect(await ask()).toEqual({ state: 'open' })
    await expect(reply('does not fit')).rejects.toThrow()
    for (let asked = 0; asked < 2; asked += 1) expect(await ask()).toEqual({ state: 'failed', cause: 'SQLITE_FULL' })
    db.pragma('max_page_count = 100000')
    expect(await ask()).toEqual({ state: 'open' })
    await reply('fits again')
    expect(db.prepare("SELECT count(*) FROM replies WHERE scope = 'probe'").pluck().get()).toBe(0)
  })
})
