import { equalBytes } from '@noble/ciphers/utils.js'
import { MpcError, type ByIndex } from '../../mpc/src/index.ts'
import type { Member } from './scheme.ts'

/** Did all of 1…n say something, and nobody else; and stands one's own message as it was said? */
export function isComplete(
  all: ByIndex,
  { index, participants }: Omit<Member, 'threshold'>,
  said: Uint8Array,
): boolean {
  const own = all.get(index)
  const expected = Array.from({ length: participants }, (_, at) => at + 1)
  const complete = all.size === participants && expected.every((from) => all.has(from))
  return complete && own !== undefined && equalBytes(own, said)
}

/** What the others said in a round to all. Throws `invalid_input` unless it is of 1…n, and one's own message as it was said. */
export function others(all: ByIndex, member: Member, said: Uint8Array): ByIndex {
  if (!isComplete(all, member, said)) throw new MpcError('invalid_input')
  return new Map([...all].filter(([from]) => from !== member.index))
}
