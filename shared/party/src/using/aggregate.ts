import { Refusal } from '@quorate/shared/errors'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { digestOf } from '@quorate/shared/crypto/sign'
import { packageDigest } from '@quorate/shared/verify/quorum'
import { signersOfItems } from '@quorate/shared/verify/signers'
import { policyDigest, resultDigest } from '@quorate/shared/verify/signing'
import { isStocked } from '@quorate/shared/verify/commitments'
import type { Commitment, Outcome, SigningReceipt } from '@quorate/shared/wire/signing'
import { answerSigned, keepShared } from '../bunker/answer.ts'
import type { Parts } from '../parts.ts'
import type { OpenKey } from '../vault.ts'
import { checkPartials, joinPartials, type SignedPackage } from './joining.ts'
import { sealOutcomes } from './sealing.ts'
import { keyOf, lendFor, type Signing } from './seat.ts'
import { identify, type Asked } from './identify.ts'
import { openTasks } from './tasks.ts'

type Question = HostParams<'signing.aggregate'>

/** A package and its partials, once it is known that this host signed one of them. `known`: what it remembers of the signing. */
export type Joinable = Readonly<{ asked: Asked; signed: SignedPackage; known: Signing | null }>

/**
 * Checks that this host has signed a partial for the package that the question brings, as all others of its quorum have. The host
 * need not remember: its own signature under V says so, also after a restart. `found`: what it knows under this id. Throws
 * `signing.misdelivered`.
 */
export async function checkJoinable(parts: Parts, question: Question, found: Signing | undefined): Promise<Joinable> {
  const { signingId, attempt, index, request, sealedItems, commitments, partials } = question
  const known = found?.requestDigest === digestOf('request', request.body) ? found : null
  const asked =
    known?.asked ?? (await identify(parts, parts.vault.key(request.body.keyId, index), request, sealedItems, null))
  const { requestDigest } = asked
  const key = keyOf(parts, request.body, index)
  const takesPart = commitments.some(({ body }) => body.index === index)
  if (request.body.signingId !== signingId || !takesPart) throw new Refusal('signing.misdelivered')
  const isOther = (one: Commitment) => !isStocked(one) && one.body.requestDigest !== requestDigest
  if (commitments.some(isOther)) throw new Refusal('signing.misdelivered')
  const signed = { attempt, digest: packageDigest({ ...question, requestDigest }), commitments }
  await checkPartials(key, request.body, signed, partials, known?.seats.get(index)?.spent?.partial ?? null)
  return { asked, signed, known }
}

/** How all items end. Several seats of a host join the partials of their package once. */
function outcomesOf(
  parts: Parts,
  key: OpenKey,
  { request: { body }, partials }: Question,
  { asked, signed, known }: Joinable,
): readonly Outcome[] {
  if (known?.joined?.packageDigest === signed.digest) return known.joined.outcomes
  const tasks = known?.tasks ?? openTasks(parts.mpc, key, asked)
  const signers = known?.signers ?? signersOfItems(key.certificate.roster.skeleton, body)
  const outcomes = joinPartials(parts, key, { tasks, signers }, signed, partials)
  if (known !== null) known.joined = { packageDigest: signed.digest, outcomes }
  return outcomes
}

/** What the first host of a package says of it beside its receipt. */
const tell = (
  parts: Parts,
  key: OpenKey,
  { signingId }: Question,
  { asked: { ask } }: Joinable,
  outcomes: readonly Outcome[],
): HostResult<'signing.aggregate'>['joined'] => ({
  results: sealOutcomes(key, signingId, outcomes),
  answer: ask === null ? null : answerSigned(parts, key, ask, outcomes[0] ?? { code: 'content.invalid' }),
})

/** What one host of the quorum says of a package that it signed, and how many signatures that is. */
export type Aggregated = Readonly<{ receipt: SigningReceipt['body']; signatures: number }> &
  Pick<HostResult<'signing.aggregate'>, 'joined'>

/**
 * Joins the partials of the quorum into one signature per live item, each verified, beside the failures of the others. Throws
 * `signing.bad_partial` with the culprits.
 */
export const aggregate = (parts: Parts, question: Question, joinable: Joinable): Aggregated =>
  lendFor(parts, question.request.body, question.index, (key) => {
    const { asked, signed } = joinable
    const { index } = question
    const outcomes = outcomesOf(parts, key, question, joinable)
    if (asked.ask !== null && outcomes[0] !== undefined) keepShared(parts, key, asked.ask, outcomes[0])
    const quorum = signed.commitments.map(({ body }) => body.index)
    const receipt = {
      requestDigest: asked.requestDigest,
      attempt: signed.attempt,
      packageDigest: signed.digest,
      resultDigest: resultDigest(outcomes),
      quorum,
      index,
      policyDigest: policyDigest(key),
      epoch: key.certificate.epoch,
      life: parts.life,
      measurements: parts.measurements,
      signedAt: parts.clock(),
    }
    const signatures = outcomes.filter((outcome) => typeof outcome === 'string').length
    return { receipt, signatures, joined: quorum[0] === index ? tell(parts, key, question, joinable, outcomes) : null }
  })
