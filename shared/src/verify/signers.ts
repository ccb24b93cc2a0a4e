import { Refusal } from '../errors.ts'
import type { Skeleton } from '../wire/keygen.ts'
import type { RequestBody } from '../wire/signing.ts'
import type { SubgroupId } from '../wire/ids.ts'
import type { Subgroup } from '../wire/subgroups.ts'

/** Whose shares can sign (indices, ascending), and how many of them do. */
export type Signers = Readonly<{ members: readonly number[]; threshold: number }>

type Frame = Pick<Skeleton, 'threshold' | 'participants' | 'subgroups'>

/** The sub-group of this name. Throws `subgroup.unknown`. */
export function findSubgroup({ subgroups = [] }: Pick<Skeleton, 'subgroups'>, id: SubgroupId): Subgroup {
  const found = subgroups.find((one) => one.id === id)
  if (found === undefined) throw new Refusal('subgroup.unknown')
  return found
}

/** Who signs an item: all members of its sub-group, or any quorum of the key where it names none. Throws `subgroup.unknown`. */
export function signersOf(frame: Frame, subgroup?: SubgroupId): Signers {
  if (subgroup === undefined)
    return { members: frame.participants.map(({ index }) => index), threshold: frame.threshold }
  const { members } = findSubgroup(frame, subgroup)
  return { members, threshold: members.length }
}

/** Who signs a request, all of whose items are of one sub-group or of none. Throws `subgroup.unknown`, `subgroup.mixed`. */
export function signersOfRequest(frame: Frame, { items }: Pick<RequestBody, 'items'>): Signers {
  const [first, ...others] = items.map(({ subgroup }) => subgroup)
  if (others.some((other) => other !== first)) throw new Refusal('subgroup.mixed')
  return signersOf(frame, first)
}

/** Are these enough, each once, and nobody else among them? */
export const isQuorum = ({ members, threshold }: Signers, indices: readonly number[]): boolean =>
  indices.length >= threshold &&
  new Set(indices).size === indices.length &&
  indices.every((index) => members.includes(index))
