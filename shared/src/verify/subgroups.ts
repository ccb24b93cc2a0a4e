import { MpcError, type Mpc } from '../../mpc/src/index.ts'
import { schemeOf } from '../schemes/cryptography.ts'
import { fromBase64url, toHex } from '../wire/bytes.ts'
import type { CertificateBody } from '../wire/certificate.ts'
import type { Roster, Skeleton } from '../wire/keygen.ts'
import type { SubgroupId } from '../wire/ids.ts'
import { findSubgroup } from './signers.ts'

/** The public keys of these members alone. Throws `invalid_input` where the scheme has no sub-groups. */
function restrict(mpc: Mpc, { scheme }: Pick<Skeleton, 'scheme'>, all: Uint8Array, members: readonly number[]) {
  const { subgroup } = schemeOf(mpc, scheme)
  if (subgroup === undefined) throw new MpcError('invalid_input')
  return subgroup(all, members)
}

/** The keys of all sub-groups, as a part of the certificate; nothing where the skeleton names no sub-groups. */
export type SubgroupKeys = Pick<CertificateBody, 'subgroupKeys'>

/**
 * The keys of the sub-groups that a skeleton names, in its order. `giveWay`: awaited before each, since 4,000 places in them take about half a
 * second. Throws `MpcError`.
 */
export async function subgroupKeysOf(
  mpc: Mpc,
  { skeleton }: Pick<Roster, 'skeleton'>,
  publicKeys: Uint8Array,
  giveWay: () => Promise<void> = () => Promise.resolve(),
): Promise<SubgroupKeys> {
  const { subgroups, scheme } = skeleton
  if (subgroups === undefined) return {}
  const subgroupKeys: string[] = []
  for (const { members } of subgroups) {
    await giveWay()
    const { groupKey } = schemeOf(mpc, scheme).describe(restrict(mpc, skeleton, publicKeys, members))
    subgroupKeys.push(toHex(groupKey))
  }
  return { subgroupKeys }
}

/** Are the keys of all sub-groups those of their members? */
export async function describesSubgroups(
  mpc: Mpc,
  { roster, publicKeys, subgroupKeys }: CertificateBody,
): Promise<boolean> {
  try {
    const own = await subgroupKeysOf(mpc, roster, fromBase64url(publicKeys))
    return (own.subgroupKeys ?? []).join() === (subgroupKeys ?? []).join()
  } catch {
    return false
  }
}

/** The key (hex) of a sub-group under a verified certificate, or without one the group key. Throws `subgroup.unknown`. */
export function groupKeyOf(
  { roster: { skeleton }, groupKey, subgroupKeys = [] }: CertificateBody,
  subgroup?: SubgroupId,
): string {
  if (subgroup === undefined) return groupKey
  const found = findSubgroup(skeleton, subgroup)
  return subgroupKeys[skeleton.subgroups?.indexOf(found) ?? -1] ?? ''
}

/** Of a key, the public keys of those who sign: of the sub-group, or without one all of them. Throws `subgroup.unknown`. */
export function publicKeysOf(
  mpc: Mpc,
  { skeleton }: Pick<Roster, 'skeleton'>,
  all: Uint8Array,
  subgroup?: SubgroupId,
): Uint8Array {
  return subgroup === undefined ? all : restrict(mpc, skeleton, all, findSubgroup(skeleton, subgroup).members)
}
