import { EnclaveId } from '@quorate/shared/wire/ids'
import { expect, it } from 'vitest'
import type { Hosts } from '../engine/ports.ts'
import { createHostHealth } from './health.ts'

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
