import { describe, expect, it } from 'vitest'
import { noticed, until } from '../../../shared/test/noticing.js'
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

  it('waits for an enclave that is down, and goes on when it is ready', async () => {
    const { keyId, plan, reservation } = await begin()
    const { enclaveId } = reservation.slots[2]!
    const versions: number[] = []
    coordinator.follow.keygen.watch(keyId, ({ version }) => {
      versions.push(version)
      noticed()
    })
    let before = Infinity
    enclaves.fault(enclaveId, 'keygen.round2', () => {
      before = versions.length
      enclaves.kill(enclaveId)
    })
    for (const index of [1, 2, 3]) await register(plan, index)
    // Whether another attempt begins is saved together with the end of this one.
    await until(() => versions.length > before, 'the end of the attempt')
    expect((await coordinator.follow.keygen.status(keyId)).state).toBe('key_generation')
    expect(enclaves.count('keygen.round1')).toBe(3)
    enclaves.restart(enclaveId)
    expect((await ended(keyId)).state).toBe('completed')
  })

  it('retries an enclave that does not answer in time', async () => {
    const { keyId, plan, reservation } = await begin()
    const stuck = enclaves.hang(reservation.slots[0]!.enclaveId, 'keygen.round3')
    for (const index of [1, 2, 3]) await register(plan, index)
    await stuck.asked()
    stuck.timeOut()
    expect((await ended(keyId)).state).toBe('completed')
  })

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
