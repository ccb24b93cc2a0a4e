import { Refusal } from '@quorate/shared/errors'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import { digestOf } from '@quorate/shared/crypto/sign'
import { resultDigest } from '@quorate/shared/verify/signing'
import type { Partial } from '@quorate/shared/wire/signing'
import { answerSigned } from '../bunker/answer.ts'
import type { Parts } from '../parts.ts'
import { checkPartials, joinPartials, type SignedPackage } from './joining.ts'
import { sealOutcomes } from './sealing.ts'
import { keyOf, lendFor, type Seat, type Signing } from './seat.ts'

/** The package that this seat has signed. Throws `signing.unknown`. */
function signedPackage({ attempt, spent }: Seat): SignedPackage {
  if (spent?.partial == null) throw new Refusal('signing.unknown')
  return { attempt, digest: spent.packageDigest, commitments: spent.commitments }
}

/**
 * Joins the partials of the quorum into one signature per live item, each verified, beside the failures of the others. Throws
 * `signing.misdelivered` for what its hosts did not sign, and `signing.bad_partial` with the culprits.
 */
export async function aggregate(
  parts: Parts,
  signing: Signing,
  seat: Seat,
  index: number,
  partials: readonly Partial[],
): Promise<HostResult<'signing.aggregate'>> {
  const { request } = signing
  const signed = signedPackage(seat)
  await checkPartials(keyOf(parts, request, index), request, signed, partials)
  return lendFor(parts, request, index, (key) => {
    const outcomes = joinPartials(parts, key, signing, signed, partials)
    const results = sealOutcomes(key, request.signingId, outcomes)
    signing.joined = { packageDigest: signed.digest, results: digestOf('result', results) }
    const { ask } = signing.asked
    const answer = ask === null ? null : answerSigned(parts, key, ask, outcomes[0] ?? { code: 'content.invalid' })
    return { results, resultDigest: resultDigest(outcomes), answer }
  })
}
