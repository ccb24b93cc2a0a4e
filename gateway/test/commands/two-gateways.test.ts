import { Refusal } from '@quorate/shared/errors'
import { describe, expect, it, vi } from 'vitest'
import { noticed, turn, until } from '../../../shared/test/noticing.js'
import { LEASE_MS, RENEW_MS } from '../../src/engine/lease.ts'
import type { Store } from '../../src/store/store.ts'
import { askRefresh } from '../../../shared/party/test/refresh.js'
import {
  ask,
  code,
  coordinator,
  decisionFor,
  enclaves,
  EVER,
  finished,
  inFreshHouses,
  startSecond,
  stopTime,
  store,
  storedKey,
} from './house.ts'

inFreshHouses()

/** The gateway of this store does not renew its lease any more, as one that hangs. Gives the way to mend it. */
function hangs(store: Store): () => void {
  const claim = store.claim.bind(store)
  store.claim = () => Promise.reject(new Refusal('store.failed'))
  return () => void (store.claim = claim)
}

/** A signing that the house's gateway drives, and another gateway on the same database. */
async function driven({ deaf = false, name = 'second' } = {}) {
  const key = await storedKey()
  const { request, sealedItems, status } = await ask(key)
  const second = await startSecond(name, deaf)
  const word = (index: number, decision?: 'reject') => decisionFor(key, request, index, decision)
  return { key, request, sealedItems, status, second, word, id: status.signingId }
}

describe('a gateway, asked for a session that another drives,', () => {
  it('answers what is stored, each time', async () => {
    const { second, status, id, word } = await driven({ deaf: true })
    expect(await second.coordinator.follow.signing.status(id)).toEqual(status)
    await coordinator.approve(id, await word(2, 'reject'))
    const now = await coordinator.follow.signing.status(id)
    expect(now.version).toBe(status.version + 1)
    expect(await second.coordinator.follow.signing.status(id)).toEqual(now)
    await coordinator.approve(id, await word(3, 'reject'))
    expect(await second.coordinator.follow.signing.status(id)).toEqual(await finished(status))
    await second.close()
  })

  it('wakes who waits for it there, with the change and with the end', async () => {
    const { second, status, id, word } = await driven()
    const { wait, watch } = second.coordinator.follow.signing
    const seen: number[] = []
    watch(id, ({ version }) => seen.push(version))
    const [next, end] = [wait(id, { after: status.version, ms: EVER }), wait(id, { ms: EVER })]
    await coordinator.approve(id, await word(2, 'reject'))
    expect(await next).toMatchObject({ version: 2, state: 'collecting_participants' })
    await coordinator.approve(id, await word(3, 'reject'))
    expect(await end).toMatchObject({ version: 3, state: 'failed' })
    expect(seen).toEqual([2, 3])
    await second.close()
  })

  it('misses nothing that is saved between its looking and its waiting', async () => {
    const { second, status, id, word } = await driven()
    const loadSession = second.store.loadSession.bind(second.store)
    const rejection = await word(2, 'reject')
    let looks = 0
    second.store.loadSession = async (...at) => {
      const stored = await loadSession(...at)
      looks += 1
      if (looks > 1) return stored
      await coordinator.approve(id, rejection)
      // Who watches there has been told by then.
      await loadSession(...at)
      await turn()
      return stored
    }
    const next = second.coordinator.follow.signing.wait(id, { after: status.version, ms: EVER })
    expect((await next).version).toBe(2)
    await second.close()
  })

  it('refuses a word to be sent again, changes nothing, and takes it when the other has given its lease back', async () => {
    const { second, status, id, word } = await driven()
    const approval = await word(2)
    await expect(second.coordinator.approve(id, approval)).rejects.toEqual(code('session.elsewhere'))
    expect(await coordinator.follow.signing.status(id)).toEqual(status)
    await coordinator.close()
    await second.coordinator.approve(id, approval)
    expect(await second.coordinator.follow.signing.wait(id, { ms: EVER })).toMatchObject({ state: 'completed' })
    await second.close()
  })
})

