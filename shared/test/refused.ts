import { Refusal } from '../src/errors.ts'

/** The code with which `act` refuses, or `done`. Any other error is thrown on. */
export function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
  return 'done'
}
