import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import type { KeyStep } from '../src/engine/ports.ts'
import { close, inFreshFolders, open, openHandle, path, store } from './fresh-store.ts'
import { change, DAY, keyId, recordAt, replyAt, saidAt } from './store-changes.ts'

inFreshFolders()

/** A row's sealed blob as an operator reads it out of the database. */
function blobOf(sql: string): Buffer {
  const db = new Database(path, { readonly: true })
  const blob = db.prepare<[], Buffer>(sql).pluck().get()
  db.close()
  if (blob === undefined) throw new Error('no row')
  return blob
}

/** Some bytes of a blob that stand together on one page, whatever page that is. They are as good as random. */
const markOf = (blob: Buffer): Buffer => blob.subarray(20, 60)

/** Whether these bytes stand anywhere in the database, in its WAL or in a page that is free. */
const isOnDisk = (mark: Buffer): boolean => [path, `${path}-wal`].some((file) => read(file).includes(mark))

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    return Buffer.alloc(0)
  }
}

const step = (version: number, key: KeyStep) => store!.save(change('a', version, { key }))
const oldShares = 'SELECT blob FROM keys WHERE version = 1'

/** A key at its epoch 1, with the shares of epoch 0 still there. */
async function refreshed(): Promise<Buffer> {
  await step(0, { step: 'made', record: recordAt(0) })
  await step(1, { step: 'certified', record: recordAt(1) })
  await step(2, { step: 'installing', epoch: 1, prepared: saidAt(1) })
  return markOf(blobOf(oldShares))
}

describe('what was erased', () => {
  it('stands in no page of the database and not in its WAL: shares of an earlier epoch', async () => {
    await open()
    const mark = await refreshed()
    expect(isOnDisk(mark)).toBe(true)
    await step(3, { step: 'retired', epoch: 1, installed: [] })
    expect(isOnDisk(mark)).toBe(false)
    expect((await store!.loadKeyAt(keyId, 0))?.shares).toEqual([])
  })

  it('stands nowhere either when it had reached the database itself before', async () => {
    await open()
    const mark = await refreshed()
    await close()
    expect(read(path).includes(mark)).toBe(true)
    await open()
    await step(3, { step: 'retired', epoch: 1, installed: [] })
    expect(isOnDisk(mark)).toBe(false)
  })

  it('stands nowhere once sessions and replies are swept', async () => {
    await open()
    const long = 'x'.repeat(20_000)
    await store!.save(change('a', 0, { ended: true, state: { long } }))
    await store!.saveReply(replyAt('scope', 'key'), { status: 200, body: long, digest: '' }, Date.now() + 1)
    const marks = ['sessions', 'replies'].map((table) => markOf(blobOf(`SELECT blob FROM ${table}`)))
    expect(marks.map(isOnDisk)).toEqual([true, true])
    await close()
    await open()
    await store!.sweep(Date.now() + 30 * DAY)
    expect(marks.map(isOnDisk)).toEqual([false, false])
  })

  it('is erased though another handle has the database open', async () => {
    await open()
    const mark = await refreshed()
    const other = await openHandle()
    await other.loadKey(keyId)
    await step(3, { step: 'retired', epoch: 1, installed: [] })
    expect(isOnDisk(mark)).toBe(false)
    await other.close()
  })
})
