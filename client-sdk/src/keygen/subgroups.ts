import { factsOf, type SchemeName } from '@quorate/shared/schemes/table'
import { Subgroups, type Subgroup } from '@quorate/shared/wire/subgroups'
import { issuesOf, QuorateError } from '../errors.ts'

/** Sub-groups by their names, each with the user ids of its members. */
export type SubgroupWish = Readonly<Record<string, readonly string[]>>

const refuse = (...issues: string[]): never => {
  throw new QuorateError('keygen.subgroup_invalid', 'client', { issues })
}

/**
 * The sub-groups of a key as its skeleton names them, by index. Throws `keygen.subgroup_invalid`, which says why: the scheme has none, a member is
 * no participant, somebody is alone, or two are the same.
 */
export function readSubgroups(
  { scheme, participants }: Readonly<{ scheme: SchemeName; participants: readonly string[] }>,
  wished: SubgroupWish = {},
): Subgroup[] | undefined {
  const named = Object.entries(wished)
  if (named.length === 0) return undefined
  if (!factsOf(scheme).subgroups) return refuse(`keys of ${scheme} have no sub-groups`)
  const indexOf = (id: string, userId: string): number => {
    const index = participants.indexOf(userId) + 1
    return index > 0 ? index : refuse(`${id}: ${userId} is no participant`)
  }
  const read = Subgroups.safeParse(
    named.map(([id, users]) => ({ id, members: users.map((one) => indexOf(id, one)).sort((a, b) => a - b) })),
  )
  return read.success ? read.data : refuse(...issuesOf(read.error))
}
