import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import type { Commitment, Partial } from '@quorate/shared/wire/signing'
import type { Ground } from '@quorate/shared/consent/permits'
import { requireConsent, type Plea } from '../policy/consent.ts'
import type { OpenKey } from '../vault/shares.ts'
import { checkCommitments, liveItems, type LiveItem } from './package.ts'
import { orRefuse } from './refuse-mpc.ts'
import { keyOf, type Seat, type Signing, type SigningPorts } from './seat.ts'
import { sealPartials } from './signature.ts'

type Package = Pick<HostParams<'signing.partial'>, 'consents' | 'commitments'>

/**
 * Everything that is checked before a nonce is touched: the package itself, and the consent of everybody in its quorum.
 * Gives the ground on which the own share takes part.
 */
export async function checkPackage(
  signing: Signing,
  seat: Seat,
  key: OpenKey,
  { consents, commitments }: Package,
  now: number,
) {
  const { request, requestDigest, tasks } = signing
  const frame = { signingId: request.signingId, requestDigest, attempt: seat.attempt, items: tasks.length }
  await checkCommitments(key, frame, seat.commitment, commitments)
  const plea: Plea = { key, request, requestDigest, consents }
  for (const { body } of commitments) if (body.index !== key.index) await requireConsent(plea, body.index, now)
  return requireConsent(plea, key.index, now)
}

export function repeatAnswer(spent: NonNullable<Seat['spent']>, digest: string): Partial {
  if (spent.packageDigest !== digest || spent.partial === null) throw new Refusal('nonce.spent')
  return spent.partial
}

type CheckedPackage = Readonly<{ digest: string; commitments: readonly Commitment[]; ground: Ground }>

/**
 * Charges a standing grant for the items that it has not paid for yet. An attempt may sign other items than the one before, and
 * none is signed unpaid. Throws `grant.exhausted`.
 */
function chargeGrant(
  ports: SigningPorts,
  signing: Signing,
  key: OpenKey,
  ground: Ground,
  live: readonly LiveItem[],
): void {
  if (typeof ground !== 'object') return
  const { index, sealedAt: knownSince } = key
  const paid = signing.charged.get(index) ?? new Set()
  const unpaid = live.filter(({ at }) => !paid.has(at))
  if (unpaid.length === 0) return
  const share = { keyId: signing.request.keyId, index, knownSince }
  ports.grants.spend(share, ground.grant.body.scope, unpaid.length, ports.clock())
  signing.charged.set(index, new Set([...paid, ...unpaid.map(({ at }) => at)]))
}

/**
 * Round two. In this order, without a pause: the nonces are taken out of the seat, then used, then the answer is kept for
 * the byte-identical package. Any other package finds them spent, also when this call fails half-way. Nonces of items that are
 * not live are wiped unused.
 */
export function spendNonces(
  ports: SigningPorts,
  signing: Signing,
  seat: Seat,
  { digest, commitments, ground }: CheckedPackage,
): Partial {
  if (seat.spent !== null) return repeatAnswer(seat.spent, digest)
  const { index } = seat.commitment.body
  const { signingId } = signing.request
  const key = keyOf(ports, signing.request, index)
  const live = liveItems(signing, commitments)
  chargeGrant(ports, signing, key, ground, live)
  const nonces = seat.nonces.take()
  seat.spent = { packageDigest: digest, partial: null, commitments }
  try {
    for (const { at } of live) {
      const word = seat.commitment.body.commitments[at]
      if (word === undefined || 'code' in word) continue
      const { commitment } = word
      ports.log({ event: 'nonce.spent', signingId, index, attempt: seat.attempt, commitment, packageDigest: digest })
    }
    const partials = signItems(ports.mpc, key, live, nonces)
    seat.spent.partial = sealPartials(key, signingId, seat.attempt, partials)
    return seat.spent.partial
  } finally {
    for (const nonce of nonces) nonce.fill(0)
  }
}

function signItems(mpc: Mpc, key: OpenKey, live: readonly LiveItem[], nonces: readonly Uint8Array[]): Uint8Array[] {
  const frost = mpc.frost(key.certificate.roster.skeleton.scheme)
  return live.map(({ at, message, tweak, commitments }) => {
    const nonce = nonces[at] ?? new Uint8Array(0)
    const params = { share: key.share, nonces: nonce, commitments, message, tweak }
    return orRefuse('signing.bad_commitment', () => frost.sign(params))
  })
}
