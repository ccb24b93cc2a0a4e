import { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { KeyStep } from '../src/engine/ports.ts'
import { takenManifest } from './release/signed-manifest.ts'
import { audit, change, DAY, keyId, record, recordAt, replyAt, saidAt, type Opened } from './store-changes.ts'

/** The part of the contract of `Store` that is not about sessions. */
export function checkRecords(its: Opened): void {
  checkKeys(its)
  checkUses(its)
  checkManifests(its)
  checkEnclaves(its)
  checkReplies(its)
  checkAudit(its)
  checkSweep(its)
}

function checkKeys({ open, store }: Opened): void {
  describe('a key that is refreshed', () => {
    const made = () => store().save(change('a', 0, { key: { step: 'made', record: recordAt(0) } }))
    const installing = (epoch: number) => ({ step: 'installing', epoch, prepared: saidAt(epoch) }) as const
    const inForceAt = (epoch: number) => ({ ...recordAt(epoch), prepared: saidAt(epoch) })
    const epochs = async (from: number, most: number) =>
      (await store().epochs(keyId, from, most)).map(({ certificate }) => certificate.body.epoch)
    const step = (version: number, key: KeyStep) => store().save(change('a', version, { key }))

    it('is at its old epoch until the next one is in force, and at that from then on', async () => {
      await made()
      await step(1, { step: 'certified', record: recordAt(1) })
      expect(await store().loadKey(keyId)).toEqual(recordAt(0))
      expect(await store().loadKeyAt(keyId, 1)).toEqual(recordAt(1))
      expect(await epochs(0, 9)).toEqual([0])
      await step(2, installing(1))
      expect(await store().loadKey(keyId)).toEqual(inForceAt(1))
      expect(await (await open()).loadKey(keyId)).toEqual(inForceAt(1))
      expect(await store().loadKeyAt(keyId, 0)).toEqual(recordAt(0))
    })

    it('keeps the certificates of its earlier epochs, and none of their shares', async () => {
      await made()
      for (const epoch of [1, 2]) {
        await step(3 * epoch - 2, { step: 'certified', record: recordAt(epoch) })
        await step(3 * epoch - 1, installing(epoch))
        expect(await epochs(0, 9)).not.toContain(epoch)
        await step(3 * epoch, { step: 'retired', epoch, installed: saidAt(epoch) })
      }
      for (const epoch of [0, 1]) expect((await store().loadKeyAt(keyId, epoch))?.shares).toEqual([])
      expect(await store().loadKey(keyId)).toEqual({ ...inForceAt(2), installed: saidAt(2) })
      expect(await epochs(0, 9)).toEqual([0, 1, 2])
      expect(await epochs(1, 1)).toEqual([1])
      expect(await epochs(3, 9)).toEqual([])
    })

    it('tells of an epoch once all hosts have installed it, with what they said', async () => {
      await made()
      await step(1, { step: 'certified', record: recordAt(1) })
      await step(2, installing(1))
      expect(await store().epochs(keyId, 0, 9)).toEqual([
        { certificate: recordAt(0).certificate, installed: saidAt(0) },
      ])
      await step(3, { step: 'retired', epoch: 1, installed: saidAt(1) })
      const next = { certificate: recordAt(1).certificate, installed: saidAt(1) }
      expect(await store().epochs(keyId, 1, 9)).toEqual([next])
      expect(await (await open()).epochs(keyId, 1, 9)).toEqual([next])
      const none: KeyStep = { step: 'retired', epoch: 2, installed: saidAt(2) }
      await expect(step(4, none)).rejects.toMatchObject({ code: 'session.conflict' })
    })

    it('has one next epoch, and can be at none that was not certified', async () => {
      await made()
      const conflict = { code: 'session.conflict' }
      await expect(step(1, installing(1))).rejects.toMatchObject(conflict)
      await step(1, { step: 'certified', record: recordAt(1) })
      await expect(step(2, { step: 'certified', record: recordAt(1) })).rejects.toMatchObject(conflict)
    })
  })
}

function checkUses({ open, store }: Opened): void {
  const [one, other, unmade] = ['11', '22', '33'].map((byte) => KeyId.parse(byte.repeat(16))) as [KeyId, KeyId, KeyId]
  const use = (of: KeyId, id: string, ended: boolean, made = false) =>
    store().save(change(id, 0, { keyId: of, ended, ...(made ? { key: { step: 'made', record } } : {}) }))

  describe('the keys in use', () => {
    it('are those of which a session was written since, through whichever handle, the last used first', async () => {
      vi.useFakeTimers({ toFake: ['Date'], now: 10 * DAY })
      onTestFinished(() => void vi.useRealTimers())
      await use(other, 'a', true, true)
      vi.setSystemTime(11 * DAY)
      await use(one, 'b', true, true)
      await use(unmade, 'c', false)
      expect(await store().usedKeys(10 * DAY, 9)).toEqual([one, other])
      vi.setSystemTime(12 * DAY)
      await use(other, 'd', true)
      const again = await open()
      expect(await again.usedKeys(10 * DAY, 9)).toEqual([other, one])
      expect(await again.usedKeys(10 * DAY, 1)).toEqual([other])
      expect(await again.usedKeys(12 * DAY, 9)).toEqual([other])
      expect(await again.usedKeys(13 * DAY, 9)).toEqual([])
    })

    it('are also those of an open session, however old, and are there when the sessions have been swept', async () => {
      const before = Date.now()
      await use(one, 'a', true, true)
      await use(other, 'b', false, true)
      expect(await store().usedKeys(Date.now() + 1, 9)).toEqual([other])
      await store().sweep(before + 30 * DAY)
      expect((await (await open()).usedKeys(before, 9)).sort()).toEqual([one, other])
    })
  })
}

function checkManifests({ open, store }: Opened): void {
  describe('the manifests that an enclave has taken', () => {
    it('are there for every handle, with one audit record for each time that they changed', async () => {
      const [a, b] = [EnclaveId.parse('enclave-0'), EnclaveId.parse('enclave-1')]
      const taken = [await takenManifest(1, 0, 10), await takenManifest(2, 5, 15)]
      const taking = { at: 5, event: 'manifest.taken', detail: { enclaveId: a, serial: 2 } }
      expect(await store().loadManifests(a)).toEqual([])
      await store().saveManifests(a, taken.slice(0, 1), taking)
      await store().saveManifests(a, taken, taking)
      const again = await open()
      expect(await again.loadManifests(a)).toEqual(taken)
      expect(await again.loadManifests(b)).toEqual([])
      expect((await again.verifyAudit()).records).toBe(2)
    })
  })
}

function checkEnclaves({ open, store }: Opened): void {
  describe('the root of an enclave', () => {
    it('is there for every handle, and gives way to the next one', async () => {
      const { identity } = record.certificate.body.roster.skeleton.participants[0]!.host
      expect(await store().loadEnclaveRoot(identity.enclaveId)).toBeNull()
      await store().saveEnclaveRoot(identity.enclaveId, { identity, sealedRoot: 'AAAA' })
      await store().saveEnclaveRoot(identity.enclaveId, { identity, sealedRoot: 'BBBB', former: 'AAAA' })
      const kept = { identity, sealedRoot: 'BBBB', former: 'AAAA' }
      expect(await (await open()).loadEnclaveRoot(identity.enclaveId)).toEqual(kept)
    })
  })
}

function checkReplies({ open, store }: Opened): void {
  describe('a reply', () => {
    it('is kept as it was first given, until its time is over', async () => {
      const first = { digest: 'd', status: 201, body: '{"a":1}' }
      const now = Date.now()
      await store().saveReply(replyAt('route', 'k'), first, now + DAY)
      await store().saveReply(replyAt('route', 'k'), { ...first, digest: 'e' }, now + DAY)
      expect(await store().loadReply('route', 'k', now)).toEqual(first)
      expect(await (await open()).loadReply('route', 'k', now)).toEqual(first)
      expect(await store().loadReply('other', 'k', now)).toBeNull()
      expect(await store().loadReply('route', 'k', now + DAY)).toBeNull()
    })

    it('makes the oldest of its own holder go when there are too many, and nobody else’s', async () => {
      const reply = { digest: 'd', status: 200, body: '{}' }
      const now = Date.now()
      const keys = ['a', 'b', 'c', 'd']
      await store().saveReply(replyAt('route', 'other', 'another', 2), reply, now + 1)
      for (const [at, key] of keys.entries())
        await store().saveReply(replyAt('route', key, 'one', 2), reply, now + DAY + at)
      const kept = await Promise.all(['other', ...keys].map((key) => store().loadReply('route', key, now)))
      expect(kept).toEqual([reply, null, null, reply, reply])
    })
  })
}

function checkAudit({ open, store }: Opened): void {
  describe('the audit log', () => {
    it('is one chain, whoever writes, and its head moves with every record', async () => {
      const other = await open()
      const write = async (handle: typeof other, id: string) => {
        for (const at of [0, 1, 2]) await handle.save(change(id, at, { audit: [audit(`${id}${at}`)], durable: true }))
      }
      await Promise.all([write(store(), 'a'), write(other, 'b')])
      const before = await store().verifyAudit()
      expect(before.records).toBe(6)
      await store().save(change('a', 3, { audit: [audit('more'), audit('and more')] }))
      const after = await other.verifyAudit()
      expect(after.records).toBe(8)
      expect((await other.size()).audit).toBe(8)
      expect(after.head).not.toBe(before.head)
    })
  })
}

function checkSweep({ open, store }: Opened): void {
  describe('sweeping', () => {
    it('takes ended and forgotten sessions and old replies, and never keys, audit records or enclaves', async () => {
      const now = Date.now()
      await store().save(change('ended', 0, { ended: true, key: { step: 'made', record }, audit: [audit('kept')] }))
      await store().save(change('forgotten', 0, { expiresAt: now + 1, enclosure: ['forgotten'] }))
      await store().save(change('open', 0, { expiresAt: now + 400 * DAY }))
      const { identity } = record.certificate.body.roster.skeleton.participants[0]!.host
      await store().saveEnclaveRoot(identity.enclaveId, { identity, sealedRoot: 'AAAA' })
      await store().saveReply(replyAt('route', 'k'), { digest: 'd', status: 200, body: '{}' }, now + DAY)
      expect(await store().sweep(now)).toBe(0)
      expect(await store().loadEnclosure('keygen', 'forgotten')).toEqual(['forgotten'])
      expect(await store().sweep(now + 30 * DAY)).toBe(3)
      expect(await store().loadEnclosure('keygen', 'forgotten')).toBeNull()
      expect((await (await open()).claim('other', 1)).sessions.map(({ id }) => id)).toEqual(['open'])
      expect(await store().loadKey(keyId)).toEqual(record)
      expect((await store().verifyAudit()).records).toBe(1)
      expect(await store().loadEnclaveRoot(identity.enclaveId)).toEqual({ identity, sealedRoot: 'AAAA' })
    })
  })
}
