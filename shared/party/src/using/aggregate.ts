import { Refusal } from '@quorate/shared/errors'
import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import { digestOf } from '@quorate/shared/crypto/sign'
import { failuresOf } from '@quorate/shared/verify/items'
import { resultDigest } from '@quorate/shared/verify/signing'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Outcome, Partial } from '@quorate/shared/wire/signing'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import type { OpenKey } from '../vault.ts'
import { liveItems, type LiveItem } from './package.ts'
import { openPartials, sealOutcomes } from './sealing.ts'
import { lendFor, useFor, type Seat, type Signing } from './seat.ts'

/** The commitments of the package that this seat has signed. Throws `signing.bad_partial` unless each of its quorum answered once. */
function signedPackage(seat: Seat, partials: readonly Partial[]) {
  const commitments = seat.spent?.commitments
  if (commitments === undefined) throw new Refusal('signing.unknown')
  const quorum = commitments.map(({ body }) => body.index)
  const missing = quorum.filter((index) => !partials.some((partial) => partial.index === index))
  if (partials.length !== quorum.length || missing.length > 0) throw new Refusal('signing.bad_partial', missing)
  return commitments
}

/** One signature per live item, by its place in the request. */
function join(
  parts: Parts,
  key: OpenKey,
  live: readonly LiveItem[],
  opened: readonly (readonly [number, readonly Uint8Array[]])[],
): Map<number, Uint8Array> {
  return new Map(
    live.map(({ at, task, commitments }, nth) => {
      const ofItem = new Map(opened.map(([index, ofItems]) => [index, ofItems[nth] ?? new Uint8Array(0)]))
      return [
        at,
        orRefuse('signing.bad_partial', () => useFor(parts, key, task).join(task, commitments, ofItem)),
      ] as const
    }),
  )
}

/**
 * Joins the partials of the quorum into one signature per live item, each verified, beside the failures of the others. Throws
 * `signing.bad_partial` with the culprits.
 */
export function aggregate(
  parts: Parts,
  signing: Signing,
  seat: Seat,
  index: number,
  partials: readonly Partial[],
): HostResult<'signing.aggregate'> {
  const commitments = signedPackage(seat, partials)
  const { request } = signing
  const { signingId } = request
  const live = liveItems(signing, commitments)
  const of = { signingId, attempt: seat.attempt, items: live.length }
  return lendFor(parts, request, index, (key) => {
    const opened = partials.map((partial) => [partial.index, openPartials(key, of, partial)] as const)
    const signatures = join(parts, key, live, opened)
    const outcomes = failuresOf(commitments).map(
      (failure, at): Outcome => failure ?? toHex(signatures.get(at) ?? new Uint8Array(0)),
    )
    const results = sealOutcomes(key, signingId, outcomes)
    signing.aggregated = digestOf('result', results)
    return { results, resultDigest: resultDigest(outcomes) }
  })
}
