import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Moved, StoredSession } from '../src/engine/ports.ts'
import type { Store } from '../src/store/store.ts'
import { checkBunkers } from './check-bunkers.ts'
import { checkRecords } from './check-records.ts'
import { audit, change, DAY, keyId, record, state, type Open, type Opened } from './store-changes.ts'

/*
 * What any store promises, whatever it is made of. A lease is never waited for: one that is over ends before it begins.
 */

const conflict = expect.objectContaining({ code: 'session.conflict' }) as Error
const inAnHour = () => Date.now() + 3_600_000
const OVER = 1
const ids = (sessions: readonly StoredSession[]) => sessions.map(({ id }) => id).sort()

/** The contract of `Store`, each test with a store of its own. */
export function checkStore(openHandle: Open): void {
  const handles: Store[] = []
  let store: Store
  const open: Open = async () => {
    const handle = await openHandle()
    handles.push(handle)
    return handle
  }
  beforeEach(async () => {
    store = await open()
  })
  afterEach(async () => {
    await Promise.all(handles.splice(0).map((handle) => handle.close()))
  })
  const its = { open, store: () => store }
  checkVersions(its)
  checkAlone(its)
  checkClaims(its)
  checkDrivers(its)
  checkMoves(its)
  checkRecords(its)
  checkBunkers(its)
}

function checkVersions({ open, store }: Opened): void {
  describe('a session', () => {
    it('is loaded as it was saved, at the version that saving gave', async () => {
      expect(await store().save(change('a', 0))).toBe(1)
      expect(await store().save(change('a', 1))).toBe(2)
      const saved = { kind: 'keygen', id: 'a', keyId, version: 2, state: state('a@2') }
      expect(await store().loadSession('keygen', 'a')).toEqual({ ...saved, here: true })
      expect(await (await open()).loadSession('keygen', 'a')).toEqual({ ...saved, here: false })
      expect(await store().loadSession('signing', 'a')).toBeNull()
      expect(await store().loadSession('keygen', 'b')).toBeNull()
    })

    it('is not overwritten by who expects another version', async () => {
      await store().save(change('a', 0))
      await expect(store().save(change('a', 0))).rejects.toEqual(conflict)
      await expect(store().save(change('a', 4))).rejects.toEqual(conflict)
      await expect(store().save(change('b', 1))).rejects.toEqual(conflict)
      expect((await store().loadSession('keygen', 'a'))?.version).toBe(1)
    })

    it('keeps what it was begun with beside it, through all versions, and nothing of a begin that conflicts', async () => {
      await store().save(change('a', 0, { enclosure: ['items'] }))
      await expect(store().save(change('a', 0, { enclosure: ['others'] }))).rejects.toEqual(conflict)
      await store().save(change('a', 1))
      await store().save(change('b', 0))
      expect(await (await open()).loadEnclosure('keygen', 'a')).toEqual(['items'])
      expect(await store().loadEnclosure('keygen', 'b')).toBeNull()
      expect(await store().loadEnclosure('signing', 'a')).toBeNull()
    })

    it('takes its key and its audit records back with it when it conflicts', async () => {
      await store().save(change('a', 0))
      const late = change('a', 0, { key: { step: 'made', record }, audit: [audit('late')] })
      await expect(store().save(late)).rejects.toEqual(conflict)
      expect(await store().loadKey(keyId)).toBeNull()
      expect((await store().verifyAudit()).records).toBe(0)
    })

    it('is written once when many are written together, and each learns its own outcome', async () => {
      await store().save(change('taken', 0))
      const many = Array.from({ length: 50 }, (_, at) => `s${at}`)
      const outcomes = await Promise.allSettled([...many, 'taken', 's0'].map((id) => store().save(change(id, 0))))
      expect(outcomes.map(({ status }) => status)).toEqual([...many.map(() => 'fulfilled'), 'rejected', 'rejected'])
      expect((await (await open()).claim('other', OVER)).sessions).toHaveLength(51)
    })
  })
}

