import { Refusal } from '@quorate/shared/errors'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Commitment, Partial } from '@quorate/shared/wire/signing'
import type { Ground } from '@quorate/shared/consent/permits'
import { wordsOf } from '@quorate/shared/verify/commitments'
import { charge } from '../charge.ts'
import { requireConsent, type ItemConsent, type Plea } from '../consent.ts'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import type { HeldKey, OpenKey } from '../vault.ts'
import { checkCommitments, liveItems, signedBy, type LiveItem } from './package.ts'
import { destroyNonces, keyOf, lendFor, type Seat, type Signing } from './seat.ts'
import { sealPartials } from './sealing.ts'

type Package = Pick<HostParams<'signing.partial'>, 'consents' | 'commitments'>

/** By index, on what ground each share of a quorum takes part in each item. */
type Grounds = ReadonlyMap<number, readonly (Ground | null)[]>

/** The ground for each item; null for one that the host of the share did not commit to. */
function groundsOf(commitment: Commitment, consents: readonly ItemConsent[]): readonly (Ground | null)[] {
  return wordsOf(commitment).map((word, at) => {
    if ('code' in word) return null
    const consent = consents[at]
    if (consent === undefined || consent.ground === null)
      throw new Refusal(consent?.code ?? 'consent.missing', [commitment.body.index])
    return consent.ground
  })
}

/**
 * Everything that is checked before a nonce is touched: the package itself, and that everybody in its quorum consents to each item that
 * its host committed to.
 */
export async function checkPackage(
  parts: Parts,
  signing: Signing,
  seat: Seat,
  key: HeldKey,
  { consents, commitments }: Package,
  now: number,
): Promise<Grounds> {
  const { asked, request, requestDigest, signers } = signing
  const frame = { signingId: request.signingId, requestDigest, attempt: seat.attempt, signers }
  await checkCommitments(key, frame, seat.commitment, commitments, parts)
  const plea: Plea = { ...asked, key, consents, known: parts.known }
  const grounds = new Map<number, readonly (Ground | null)[]>()
  for (const commitment of commitments) {
    const { index } = commitment.body
    grounds.set(index, groundsOf(commitment, await requireConsent(plea, index, now)))
  }
  return grounds
}

export function repeatAnswer(spent: NonNullable<Seat['spent']>, digest: string): Partial['body'] {
  if (spent.packageDigest !== digest || spent.partial === null) throw new Refusal('nonce.spent')
  return spent.partial
}

type CheckedPackage = Readonly<{ digest: Digest; commitments: readonly Commitment[]; grounds: Grounds }>

/** The items (0…) that one participant stands on one grant for. */
type Due = Readonly<{ ground: Exclude<Ground, string>; items: number[] }>

/** What a participant's grants are still to be charged for, by grant. */
function dueOf(grounds: readonly (Ground | null)[], live: readonly LiveItem[], paid: ReadonlySet<number>): Due[] {
  const dues = new Map<string | null, Due>()
  for (const { at } of live) {
    const ground = grounds[at]
    if (paid.has(at) || ground === null || typeof ground !== 'object') continue
    const due = dues.get(ground.grant) ?? { ground, items: [] }
    due.items.push(at)
    dues.set(ground.grant, due)
  }
  return [...dues.values()]
}

/**
 * Charges every standing grant that the quorum stands on for the items that it has not paid for yet. An attempt may sign other items
 * than the one before, and none is signed unpaid. Throws `grant.exhausted`, `grant.unproven`.
 */
function chargeGrants(parts: Parts, signing: Signing, key: HeldKey, grounds: Grounds, live: readonly LiveItem[]): void {
  for (const [index, ofItems] of grounds) {
    for (const { ground, items } of dueOf(ofItems, live, signing.charged.get(index) ?? new Set())) {
      charge(parts, key, index, ground, items.length)
      signing.charged.set(index, new Set([...(signing.charged.get(index) ?? []), ...items]))
    }
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
  const live = liveItems(signing, commitments)
  chargeGrants(parts, signing, key, grounds, live)
  const own = signedBy(index, live)
  seat.spent = { packageDigest: digest, partial: null }
  try {
    for (const { at } of own) {
      const word = wordsOf(seat.commitment)[at]
      if (word === undefined || 'code' in word || word.commitment === '') continue
      const { commitment } = word
      parts.log({ event: 'nonce.spent', signingId, index, attempt: seat.attempt, commitment, packageDigest: digest })
    }
    const sealed = lendFor(parts, signing.request, index, (key) =>
      sealPartials(key, signingId, seat.attempt, signItems(key, own, seat.nonces)),
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
