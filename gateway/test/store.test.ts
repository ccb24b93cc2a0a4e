import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import type { KeyRecord, KeyStep } from '../src/engine/ports.ts'
import { audit, change, close, DAY, inFreshFolders, keyId, open, path, record, state, store } from './fresh-store.ts'

inFreshFolders()

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
