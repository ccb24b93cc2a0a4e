import { Refusal } from '@quorate/shared/errors'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Commitment, Partial } from '@quorate/shared/wire/signing'
import type { Ground } from '@quorate/shared/consent/permits'
import { signersOfRequest } from '@quorate/shared/verify/signers'
import { charge } from '../charge.ts'
import { requireConsent, type Plea } from '../consent.ts'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import type { HeldKey, OpenKey } from '../vault.ts'
import { checkCommitments, liveItems, type LiveItem } from './package.ts'
import { destroyNonces, keyOf, lendFor, type Seat, type Signing } from './seat.ts'
import { sealPartials } from './sealing.ts'

type Package = Pick<HostParams<'signing.partial'>, 'consents' | 'commitments'>

/** By index, on what ground each share of a quorum takes part. */
export type Grounds = ReadonlyMap<number, Ground>

/** Everything that is checked before a nonce is touched: the package itself, and the consent of everybody in its quorum. */
export async function checkPackage(
  { lives }: Parts,
  signing: Signing,
  seat: Seat,
  key: HeldKey,
  { consents, commitments }: Package,
  now: number,
): Promise<Grounds> {
  const { asked, request, requestDigest, tasks } = signing
  const signers = signersOfRequest(key.certificate.roster.skeleton, request)
  const frame = { signingId: request.signingId, requestDigest, attempt: seat.attempt, items: tasks.length, signers }
  await checkCommitments(key, frame, seat.commitment, commitments, lives)
  const plea: Plea = { ...asked, key, consents }
  const grounds = new Map<number, Ground>()
  for (const { body } of commitments) grounds.set(body.index, await requireConsent(plea, body.index, now))
  return grounds
}

export function repeatAnswer(spent: NonNullable<Seat['spent']>, digest: string): Partial['body'] {
  if (spent.packageDigest !== digest || spent.partial === null) throw new Refusal('nonce.spent')
  return spent.partial
}

type CheckedPackage = Readonly<{ digest: Digest; commitments: readonly Commitment[]; grounds: Grounds }>

/**
 * Charges every standing grant that the quorum stands on for the items that it has not paid for yet. An attempt may sign other items
 * than the one before, and none is signed unpaid. Throws `grant.exhausted`, `grant.unproven`.
 */
function chargeGrants(parts: Parts, signing: Signing, key: HeldKey, grounds: Grounds, live: readonly LiveItem[]): void {
  for (const [index, ground] of grounds) {
    if (typeof ground !== 'object') continue
    const paid = signing.charged.get(index) ?? new Set()
    const unpaid = live.filter(({ at }) => !paid.has(at))
    if (unpaid.length === 0) continue
    charge(parts, key, index, ground, unpaid.length)
    signing.charged.set(index, new Set([...paid, ...unpaid.map(({ at }) => at)]))
  }
}

/**
 * Round two. In this order, without a pause: the seat is spent, then its nonces are used, each taken out before, then the answer is
 * kept for the byte-identical package. Any other package finds them spent, also when this call fails half-way. Nonces of items that
 * are not live are wiped unused.
 */
export function spendNonces(
  parts: Parts,
  signing: Signing,
  seat: Seat,
  { digest, commitments, grounds }: CheckedPackage,
): Partial['body'] {
  if (seat.spent !== null) return repeatAnswer(seat.spent, digest)
  const { index } = seat.commitment.body
  const { signingId } = signing.request
  const key = keyOf(parts, signing.request, index)
  const live = liveItems(signing.tasks, commitments)
  chargeGrants(parts, signing, key, grounds, live)
  seat.spent = { packageDigest: digest, partial: null, commitments }
  try {
    for (const { at } of live) {
      const word = seat.commitment.body.commitments[at]
      if (word === undefined || 'code' in word || word.commitment === '') continue
      const { commitment } = word
      parts.log({ event: 'nonce.spent', signingId, index, attempt: seat.attempt, commitment, packageDigest: digest })
    }
    const sealed = lendFor(parts, signing.request, index, (key) =>
      sealPartials(key, signingId, seat.attempt, signItems(key, live, seat.nonces)),
    )
    seat.spent.partial = { signingId, attempt: seat.attempt, index, packageDigest: digest, sealed }
    return seat.spent.partial
  } finally {
    destroyNonces(seat)
  }
}

function signItems({ index, share }: OpenKey, live: readonly LiveItem[], nonces: Seat['nonces']): Uint8Array[] {
  return live.map(({ at, task, commitments }) => {
    const nonce = nonces[at]
    if (nonce == null) throw new Refusal('nonce.spent')
    const step = orRefuse('signing.bad_commitment', () => nonce.go(commitments, { ...task, index, share }))
    if (!('done' in step)) throw new Refusal('enclave.failed')
    return step.done
  })
}
