import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import { makeOf } from '@quorate/shared/schemes/cryptography'
import { makesBy } from '@quorate/shared/schemes/table'
import { frameOfContributions, joinContributed } from '@quorate/shared/verify/contributed'
import { toHex } from '@quorate/shared/wire/bytes'
import { contributionTo } from '@quorate/shared/wire/keygen'
import type { Contributed, Contribution, Registration, Skeleton } from '@quorate/shared/wire/keygen'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import type { Source } from './accept.ts'

/** The keys of participants of this host, by index. They are secret: each is taken out once. */
export type Contributions = Map<number, Uint8Array>

/** A participant's key, which its owner wipes, and what its receipt says of it. */
export type OwnKey = Readonly<{ share: Uint8Array; contributed: Contributed }>

/** Throws `keygen.skeleton_mismatch` for what is not contributed to such a key. */
export function requireContribution(skeleton: Skeleton, contribution: Contribution): void {
  if (contribution.kind === 'key' && makesBy(skeleton.scheme, 'contribute')) return
  const expected = digestOf('register', contributionTo(skeleton))
  if (digestOf('register', contribution) !== expected) throw new Refusal('keygen.skeleton_mismatch')
}

/**
 * The key that a registration brings, or that this host draws for it: for the same registration the same key, also after a restart. Null where
 * the scheme wants none. Throws `keygen.contribution_invalid` for what is no secret key.
 */
export function ownKey(
  { keys, mpc }: Pick<Parts, 'keys' | 'mpc'>,
  skeleton: Skeleton,
  registration: Registration,
): OwnKey | null {
  if (!makesBy(skeleton.scheme, 'contribute')) return null
  const { index, contribution } = registration.body
  const secretKey =
    contribution.kind === 'key'
      ? contribution.secretKey.slice()
      : keys.drawKey({ index, registrationDigest: digestOf('register', registration) })
  try {
    const of = { ...frameOfContributions(skeleton), index, secretKey }
    const made = orRefuse('keygen.contribution_invalid', () => makeOf(mpc, skeleton.scheme, 'contribute').begin(of))
    return { share: made.share, contributed: { publicKey: toHex(made.publicKey), proof: toHex(made.proof) } }
  } finally {
    secretKey.fill(0)
  }
}

/** What the participants of this host contributed, as it accepts the key. The receipts of all stand for what nobody said. */
export const contributedSource = ({ mpc }: Pick<Parts, 'mpc'>, contributions: Contributions): Source => ({
  take(index, roster) {
    const publicKeys = orRefuse('keygen.bad_package', () => joinContributed(mpc, roster))
    const share = contributions.get(index)
    if (share === undefined) throw new Refusal('keygen.roster_mismatch')
    contributions.delete(index)
    return { share, publicKeys }
  },
  transcript: ({ registrations }) => digestOf('transcript', registrations),
  misfit: 'certificate.invalid',
  wipe: () => wipeContributions(contributions),
})

export function wipeContributions(contributions: Contributions): void {
  for (const key of contributions.values()) key.fill(0)
  contributions.clear()
}

/** Of a registration whose key has been copied. */
export function wipeContribution(contribution: Contribution): void {
  if (contribution.kind === 'key') contribution.secretKey.fill(0)
}