describe('a gateway that hangs', () => {
  it('loses its sessions to one that renews its own lease, and no word of theirs', async () => {
    stopTime()
    const { second, status, id, word } = await driven()
    await coordinator.approve(id, await word(3, 'reject'))
    hangs(store)
    const claim = second.store.claim.bind(second.store)
    let claims = 0
    const taken: string[] = []
    second.store.claim = async (...args) => {
      const claimed = await claim(...args)
      claims += 1
      taken.push(...claimed.sessions.map((session) => session.id))
      noticed()
      return claimed
    }
    while (!taken.includes(id)) {
      const before = claims
      // The lease that was renewed last is waited for by now, and its timer runs.
      await turn()
      vi.advanceTimersByTime(RENEW_MS)
      await until(() => claims > before, 'the next renewal')
    }
    expect(claims).toBe(LEASE_MS / RENEW_MS)
    const ends = finished(status)
    await second.coordinator.approve(id, await word(2, 'reject'))
    expect(await ends).toMatchObject({ state: 'failed', failure: { culprits: [2, 3] } })
    await second.close()
  })

  it('does not answer from its memory, nor takes a word, once its lease is over', async () => {
    stopTime()
    const key = await storedKey()
    const asleep = await startSecond('asleep', true)
    const { request, status } = await ask(key)
    await coordinator.close()
    // It takes up what the first gateway has given back.
    await asleep.coordinator.start()
    const { signingId } = status
    const { wait, status: now } = asleep.coordinator.follow.signing
    const wakes = hangs(asleep.store)
    vi.advanceTimersByTime(LEASE_MS)
    const heir = await startSecond('heir')
    await heir.coordinator.approve(signingId, await decisionFor(key, request, 2, 'reject'))
    expect((await now(signingId)).version).toBe(2)
    const ends = wait(signingId, { ms: EVER })
    await turn()
    const said = [await decisionFor(key, request, 2, 'reject'), await decisionFor(key, request, 3, 'reject')]
    for (const word of said)
      await expect(asleep.coordinator.approve(signingId, word)).rejects.toEqual(code('store.failed'))
    wakes()
    for (const word of said)
      await expect(asleep.coordinator.approve(signingId, word)).rejects.toEqual(code('session.elsewhere'))
    expect((await heir.coordinator.follow.signing.status(signingId)).version).toBe(2)
    await heir.coordinator.approve(signingId, await decisionFor(key, request, 3, 'reject'))
    await asleep.coordinator.close()
    expect(await ends).toMatchObject({ version: 3, state: 'failed', failure: { culprits: [2, 3] } })
    await heir.close()
    await asleep.store.close()
  })

  it('drops what it has lost before it trusts its memory again', async () => {
    stopTime()
    const { second, status, id, word } = await driven()
    await coordinator.close()
    await second.close()
    const asleep = await startSecond('asleep', true)
    const wakes = hangs(asleep.store)
    vi.advanceTimersByTime(LEASE_MS)
    const heir = await startSecond('heir')
    wakes()
    await asleep.coordinator.start()
    await heir.coordinator.approve(id, await word(2, 'reject'))
    expect((await asleep.coordinator.follow.signing.status(id)).version).toBe(status.version + 1)
    await heir.close()
    await asleep.close()
  })
})

describe('a gateway that is started under the name of one that runs', () => {
  it('goes on with its sessions at once, and the other drives them no more', async () => {
    const { second, status, id, word } = await driven({ name: 'gateway' })
    const ends = finished(status)
    await second.coordinator.approve(id, await word(2, 'reject'))
    expect((await coordinator.follow.signing.status(id)).version).toBe(status.version + 1)
    await expect(coordinator.approve(id, await word(3, 'reject'))).rejects.toEqual(code('session.elsewhere'))
    await second.coordinator.approve(id, await word(3, 'reject'))
    expect(await ends).toMatchObject({ state: 'failed', failure: { culprits: [2, 3] } })
    await second.close()
  })
})

describe('a key', () => {
  it('is refreshed by one gateway at a time, whoever of them is asked', async () => {
    const key = await storedKey()
    const { keyId } = key.plan.skeleton
    const second = await startSecond()
    const wish = () => askRefresh(enclaves.group, key, (body) => ({ ...body, expiresAt: Date.now() + EVER }))
    // It waits for its hosts, and stays open.
    for (const host of enclaves.ids()) enclaves.kill(host)
    const [one, other, third] = [await wish(), await wish(), await wish()]
    const asked = [coordinator.requestRefresh(keyId, one), second.coordinator.requestRefresh(keyId, other)]
    const outcomes = await Promise.allSettled(asked)
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    for (const gateway of [coordinator, second.coordinator])
      await expect(gateway.requestRefresh(keyId, third)).rejects.toEqual(code('session.conflict'))
    const begun = outcomes[0]!.status === 'fulfilled' ? one : other
    const status = await coordinator.requestRefresh(keyId, begun)
    expect(await second.coordinator.requestRefresh(keyId, begun)).toEqual(status)
    await second.close()
  })

  it('has one signing of an id, whichever gateway is asked first', async () => {
    const { second, request, sealedItems, status } = await driven()
    expect(await second.coordinator.requestSigning({ request, sealedItems })).toEqual(status)
    await second.close()
  })
})
