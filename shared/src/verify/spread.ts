import type { Skeleton } from '../wire/keygen.ts'
import type { Subgroup } from '../wire/subgroups.ts'

type Hosted = Readonly<{ host: Readonly<{ identity: Readonly<{ signKey: string }> }> }>
type Spread = Readonly<{
  threshold: number
  participants: readonly Hosted[]
  subgroups?: readonly Subgroup[] | undefined
}>

/** The indices of those whose shares each host of these participants holds. Hosts are told apart by V. */
function hostedBy(participants: readonly Hosted[]): number[][] {
  const held = new Map<string, number[]>()
  for (const [at, { host }] of participants.entries()) {
    const { signKey } = host.identity
    held.set(signKey, [...(held.get(signKey) ?? []), at + 1])
  }
  return [...held.values()]
}

/** The most shares that any one host of these participants holds. */
export const mostAtOneHost = ({ participants }: Pick<Spread, 'participants'>): number =>
  Math.max(0, ...hostedBy(participants).map((indices) => indices.length))

/** Are the shares of these participants enough to sign, for the whole key or for one of its sub-groups? */
const areQuorum = ({ threshold, subgroups = [] }: Omit<Spread, 'participants'>, indices: readonly number[]): boolean =>
  indices.length >= threshold ||
  subgroups.some(({ members }) => members.length <= indices.length && members.every((one) => indices.includes(one)))

/** Does one host hold enough shares to sign alone? */
export const holdsQuorum = ({ participants, ...key }: Spread): boolean =>
  hostedBy(participants).some((indices) => areQuorum(key, indices))

/** May a host hold the shares of these participants of this key? A quorum only if the frame says so. */
export const maySitTogether = (
  { threshold, subgroups, spread }: Pick<Skeleton, 'threshold' | 'subgroups' | 'spread'>,
  indices: readonly number[],
): boolean => !areQuorum({ threshold, subgroups }, indices) || spread === 'quorum_in_one_host'
