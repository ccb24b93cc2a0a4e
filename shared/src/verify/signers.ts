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

/** Who signs each item of a request. Throws `subgroup.unknown`. */
export function signersOfItems(frame: Frame, { items }: Pick<RequestBody, 'items'>): Signers[] {
  const whole = signersOf(frame)
  return items.map(({ subgroup }) => (subgroup === undefined ? whole : signersOf(frame, subgroup)))
}

/** The items (0…) that the share of this participant cannot sign, whatever its owner says. */
export const outsideOf = (signers: readonly Signers[], index: number): ReadonlySet<number> =>
  new Set(signers.flatMap(({ members }, at) => (members.includes(index) ? [] : [at])))

/** Are enough of those who sign an item among these, each of whom is there once? */
export const areEnough = ({ members, threshold }: Signers, indices: readonly number[]): boolean =>
  indices.filter((index) => members.includes(index)).length >= threshold
