import type { Commitment, ItemCommitment, StockCommitment } from '../wire/signing.ts'

/*
 * The first round of a signing, as the host of each participant says it: made for an attempt, or taken from a stock.
 */

/** Is it from a stock? */
export const isStocked = (commitment: Commitment): commitment is StockCommitment => 'serial' in commitment

/** What a commitment says of each item of its request. One from a stock is for a request of one item. */
export function wordsOf(commitment: Commitment): readonly ItemCommitment[] {
  if (!isStocked(commitment)) return commitment.body.commitments
  const { body, serial } = commitment
  const one = body.commitments[serial - body.first]
  return one === undefined ? [] : [{ commitment: one }]
}
