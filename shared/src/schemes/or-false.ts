import { MpcError } from '../../mpc/src/index.ts'

/** `false` for what cannot be read at all, or does not verify. A trap is no answer. */
export function orFalse(question: () => boolean): boolean {
  try {
    return question()
  } catch (error) {
    if (error instanceof MpcError && error.code !== 'trapped') return false
    throw error
  }
}
