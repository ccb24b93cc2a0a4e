import { Refusal } from '@quorate/shared/errors'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import { digestOf } from '@quorate/shared/crypto/sign'
import { failuresOf } from '@quorate/shared/verify/items'
import { policyDigest, resultDigest } from '@quorate/shared/verify/signing'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { ItemResult, Outcome, SigningReceipt } from '@quorate/shared/wire/signing'
import type { Parts } from '../parts.ts'
import { liveItems, type LiveItem } from './package.ts'
import { openResults } from './sealing.ts'
import { keyOf, lendFor, useFor, type Seat, type Signing } from './seat.ts'

/** Throws `signature.invalid` unless each live item has a signature that verifies under the key. */
function verifyAll(
  parts: Parts,
  signing: Signing,
  index: number,
  live: readonly LiveItem[],
  outcomes: readonly Outcome[],
): void {
  const key = keyOf(parts, signing.request, index)
  const verified = live.every(({ at, task }) => {
    const signature = outcomes[at]
    return typeof signature === 'string' && useFor(parts, key, task).verify(task, fromHex(signature))
  })
  if (!verified) throw new Refusal('signature.invalid')
}

/**
 * The receipt of one host of the quorum: it opens the signatures, verifies each under the key, and says what it signed, and
 * what it did not. Throws `signing.unknown` for who has not taken part, `signature.invalid` for whatever does not verify.
 */
export async function confirm(
  parts: Parts,
  signing: Signing,
  seat: Seat,
  index: number,
  results: readonly ItemResult[],
): Promise<HostResult<'signing.confirm'>> {
  if (seat.spent?.partial == null) throw new Refusal('signing.unknown')
  const { commitments } = seat.spent
  const { request, requestDigest } = signing
  const { signingId } = request
  const live = liveItems(signing.tasks, commitments)
  const outcomes = lendFor(parts, request, index, (key) =>
    openResults(key, signingId, failuresOf(commitments), results),
  )
  if (signing.aggregated !== digestOf('result', results)) verifyAll(parts, signing, index, live, outcomes)

  const key = keyOf(parts, request, index)
  const body: SigningReceipt['body'] = {
    requestDigest,
    resultDigest: resultDigest(outcomes),
    quorum: commitments.map(({ body: { index } }) => index),
    index,
    policyDigest: policyDigest(key),
    epoch: key.certificate.epoch,
    measurements: parts.measurements,
    signedAt: parts.clock(),
  }
  parts.log({ event: 'signing.confirmed', signingId, index, signatures: live.length, resultDigest: body.resultDigest })
  return { receipt: await parts.keys.sign('signing-receipt', body) }
}
