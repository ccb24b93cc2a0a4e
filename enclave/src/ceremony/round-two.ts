import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import type { Commitment, Partial } from '@quorate/shared/wire/signing'
import { requireConsent, type Ground, type Plea } from '../policy/consent.ts'
import type { OpenKey } from '../vault/shares.ts'
import type { Task } from './content.ts'
import { checkCommitments, commitmentsFor } from './package.ts'
import { orRefuse } from './refuse-mpc.ts'
import { keyOf, type Seat, type Signing, type SigningPorts } from './seat.ts'
import { sealPartials } from './signature.ts'

type Package = Pick<HostParams<'signing.partial'>, 'approvals' | 'commitments'>

/**
 * Everything that is checked before a nonce is touched: the package itself, and the consent of everybody in its quorum.
 * Gives the ground on which the own share takes part.
 */
export async function checkPackage(
  signing: Signing,
  seat: Seat,
  key: OpenKey,
  { approvals, commitments }: Package,
  now: number,
) {
  const { request, requestDigest, tasks } = signing
  const frame = { signingId: request.signingId, requestDigest, attempt: seat.attempt, items: tasks.length }
  await checkCommitments(key, frame, seat.commitment, commitments)
  const plea: Plea = { key, request, requestDigest, approvals }
  for (const { body } of commitments) if (body.index !== key.index) await requireConsent(plea, body.index, now)
  return requireConsent(plea, key.index, now)
}

export function repeatAnswer(spent: NonNullable<Seat['spent']>, digest: string): Partial {
  if (spent.packageDigest !== digest || spent.partial === null) throw new Refusal('nonce.spent')
  return spent.partial
}

type CheckedPackage = Readonly<{ digest: string; commitments: readonly Commitment[]; ground: Ground }>

/**
 * Round two. In this order, without a pause: the nonces are taken out of the seat, then used, then the answer is kept for
 * the byte-identical package. Any other package finds them spent, also when this call fails half-way.
 */
export function spendNonces(
  ports: SigningPorts,
  signing: Signing,
  seat: Seat,
  { digest, commitments, ground }: CheckedPackage,
): Partial {
  if (seat.spent !== null) return repeatAnswer(seat.spent, digest)
  const { index } = seat.commitment.body
  const { signingId, keyId } = signing.request
  const key = keyOf(ports, signing.request, index)
  if (typeof ground === 'object' && !signing.charged.has(index)) {
    const share = { keyId, index, knownSince: key.sealedAt }
    ports.grants.spend(share, ground.grant, signing.tasks.length, ports.clock())
    signing.charged.add(index)
  }
  const nonces = seat.nonces.take()
  seat.spent = { packageDigest: digest, partial: null, commitments }
  try {
    for (const commitment of seat.commitment.body.commitments)
      ports.log({ event: 'nonce.spent', signingId, index, attempt: seat.attempt, commitment, packageDigest: digest })
    const partials = signPackage(ports.mpc, key, signing.tasks, nonces, commitments)
    seat.spent.partial = sealPartials(key, signingId, seat.attempt, partials)
    return seat.spent.partial
  } finally {
    for (const nonce of nonces) nonce.fill(0)
  }
}

function signPackage(
  mpc: Mpc,
  key: OpenKey,
  tasks: readonly Task[],
  nonces: readonly Uint8Array[],
  commitments: readonly Commitment[],
): Uint8Array[] {
  const frost = mpc.frost(key.certificate.roster.skeleton.scheme)
  return tasks.map(({ message, tweak }, at) => {
    const nonce = nonces[at] ?? new Uint8Array(0)
    const list = commitmentsFor(commitments, at)
    const params = { share: key.share, nonces: nonce, commitments: list, message, tweak }
    return orRefuse('signing.bad_commitment', () => frost.sign(params))
  })
}
