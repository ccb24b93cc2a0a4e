import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { expect } from 'vitest'

/** The promise must be refused with this code, and with these culprits when they are given. */
export async function expectRefusal(promise: Promise<unknown>, code: RefusalCode, culprits?: number[]): Promise<void> {
  const outcome: unknown = await promise.then(
    () => 'accepted',
    (error: unknown) => error,
  )
  expect(outcome).toBeInstanceOf(Refusal)
  const refusal = outcome as Refusal
  expect(refusal.code).toBe(code)
  if (culprits) expect([...refusal.culprits]).toEqual(culprits)
}
