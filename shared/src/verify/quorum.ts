import { digestOf, verifyBody } from '../crypto/sign.ts'
import type { Consent } from '../wire/consent.ts'
import type { Digest } from '../wire/ids.ts'
import type { Commitment, FreshCommitment, Partial, Stock, StockCommitment } from '../wire/signing.ts'
import { isStocked, wordsOf } from './commitments.ts'
import type { VerifiedKey } from './signing.ts'

/** How the signature of a stock is verified: whoever sees it with each of its commitments remembers it. */
type Verify = typeof verifyBody

/*
 * Is a message of a signing the word of its participant's host, for this very attempt? What is not may be the doing of whoever
 * carried it, and accuses nobody.
 */

/** What the hosts of a quorum are given to sign: the same for each of them. */
export type Package = Readonly<{
  signingId: string
  requestDigest: string
  attempt: number
  consents: readonly Consent[]
  commitments: readonly Commitment[]
}>

/** Hex of H(package, …): which package a partial is for. It names the hosts of the quorum and their nonces by their commitments. */
export const packageDigest = ({ signingId, requestDigest, attempt, consents, commitments }: Package): Digest =>
  digestOf('package', { signingId, requestDigest, attempt, consents, commitments })

const signKeyOf = ({ certificate }: VerifiedKey, index: number) =>
  certificate.roster.skeleton.participants[index - 1]?.host.identity.signKey

/** What a commitment that was made for an attempt is for. */
type Frame = Readonly<{ signingId: string; requestDigest: string; attempt: number }>

const isFor = ({ body }: FreshCommitment, { signingId, requestDigest, attempt }: Frame): boolean =>
  body.signingId === signingId && body.requestDigest === requestDigest && body.attempt === attempt

const stockOf = ({ body, signature }: StockCommitment): Stock => ({ body, signature })

/** Is this stock the word of the host of participant `index` of this very version of the key? */
export async function isStockOf(
  key: VerifiedKey,
  index: number,
  stock: Stock,
  verify: Verify = verifyBody,
): Promise<boolean> {
  const signKey = signKeyOf(key, index)
  const fits = stock.body.index === index && stock.body.certificateDigest === key.digest
  return signKey !== undefined && fits && verify(signKey, 'stock', stock)
}

/** One from a stock is of any signing by this very version of the key. */
export async function isCommitmentOf(
  key: VerifiedKey,
  frame: Frame,
  index: number,
  commitment: Commitment,
  verify: Verify = verifyBody,
): Promise<boolean> {
  if (isStocked(commitment))
    return wordsOf(commitment).length === 1 && isStockOf(key, index, stockOf(commitment), verify)
  const signKey = signKeyOf(key, index)
  const fits = commitment.body.index === index && isFor(commitment, frame)
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
