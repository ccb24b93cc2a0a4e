import { expect } from 'vitest'
import { MpcError, type MpcErrorCode } from '../src/error.ts'

/** Expects `call` to fail with this code and exactly these culprits. */
export function expectFailure(call: () => unknown, code: MpcErrorCode, culprits: number[] = []): void {
  let caught: unknown
  try {
    call()
  } catch (error) {
    caught = error
  }
  expect(caught).toBeInstanceOf(MpcError)
  expect(caught).toMatchObject({ code, culprits, message: code })
}
