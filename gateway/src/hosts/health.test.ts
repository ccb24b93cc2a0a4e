import { EnclaveId } from '@quorate/shared/wire/ids'
import { Refusal } from '@quorate/shared/errors'
import { afterEach, expect, it, vi } from 'vitest'
import type { Hosts } from '../engine/ports.ts'
import { createHostHealth } from './health.ts'

afterEach(() => {
  vi.useRealTimers()
})

const id = EnclaveId.parse('enclave-0')
/** One enclave that is connected and answers nothing. */
const stuck: Hosts = {
  ids: () => [id],
  state: () => 'ready',
  life: () => null,
  ask: () => new Promise(() => {}),
  subscribe: () => () => {},
  introduce: () => Promise.resolve(),
}

it('says that a host is well again when it answers late, while it rests', () => {
  let told = 0
  const health = createHostHealth(stuck, () => (told += 1))
  health.worked(id)
  expect(told).toBe(0)
  health.failed(id, 'enclave.timeout')
  expect(health.available()).toEqual([])
  health.worked(id)
  expect(health.available()).toEqual([id])
  expect(told).toBe(1)
  health.close()
})

it('lets a host rest longer each time, and asks it for a hello then, until it answers one', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let hellos = 0
  let told = 0
  const ask = () => {
    hellos += 1
    return hellos < 3 ? Promise.reject(new Refusal('enclave.timeout')) : Promise.resolve({})
  }
  const health = createHostHealth({ ...stuck, ask: ask as Hosts['ask'] }, () => (told += 1))
  health.failed(id, 'enclave.timeout')
  for (const [before, ms] of [250, 500, 1_000].entries()) {
    await vi.advanceTimersByTimeAsync(ms - 1)
    expect({ hellos, told, available: health.available() }).toEqual({ hellos: before, told: 0, available: [] })
    await vi.advanceTimersByTimeAsync(1)
    expect(hellos).toBe(before + 1)
  }
  expect({ told, available: health.available() }).toEqual({ told: 1, available: [id] })
  health.close()
})
