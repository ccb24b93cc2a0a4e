import { digestOf, verifyBody } from '../crypto/sign.ts'
import type { Consent } from '../wire/consent.ts'
import type { Digest } from '../wire/ids.ts'
import type { Commitment, Partial } from '../wire/signing.ts'
import type { VerifiedKey } from './signing.ts'

/*
 * Is a message of a signing the word of its participant's host, for this very attempt? What is not may be the doing of whoever
 * carried it, and accuses nobody.
 */

/** What the hosts of a quorum are given to sign: the same for each of them. */
export type Package = Readonly<{
  signingId: string
  attempt: number
  consents: readonly Consent[]
  commitments: readonly Commitment[]
}>

/** Hex of H(package, …): which package a partial is for. It names the hosts of the quorum and their nonces by their commitments. */
export const packageDigest = ({ signingId, attempt, consents, commitments }: Package): Digest =>
  digestOf('package', { signingId, attempt, consents, commitments })

const signKeyOf = ({ certificate }: VerifiedKey, index: number) =>
  certificate.roster.skeleton.participants[index - 1]?.host.identity.signKey

export async function isCommitmentOf(
  key: VerifiedKey,
  { signingId, requestDigest, attempt }: Readonly<{ signingId: string; requestDigest: string; attempt: number }>,
  index: number,
  commitment: Commitment,
): Promise<boolean> {
  const { body } = commitment
  const signKey = signKeyOf(key, index)
  const fits =
    body.index === index &&
    body.signingId === signingId &&
    body.requestDigest === requestDigest &&
    body.attempt === attempt
  return signKey !== undefined && fits && verifyBody(signKey, 'commitment', commitment)
}

export async function isPartialOf(
  key: VerifiedKey,
  frame: Readonly<{ signingId: string; attempt: number; packageDigest: string }>,
  index: number,
  partial: Partial,
): Promise<boolean> {
  const { body } = partial
  const signKey = signKeyOf(key, index)
  const fits =
    body.index === index &&
    body.signingId === frame.signingId &&
    body.attempt === frame.attempt &&
    body.packageDigest === frame.packageDigest
  return signKey !== undefined && fits && verifyBody(signKey, 'partial', partial)
}
