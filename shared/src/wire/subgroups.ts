import * as z from 'zod/mini'
import { mostParticipants } from '../schemes/table.ts'
import { Index, SubgroupId } from './ids.ts'

/** The most sub-groups of a key, and the most places in all of them together. A host adds up the keys of each when it certifies the key. */
export const MAX_SUBGROUPS = 200
export const MAX_SUBGROUP_PLACES = 4_000

/** Participants of a key who have a key of their own in it, with which all of them sign. `members`: indices, ascending. */
export const Subgroup = z.strictObject({
  id: SubgroupId,
  members: z.array(Index).check(z.minLength(2), z.maxLength(mostParticipants)),
})
export type Subgroup = z.infer<typeof Subgroup>

const distinct = (values: readonly string[]): boolean => new Set(values).size === values.length
const ascends = (indices: readonly number[]): boolean => indices.every((index, at) => index > (indices[at - 1] ?? 0))

/** As a skeleton names them. */
export const Subgroups = z.array(Subgroup).check(
  z.minLength(1),
  z.maxLength(MAX_SUBGROUPS),
  z.refine((all) => distinct(all.map(({ id }) => id)), 'two sub-groups have one id'),
  z.refine((all) => distinct(all.map(({ members }) => members.join())), 'two sub-groups have the same members'),
  z.refine((all) => all.every(({ members }) => ascends(members)), 'the members of a sub-group ascend, each once'),
  z.refine(
    (all) => all.reduce((places, { members }) => places + members.length, 0) <= MAX_SUBGROUP_PLACES,
    `the sub-groups have more than ${MAX_SUBGROUP_PLACES} places together`,
  ),
  z.meta({
    description: `Each id once, and no two with the same members, who ascend; ${MAX_SUBGROUP_PLACES} places at most in all of them together.`,
  }),
)
