import { expect } from 'vitest'
import { nonceUse, type NonceUse } from '../../src/traces.ts'

/** No commitment was made twice, none was spent twice, and none but by the enclave that had made it. Gives their numbers. */
export function expectNoncesOnce(log: Parameters<typeof nonceUse>[0]): NonceUse {
  const use = nonceUse(log)
  expect(use.faults).toEqual([])
  return use
}
