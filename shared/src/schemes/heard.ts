import { equalBytes } from '@noble/ciphers/utils.js'
import { MpcError, type ByIndex } from '../../mpc/src/index.ts'
import type { Member } from './scheme.ts'

/** 1…n. */
export const indicesTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1)

/** Did all of these say something, and nobody else; and stands one's own message as it was said? */
export function isComplete(
  all: ByIndex,
  { index, signers }: Readonly<{ index: number; signers: readonly number[] }>,
  said: Uint8Array,
): boolean {
  const own = all.get(index)
  const complete = all.size === signers.length && signers.every((from) => all.has(from))
  return complete && own !== undefined && equalBytes(own, said)
}

/** What the others said in a round to all. Throws `invalid_input` unless it is of 1…n, and one's own message as it was said. */
export function others(all: ByIndex, member: Member, said: Uint8Array): ByIndex {
  const { index, participants } = member
  if (!isComplete(all, { index, signers: indicesTo(participants) }, said)) throw new MpcError('invalid_input')
  return new Map([...all].filter(([from]) => from !== index))
}
