import { Refusal } from '@quorate/shared/errors'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import { digestOf } from '@quorate/shared/crypto/sign'
import { failuresOf } from '@quorate/shared/verify/items'
import { packageDigest } from '@quorate/shared/verify/quorum'
import { signersOfItems } from '@quorate/shared/verify/signers'
import { policyDigest, resultDigest } from '@quorate/shared/verify/signing'
import type { Digest } from '@quorate/shared/wire/ids'
import { isStocked } from '@quorate/shared/verify/commitments'
import type { Commitment, Outcome, SigningReceipt } from '@quorate/shared/wire/signing'
import { keepShared } from '../bunker/answer.ts'
import type { Parts } from '../parts.ts'
import { checkPartials, joinPartials, type SignedPackage } from './joining.ts'
import { openResults } from './sealing.ts'
import { keyOf, lendFor, type Signing } from './seat.ts'
import { identify, type Asked } from './identify.ts'
import { openTasks } from './tasks.ts'

type Question = HostParams<'signing.confirm'>

/** What is confirmed, once it is known that this host signed a partial for it. */
export type Confirmable = Readonly<{ asked: Asked; requestDigest: Digest; signed: SignedPackage }>

/**
 * `known`: what this host has verified in the same signing. Checks that this host has signed a partial for the package that the question brings, as all others of its quorum have. The host
 * need not remember: its own signature under V says so, also after a restart. Throws `signing.misdelivered`.
 */
export async function checkConfirmable(parts: Parts, question: Question, known: Asked | null): Promise<Confirmable> {
  const { signingId, attempt, index, request, sealedItems, commitments, partials } = question
  const isKnown = known !== null && known.requestDigest === digestOf('request', request.body)
  const asked = isKnown
    ? known
    : await identify(parts, parts.vault.key(request.body.keyId, index), request, sealedItems, null)
  const { requestDigest } = asked
  const key = keyOf(parts, request.body, index)
  const takesPart = commitments.some(({ body }) => body.index === index)
  if (request.body.signingId !== signingId || !takesPart) throw new Refusal('signing.misdelivered')
  const isOther = (one: Commitment) => !isStocked(one) && one.body.requestDigest !== requestDigest
  if (commitments.some(isOther)) throw new Refusal('signing.misdelivered')
  const signed = { attempt, digest: packageDigest({ ...question, requestDigest }), commitments }
  await checkPartials(key, request.body, signed, partials)
  return { asked, requestDigest, signed }
}

/** Throws `signature.invalid` unless the results are what these partials of this package make. `known`: of this request. */
function openConfirmed(
  parts: Parts,
  { signingId, index, request, partials, results }: Question,
  { asked, signed }: Confirmable,
  known: Signing | null,
): Outcome[] {
  return lendFor(parts, request.body, index, (key) => {
    const signers = signersOfItems(key.certificate.roster.skeleton, request.body)
    const outcomes = openResults(key, signingId, failuresOf(signed.commitments, signers), results)
    const these = { packageDigest: signed.digest, results: digestOf('result', results) }
    const joinedBefore = known?.joined ?? null
    if (joinedBefore?.packageDigest === these.packageDigest && joinedBefore.results === these.results) return outcomes
    const tasks = known?.tasks ?? openTasks(parts.mpc, key, asked)
    const joined = joinPartials(parts, key, { tasks, signers }, signed, partials)
    if (resultDigest(joined) !== resultDigest(outcomes)) throw new Refusal('signature.invalid')
    if (known !== null) known.joined = these
    return outcomes
  })
}

/**
 * What one host of the quorum signs as its receipt: it joins the partials itself, and finds the results to be those of the package that
 * it signed. Throws `signing.bad_partial` with the culprits, `signature.invalid` for any other results.
 */
export function confirm(
  parts: Parts,
  question: Question,
  confirmable: Confirmable,
  known: Signing | null,
): SigningReceipt['body'] {
  const { requestDigest, signed } = confirmable
  const { index, request } = question
  const outcomes = openConfirmed(parts, question, confirmable, known)
  const key = keyOf(parts, request.body, index)
  const { ask } = confirmable.asked
  if (ask !== null && outcomes[0] !== undefined) keepShared(parts, key, ask, outcomes[0])
  return {
    requestDigest,
    attempt: signed.attempt,
    packageDigest: signed.digest,
    resultDigest: resultDigest(outcomes),
    quorum: signed.commitments.map(({ body }) => body.index),
    index,
    policyDigest: policyDigest(key),
    epoch: key.certificate.epoch,
    life: parts.life,
    measurements: parts.measurements,
    signedAt: parts.clock(),
  }
}
