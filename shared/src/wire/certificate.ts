import * as z from 'zod/mini'
import { factsOf, mostParticipants } from '../schemes/table.ts'
import { Base64url, Digest, GroupKey, Index, Signature } from './ids.ts'
import { Roster } from './keygen.ts'
import { MAX_SUBGROUPS } from './subgroups.ts'

/** What all hosts sign at the end. Public: nothing but public keys stands in it. */
export interface CertificateBody {
  version: 1
  roster: Roster
  /** In the form and length of the roster's scheme. */
  groupKey: string
  /** In the form of the scheme: group key, every verifying share and the threshold. For FROST, the crate's PublicKeyPackage. */
  publicKeys: string
  /** The keys of the sub-groups that the skeleton names, in its order. */
  subgroupKeys?: string[] | undefined
  transcript: Digest
  epoch: number
  previous: Digest | null
}
export const CertificateBody = z.toZod<CertificateBody>()(
  z
    .strictObject({
      version: z.literal(1),
      roster: Roster,
      groupKey: GroupKey,
      publicKeys: Base64url,
      subgroupKeys: z.optional(z.array(GroupKey).check(z.minLength(1), z.maxLength(MAX_SUBGROUPS))),
      transcript: Digest,
      epoch: z.int().check(z.minimum(0)),
      previous: z.nullable(Digest),
    })
    .check(
      z.refine(
        ({ groupKey, roster }) => groupKey.length === 2 * factsOf(roster.skeleton.scheme).keyLength,
        'the group key does not have the length of its scheme',
      ),
      z.refine(
        ({ subgroupKeys, groupKey }) => (subgroupKeys ?? []).every((one) => one.length === groupKey.length),
        'the key of a sub-group does not have the length of its scheme',
      ),
      z.refine(
        ({ subgroupKeys, roster }) => subgroupKeys?.length === roster.skeleton.subgroups?.length,
        'each sub-group has one key',
      ),
      z.meta({
        description:
          'groupKey and subgroupKeys have the length of keys of the scheme; there is one for each sub-group of the skeleton.',
      }),
    ),
)

/** The key certificate: its body and a signature by each participant's host, in the order of indices. */
export interface Certificate {
  body: CertificateBody
  signatures: string[]
}
export const Certificate = z.toZod<Certificate>()(
  z.strictObject({
    body: CertificateBody,
    signatures: z.array(Signature).check(z.minLength(1), z.maxLength(mostParticipants)),
  }),
)

/** A share as the gateway keeps it. */
export const SealedShare = z.strictObject({ index: Index, sealed: Base64url })
export type SealedShare = z.infer<typeof SealedShare>
