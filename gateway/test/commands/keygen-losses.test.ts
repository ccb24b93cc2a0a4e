import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { verifyInForce } from '@quorate/shared/verify/refresh'
import { describe, expect, it, vi } from 'vitest'
import { noticed, turn, until } from '../../../shared/test/noticing.js'
import {
  begin,
  code,
  coordinator,
  enclaves,
  EVER,
  ended,
  inFreshHouses,
  register,
  restartGateway,
  stopTime,
  store,
} from './house.ts'

inFreshHouses()

describe('a keygen', () => {
  it('tells an enclave that restarted among registrations what it knew', async () => {
    const { keyId, plan, reservation } = await begin()
    const [slot] = reservation.slots
    const first = await register(plan, 1)
    enclaves.restart(slot!.enclaveId)
    expect(await register(plan, 1)).toEqual(first)
    enclaves.restart(slot!.enclaveId)
    await register(plan, 2)
    await register(plan, 3)
    expect((await ended(keyId)).state).toBe('completed')
  })

  it.each(['keygen.round1', 'keygen.round2', 'keygen.round3', 'keygen.prepare'] as const)(
    'begins anew when an enclave restarts in %s',
    async (method) => {
      const { keyId, plan, reservation } = await begin()
      const { enclaveId } = reservation.slots[1]!
      enclaves.fault(enclaveId, method, () => enclaves.restart(enclaveId))
      for (const index of [1, 2, 3]) await register(plan, index)
      expect((await ended(keyId)).state).toBe('completed')
      expect(enclaves.count('keygen.round1')).toBeGreaterThan(3)
    },
  )

  it('has an enclave that restarts in keygen.install hear of the certificate from the others, and agree to it again', async () => {
    const { keyId, plan, reservation } = await begin()
    const { enclaveId } = reservation.slots[1]!
    enclaves.fault(enclaveId, 'keygen.install', () => enclaves.restart(enclaveId))
    for (const index of [1, 2, 3]) await register(plan, index)
    const { state, certificate, installed } = await ended(keyId)
    expect(state).toBe('completed')
    await verifyInForce({ certificate: certificate!.body, digest: await verifyCertificate(certificate!) }, installed)
    expect(enclaves.count('keygen.round1')).toBe(3)
    expect(enclaves.count('keygen.prepare', enclaveId)).toBeGreaterThan(1)
  })

  it('waits for one of the others that is stuck meanwhile, and does not begin anew', async () => {
    const { keyId, plan, reservation } = await begin()
    const [first, second, third] = reservation.slots.map(({ enclaveId }) => enclaveId)
    const hasInstalled = (id: string) => enclaves.host(id).events.some(({ event }) => event === 'epoch.installed')
    enclaves.fault(third!, 'keygen.install', async () => {
      while (![first!, second!].every(hasInstalled)) await turn()
      enclaves.fault(second!, 'recall.tell', 'enclave.timeout')
      enclaves.restart(third!)
    })
    for (const index of [1, 2, 3]) await register(plan, index)
    expect((await ended(keyId)).state).toBe('completed')
    expect(enclaves.count('keygen.round1')).toBe(3)
  })

  it('fails when all but one enclave restart in keygen.install, since that one makes no other key', async () => {
    const { keyId, plan, reservation } = await begin()
    const [first, second, third] = reservation.slots.map(({ enclaveId }) => enclaveId)
    const [one, two] = [enclaves.hang(first!, 'keygen.install'), enclaves.hang(second!, 'keygen.install')]
    for (const index of [1, 2, 3]) await register(plan, index)
    await Promise.all([one.asked(), two.asked()])
    while (!enclaves.host(third!).events.some(({ event }) => event === 'epoch.installed')) await turn()
    for (const id of [first!, second!]) enclaves.restart(id)
    for (const stuck of [one, two]) stuck.timeOut()
    expect((await ended(keyId)).failure).toMatchObject({ code: 'keygen.installed' })
    await expect(coordinator.key(keyId)).rejects.toEqual(code('key.not_found'))
  })

  it('waits for an enclave that is down between prepare and install, and goes on when it is back', async () => {
    const { keyId, plan, reservation } = await begin()
    const { enclaveId } = reservation.slots[2]!
    enclaves.fault(enclaveId, 'keygen.install', () => {
      enclaves.kill(enclaveId)
      noticed()
    })
    for (const index of [1, 2, 3]) await register(plan, index)
    await until(() => enclaves.state(enclaveId) === 'down', 'the enclave to be down')
    expect((await coordinator.follow.keygen.status(keyId)).state).toBe('key_generation')
    await expect(coordinator.key(keyId)).rejects.toEqual(code('key.not_found'))
    enclaves.restart(enclaveId)
    expect((await ended(keyId)).state).toBe('completed')
  })

  it('fails at its deadline, with the name of who never came back to install, and leaves nothing usable', async () => {
    stopTime()
    const { keyId, plan, reservation } = await begin()
    const { enclaveId } = reservation.slots[2]!
    const stuck = enclaves.hang(enclaveId, 'keygen.install')
    for (const index of [1, 2, 3]) await register(plan, index)
    await stuck.asked()
    const hasInstalled = ({ events }: (typeof enclaves.group.members)[0]) =>
      events.some(({ event }) => event === 'epoch.installed')
    while (enclaves.group.members.filter(hasInstalled).length < 2) await turn()
    // What they said has come to the gateway.
    await turn()
    enclaves.kill(enclaveId)
    vi.advanceTimersByTime(EVER)
    const { state, failure, certificate, installed } = await ended(keyId)
    expect({ state, certificate, installed }).toEqual({ state: 'failed', certificate: null, installed: [] })
    expect(failure).toEqual({ code: 'keygen.hosts_lost', culprits: [3] })
    expect(await store.loadKeyAt(keyId, 0)).toBeNull()
  })

  it.each(['keygen.prepare', 'keygen.install'] as const)(
    'goes on after a restart of the gateway in %s',
    async (method) => {
      const { keyId, plan, reservation } = await begin()
      const stuck = enclaves.hang(reservation.slots[0]!.enclaveId, method)
      for (const index of [1, 2, 3]) await register(plan, index)
      await stuck.asked()
      await restartGateway()
      expect((await ended(keyId)).state).toBe('completed')
      expect(enclaves.count('keygen.round1')).toBe(3)
    },
  )

  /** A keygen in round two, of which one enclave is down. */
  async function withOneDown() {
    const { keyId, plan, reservation } = await begin()
    const { enclaveId } = reservation.slots[2]!
    let listeners = Infinity
    enclaves.fault(enclaveId, 'keygen.round2', () => {
      listeners = enclaves.listeners
      enclaves.kill(enclaveId)
    })
    for (const index of [1, 2, 3]) await register(plan, index)
    await until(() => enclaves.listeners > listeners, 'somebody who waits for the enclave')
    expect((await coordinator.follow.keygen.status(keyId)).state).toBe('key_generation')
    expect(enclaves.count('keygen.round1')).toBe(3)
    return { keyId, enclaveId }
  }

  it('waits for an enclave that is down, and begins anew when it has restarted', async () => {
    const { keyId, enclaveId } = await withOneDown()
    enclaves.restart(enclaveId)
    expect((await ended(keyId)).state).toBe('completed')
    // Once for each at each attempt, and once more for the one that was told of the keygen first.
    expect(enclaves.count('keygen.round1')).toBe(7)
  })

  it('waits for an enclave that is out of reach, and goes on where it stood', async () => {
    const { keyId, enclaveId } = await withOneDown()
    enclaves.reach(enclaveId)
    expect((await ended(keyId)).state).toBe('completed')
    expect(enclaves.count('keygen.round1')).toBe(3)
  })

  it.each(['keygen.round1', 'keygen.round2', 'keygen.round3'] as const)(
    'asks an enclave again that does not answer %s in time, and no other',
    async (method) => {
      const { keyId, plan, reservation } = await begin()
      const stuck = enclaves.hang(reservation.slots[0]!.enclaveId, method)
      for (const index of [1, 2, 3]) await register(plan, index)
      await stuck.asked()
      stuck.timeOut()
      expect((await ended(keyId)).state).toBe('completed')
      for (const round of ['keygen.round1', 'keygen.round2', 'keygen.round3'] as const)
        expect(enclaves.count(round)).toBe(round === method ? 4 : 3)
    },
  )

  it('goes on after a restart of the gateway in the middle', async () => {
    const { keyId, plan, reservation } = await begin()
    await register(plan, 1)
    await restartGateway()
    await register(plan, 2)
    const stuck = enclaves.hang(reservation.slots[0]!.enclaveId, 'keygen.round2')
    await register(plan, 3)
    await stuck.asked()
    await restartGateway()
    expect((await ended(keyId)).state).toBe('completed')
  })
})