function checkAlone({ open, store }: Opened): void {
  const alone = 'work on a key'

  describe('a session that is alone', () => {
    it('keeps others from being open under its name, through any handle, and takes nothing else from them', async () => {
      await store().save(change('a', 0, { alone }))
      const other = await open()
      const second = change('b', 0, { alone, audit: [audit('b')], key: { step: 'made', record } })
      await expect(store().save(second)).rejects.toEqual(conflict)
      await expect(other.save(second)).rejects.toEqual(conflict)
      expect(await store().loadSession('keygen', 'b')).toBeNull()
      expect(await store().loadKey(keyId)).toBeNull()
      expect((await store().verifyAudit()).records).toBe(0)
      await other.save(change('b', 0, { alone: 'work on another key' }))
      await other.save(change('c', 0))
    })

    it('is one, when two handles begin at once', async () => {
      const other = await open()
      const begun = [store().save(change('a', 0, { alone })), other.save(change('b', 0, { alone }))]
      const outcomes = await Promise.allSettled(begun)
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    it('holds its name until its end, also claimed by another and saved without it', async () => {
      await store().save(change('a', 0, { alone }))
      const other = await open()
      await other.claim('other', inAnHour())
      await other.save(change('a', 1))
      await expect(store().save(change('b', 0, { alone }))).rejects.toEqual(conflict)
      await other.save(change('a', 2, { ended: true }))
      await store().save(change('b', 0, { alone }))
    })
  })
}

function checkClaims({ open, store }: Opened): void {
  describe('claiming', () => {
    it('gives what is open and driven by nobody, as it stands, and only once', async () => {
      await store().save(change('a', 0))
      await store().save(change('a', 1))
      await store().save(change('b', 0, { ended: true }))
      const other = await open()
      const given = { kind: 'keygen', id: 'a', keyId, version: 2, here: true, state: state('a@2') }
      expect(await other.claim('other', inAnHour())).toEqual({ sessions: [given], anew: true })
      expect(await other.claim('other', inAnHour())).toEqual({ sessions: [], anew: false })
      expect(await other.loadSession('keygen', 'a')).toEqual(given)
      expect((await store().loadSession('keygen', 'a'))?.here).toBe(false)
    })

    it('gives nothing that another drives, also what that one began after its claim', async () => {
      const other = await open()
      await store().save(change('before', 0))
      await store().claim('one', inAnHour())
      await store().save(change('after', 0))
      expect((await other.claim('other', inAnHour())).sessions).toEqual([])
    })

    it('gives each session to one of those who claim at once', async () => {
      for (let at = 0; at < 20; at += 1) await store().save(change(`s${at}`, 0))
      const others = [await open(), await open(), await open()]
      const claimed = await Promise.all(others.map((other, at) => other.claim(`other ${at}`, inAnHour())))
      const given = claimed.flatMap(({ sessions }) => ids(sessions))
      expect(new Set(given).size).toBe(20)
      expect(given).toHaveLength(20)
    })

    it('gives what one drove whose lease is over, or was given back', async () => {
      const [lapsed, done, heir] = [await open(), await open(), await open()]
      await lapsed.claim('lapsed', OVER)
      await lapsed.save(change('a', 0))
      await done.claim('done', inAnHour())
      await done.save(change('b', 0))
      await done.release()
      expect(ids((await heir.claim('heir', inAnHour())).sessions)).toEqual(['a', 'b'])
    })

    it('takes nothing from one who renews in time, and says of a lease that was over that it begins anew', async () => {
      const other = await open()
      expect((await store().claim('one', inAnHour())).anew).toBe(true)
      await store().save(change('a', 0))
      expect((await store().claim('one', OVER)).anew).toBe(false)
      expect(await store().claim('one', inAnHour())).toEqual({ sessions: [], anew: true })
      expect((await other.claim('other', inAnHour())).sessions).toEqual([])
      await store().save(change('a', 1))
    })

    it('gives a handle that was just opened what its name drove before, and never gives it back', async () => {
      await store().claim('gateway', inAnHour())
      await store().save(change('a', 0))
      const again = await open()
      expect(ids((await again.claim('gateway', inAnHour())).sessions)).toEqual(['a'])
      expect(await store().claim('gateway', inAnHour())).toEqual({ sessions: [], anew: true })
      expect((await again.claim('gateway', inAnHour())).anew).toBe(false)
      await again.save(change('a', 1))
      await expect(store().save(change('a', 2))).rejects.toEqual(conflict)
    })
  })
}

function checkDrivers({ open, store }: Opened): void {
  describe('a session that somebody drives', () => {
    it('is not saved by another, at whatever version, while the lease lasts', async () => {
      const other = await open()
      await store().claim('one', inAnHour())
      await store().save(change('a', 0))
      const past = change('a', 1, { audit: [audit('past')], ended: true })
      await expect(other.save(past)).rejects.toEqual(conflict)
      await other.claim('other', inAnHour())
      await expect(other.save(past)).rejects.toEqual(conflict)
      expect((await store().verifyAudit()).records).toBe(0)
      expect(await store().save(change('a', 1))).toBe(2)
    })

    it('is not saved any more by who has lost it, also at the right version', async () => {
      const heir = await open()
      await store().claim('one', OVER)
      await store().save(change('a', 0))
      await heir.claim('heir', inAnHour())
      await expect(store().save(change('a', 1))).rejects.toEqual(conflict)
      await store().claim('one', inAnHour())
      await expect(store().save(change('a', 1))).rejects.toEqual(conflict)
      await heir.save(change('a', 1))
    })

    it('belongs, when its lease is over, to whoever saves it next', async () => {
      const heir = await open()
      await store().claim('one', OVER)
      await store().save(change('a', 0))
      await heir.claim('heir', OVER)
      await store().save(change('b', 0))
      await heir.claim('heir', inAnHour())
      await store().release()
      expect(await heir.save(change('b', 1))).toBe(2)
      expect((await heir.loadSession('keygen', 'b'))?.here).toBe(true)
      await expect(store().save(change('b', 2))).rejects.toEqual(conflict)
    })
  })
}

function checkMoves({ open, store }: Opened): void {
  const hear = (handle: Store) => {
    const heard: Moved[] = []
    return { heard, stop: handle.moved((at) => heard.push(at)) }
  }

  describe('who listens for what is saved', () => {
    it('hears of every change, through whichever handle, before the save resolves', async () => {
      const other = await open()
      const [here, there] = [hear(store()), hear(other)]
      await store().save(change('a', 0))
      expect(there.heard).toEqual([{ kind: 'keygen', id: 'a', version: 1 }])
      await other.save(change('b', 0, { kind: 'signing', ended: true }))
      expect(here.heard).toEqual([
        { kind: 'keygen', id: 'a', version: 1 },
        { kind: 'signing', id: 'b', version: 1 },
      ])
      expect(there.heard).toEqual(here.heard)
    })

    it('hears of a change when it can be loaded already', async () => {
      const other = await open()
      let loaded: Promise<StoredSession | null> | undefined
      other.moved(({ kind, id }) => {
        loaded = other.loadSession(kind, id)
      })
      await store().save(change('a', 0, { expiresAt: Date.now() + DAY }))
      expect((await loaded)?.state).toEqual(state('a@1'))
    })

    it('hears nothing of a change that was refused, or after it has stopped', async () => {
      const { heard, stop } = hear(store())
      await store().save(change('a', 0))
      await expect(store().save(change('a', 0))).rejects.toEqual(conflict)
      stop()
      await store().save(change('a', 1))
      expect(heard).toHaveLength(1)
    })

    it('does no harm to the save, or to other listeners, when it throws', async () => {
      store().moved(() => {
        throw new Error('a bug')
      })
      const { heard } = hear(await open())
      expect(await store().save(change('a', 0))).toBe(1)
      expect(heard).toHaveLength(1)
    })
  })
}
