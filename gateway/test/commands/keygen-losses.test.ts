import { describe, expect, it } from 'vitest'
import { until } from '../../../shared/test/noticing.js'
import { begin, coordinator, enclaves, ended, inFreshHouses, register, restartGateway } from './house.ts'

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

  it.each(['keygen.round1', 'keygen.round2', 'keygen.round3'] as const)(
    'begins anew when an enclave restarts in %s',
    async (method) => {
      const { keyId, plan, reservation } = await begin()
      const { enclaveId } = reservation.slots[1]!
      enclaves.fault(enclaveId, method, () => enclaves.restart(enclaveId))
      for (const index of [1, 2, 3]) await register(plan, index)
      expect((await ended(keyId)).state).toBe('completed')
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
