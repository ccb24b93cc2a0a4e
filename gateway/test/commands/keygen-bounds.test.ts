import { boundReached } from '@quorate/shared/errors'
import type { KeyId } from '@quorate/shared/wire/ids'
import { describe, expect, it, vi } from 'vitest'
import { turn } from '../../../shared/test/noticing.js'
import {
  code,
  coordinator,
  enclaves,
  ended,
  inFreshHouses,
  initsFor,
  register,
  reserve,
  restartGateway,
  stopTime,
  store,
  users,
} from './house.ts'

inFreshHouses()

const SOON = 1_000
const WEEK = 604_800

/** A keygen of this holder with a week's time that waits for its participants. */
async function beginFor(holder: string) {
  const { reservation, plan } = await reserve(users, WEEK, undefined, holder)
  const { keyId } = reservation
  await coordinator.init(keyId, { skeleton: plan.skeleton, sealed: initsFor(plan) })
  return { keyId, plan }
}
const stateOf = async (keyId: KeyId) => (await coordinator.follow.keygen.status(keyId)).state
const reserveFor = (holder: string) => reserve(users, WEEK, undefined, holder)

describe('a keygen that nobody joins', () => {
  it('lasts minutes and not days, also with the registration of who asked, and says so', async () => {
    stopTime()
    await restartGateway({ aloneMs: SOON })
    const { keyId, plan } = await beginFor('a stranger')
    await register(plan, 1)
    expect((await coordinator.follow.keygen.status(keyId)).expiresAt).toBe(Date.now() + SOON)
    await restartGateway({ aloneMs: SOON })
    vi.advanceTimersByTime(SOON + 1)
    expect(await ended(keyId)).toMatchObject({ state: 'expired', failure: { code: 'keygen.expired' } })
  })

  it('has all of its time once a second participant has registered', async () => {
    stopTime()
    await restartGateway({ aloneMs: SOON })
    const { keyId, plan } = await beginFor('somebody')
    await register(plan, 1)
    await register(plan, 2)
    vi.advanceTimersByTime(SOON + 1)
    await turn()
    expect(await stateOf(keyId)).toBe('collecting_participants')
    await register(plan, 3)
    expect((await ended(keyId)).state).toBe('completed')
  })
})

describe('keygens of one address', () => {
  it('are so many at most, those that others have joined among them, and a restart does not make them fewer', async () => {
    await restartGateway({ openKeygensPerHolder: 2 })
    const { plan } = await beginFor('a stranger')
    await register(plan, 1)
    await register(plan, 2)
    await reserveFor('a stranger')
    await expect(reserveFor('a stranger')).rejects.toMatchObject(boundReached('address', 60))
    await restartGateway({ openKeygensPerHolder: 2 })
    await expect(reserveFor('a stranger')).rejects.toMatchObject(boundReached('address', 60))
    await reserveFor('somebody else')
  })

  it('are so many a day, since no host forgets the keys that come of them', async () => {
    stopTime()
    await restartGateway({ keygensPerHolder: 1 })
    const first = await beginFor('a stranger')
    await coordinator.init(first.keyId, { skeleton: first.plan.skeleton, sealed: initsFor(first.plan) })
    await expect(beginFor('a stranger')).rejects.toEqual(code('bound.reached'))
    await beginFor('somebody else')
    vi.advanceTimersByTime(86_400_000)
    await beginFor('a stranger')
  })
})

describe('a gateway that is full of keygens', () => {
  it('lets the oldest go that nobody has joined, of whoever holds most, for everybody else', async () => {
    await restartGateway({ openKeygens: 4 })
    const joined = await beginFor('a stranger')
    await register(joined.plan, 1)
    await register(joined.plan, 2)
    const alone = await beginFor('a stranger')
    const newest = await beginFor('a stranger')
    const mine = await beginFor('somebody')
    const yours = await reserveFor('somebody else')
    expect(await ended(alone.keyId)).toMatchObject({ state: 'failed', failure: { code: 'keygen.displaced' } })
    for (const { keyId } of [joined, newest, mine]) expect(await stateOf(keyId)).toBe('collecting_participants')
    expect(await stateOf(yours.reservation.keyId)).toBe('reserved')
    expect((await store.verifyAudit()).records).toBe(0)
    for (const index of [1, 2, 3]) await register(mine.plan, index)
    expect((await ended(mine.keyId)).state).toBe('completed')
  })

  it('counts the people in them, as enclaves do, and takes nothing from who holds less', async () => {
    await restartGateway({ openSeats: 6 })
    const mine = await beginFor('somebody')
    await reserveFor('a stranger')
    await expect(reserve([...users, 'dave'], WEEK, undefined, 'a third')).rejects.toMatchObject(
      boundReached('gateway', 60),
    )
    expect(await stateOf(mine.keyId)).toBe('collecting_participants')
  })

  it('ends no keygen that everybody has joined', async () => {
    await restartGateway({ openKeygens: 1 })
    const { keyId, plan } = await beginFor('somebody')
    const [host] = enclaves.ids()
    const round = enclaves.hang(host!, 'keygen.round1')
    for (const index of [1, 2, 3]) await register(plan, index)
    await round.asked()
    await expect(reserveFor('a stranger')).rejects.toMatchObject(boundReached('gateway', 60))
    round.timeOut()
    expect((await ended(keyId)).state).toBe('completed')
    await reserveFor('a stranger')
  })
})
