import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { digestOf } from '@quorate/shared/seal/sign'
import { verifyRequest } from '@quorate/shared/verify/signing'
import { toBase64url } from '@quorate/shared/wire/bytes'
import type { EnclaveParams, EnclaveResult } from '@quorate/shared/wire/enclave-rpc'
import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { Commitment, Partial, RequestBody } from '@quorate/shared/wire/signing'
import type { EnclaveLog } from '../events.ts'
import { requireConsent, type Ground, type Plea } from '../policy/consent.ts'
import type { GrantUses } from '../policy/grant-uses.ts'
import type { OpenKey, Shares } from '../vault/shares.ts'
import type { Vault } from '../vault/vault.ts'
import { openTasks, type Task } from './content.ts'
import { keepNonces, type Nonces } from './nonces.ts'
import { checkCommitments, commitmentsFor } from './package.ts'
import { orRefuse } from './refuse-mpc.ts'
import { createSessions } from './sessions.ts'
import { aggregate, confirm, sealPartials } from './signature.ts'

/** A participant's place in the present attempt: its commitment, its nonces, and what it answered once they were spent. */
export type Seat = {
  attempt: number
  commitment: Commitment
  nonces: Nonces
  spent: { packageDigest: string; partial: Partial | null; commitments: readonly Commitment[] } | null
}

export type Signing = {
  request: RequestBody
  requestDigest: Digest
  tasks: readonly Task[]
  seats: Map<number, Seat>
  /** Digest of the sealed signatures that this enclave has aggregated and thereby verified. */
  aggregated: string | null
}

export type SigningPorts = Readonly<{
  mpc: Mpc
  vault: Vault
  shares: Shares
  grants: GrantUses
  measurements: Readonly<Record<string, string>>
  clock: () => number
  log: EnclaveLog
}>

type Signings = Readonly<{
  [M in 'commit' | 'partial' | 'aggregate' | 'confirm']: (
    params: EnclaveParams<`sign.${M}`>,
  ) => Promise<EnclaveResult<`sign.${M}`>>
}>

/** The signings of this enclave. They live in memory until the request expires; after a restart a new attempt begins. */
export function createSignings(ports: SigningPorts): Signings {
  const { shares, clock } = ports
  const signings = createSessions<Signing>({ clock, limit: 20_000, unknown: 'signing.unknown', end: wipe })

  /** The seat of this attempt, with its signing and its key. Throws `signing.unknown`, `key.unknown`, `nonce.spent`. */
  function seatOf(a: { signingId: SigningId; index: number; attempt: number }) {
    const signing = signings.get(a.signingId)
    const seat = signing.seats.get(a.index)
    if (seat === undefined || seat.attempt < a.attempt) throw new Refusal('signing.unknown')
    if (seat.attempt > a.attempt) throw new Refusal('nonce.spent')
    return { signing, seat, key: shares.get(signing.request.keyId, a.index) }
  }

  return {
    async commit({ attempt, index, request, sealedItems, approvals }) {
      const key = shares.get(request.body.keyId, index)
      const requestDigest = await verifyRequest(key, request, clock())
      await requireConsent({ key, request: request.body, requestDigest, approvals }, index, clock())
      const { signingId, expiresAt } = request.body
      let signing = signings.find(signingId)
      if (signing === undefined) {
        const tasks = openTasks(ports.mpc, key, request.body, sealedItems)
        signing = { request: request.body, requestDigest, tasks, seats: new Map(), aggregated: null }
        signings.add(signingId, signing, expiresAt)
      } else if (signing.requestDigest !== requestDigest) throw new Refusal('signing.request_invalid')
      return { commitment: await takeSeat(ports, signing, key, attempt) }
    },

    async partial({ signingId, attempt, index, approvals, commitments }) {
      const { signing, seat, key } = seatOf({ signingId, attempt, index })
      const digest = digestOf('package', { signingId, attempt, index, approvals, commitments })
      if (seat.spent !== null) return { partial: repeatAnswer(seat.spent, digest) }
      const ground = await checkPackage(signing, seat, key, { approvals, commitments }, clock())
      return { partial: spendNonces(ports, signing, seat, { digest, commitments, ground }) }
    },

    aggregate({ partials, ...place }) {
      const { signing, seat, key } = seatOf(place)
      return Promise.resolve(aggregate(ports, signing, seat, key, partials))
    },

    confirm({ sealedSignatures, ...place }) {
      const { signing, seat, key } = seatOf(place)
      return confirm(ports, signing, seat, key, sealedSignatures)
    },
  }
}

/** Round one. The same attempt gets the same commitment; a newer one gets fresh nonces, and the old ones are destroyed. */
async function takeSeat(ports: SigningPorts, signing: Signing, key: OpenKey, attempt: number): Promise<Commitment> {
  const { index } = key
  const { signingId } = signing.request
  const seat = signing.seats.get(index)
  if (seat?.attempt === attempt) return seat.commitment
  if (seat !== undefined && seat.attempt > attempt) throw new Refusal('nonce.spent')

  const frost = ports.mpc.frost(key.certificate.roster.skeleton.scheme)
  const pairs = signing.tasks.map(() => orRefuse('enclave.failed', () => frost.commit({ share: key.share })))
  const commitments = pairs.map((pair) => toBase64url(pair.commitments))
  const body = {
    signingId,
    requestDigest: signing.requestDigest,
    attempt,
    index,
    commitments,
  }
  const nonces = keepNonces(pairs.map((pair) => pair.nonces))
  const commitment = await ports.vault.sign('commitment', body)

  const now = signing.seats.get(index)
  if (now !== seat) {
    nonces.destroy()
    if (now?.attempt === attempt) return now.commitment
    throw new Refusal('nonce.spent')
  }
  seat?.nonces.destroy()
  signing.seats.set(index, { attempt, commitment, nonces, spent: null })
  for (const each of commitments) ports.log({ event: 'nonce.committed', signingId, index, attempt, commitment: each })
  return commitment
}

type Package = Pick<EnclaveParams<'sign.partial'>, 'approvals' | 'commitments'>

/**
 * Everything that is checked before a nonce is touched: the package itself, and the consent of everybody in its quorum.
 * Gives the ground on which the own share takes part.
 */
async function checkPackage(
  signing: Signing,
  seat: Seat,
  key: OpenKey,
  { approvals, commitments }: Package,
  now: number,
) {
  const { request, requestDigest, tasks } = signing
  if (request.certificateDigest !== key.digest) throw new Refusal('epoch.stale')
  const frame = { signingId: request.signingId, requestDigest, attempt: seat.attempt, items: tasks.length }
  await checkCommitments(key, frame, seat.commitment, commitments)
  const plea: Plea = { key, request, requestDigest, approvals }
  for (const { body } of commitments) if (body.index !== key.index) await requireConsent(plea, body.index, now)
  return requireConsent(plea, key.index, now)
}

function repeatAnswer(spent: NonNullable<Seat['spent']>, digest: string): Partial {
  if (spent.packageDigest !== digest || spent.partial === null) throw new Refusal('nonce.spent')
  return spent.partial
}

type CheckedPackage = Readonly<{ digest: string; commitments: readonly Commitment[]; ground: Ground }>

/**
 * Round two. In this order, without a pause: the nonces are taken out of the seat, then used, then the answer is kept for
 * the byte-identical package. Any other package finds them spent, also when this call fails half-way.
 */
function spendNonces(
  ports: SigningPorts,
  signing: Signing,
  seat: Seat,
  { digest, commitments, ground }: CheckedPackage,
): Partial {
  if (seat.spent !== null) return repeatAnswer(seat.spent, digest)
  const { index } = seat.commitment.body
  const { signingId, keyId } = signing.request
  const key = ports.shares.get(keyId, index)
  const share = { keyId, index, knownSince: key.sealedAt }
  if (typeof ground === 'object') ports.grants.spend(share, ground.grant, signingId, ports.clock())
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

function wipe(signing: Signing): void {
  for (const seat of signing.seats.values()) seat.nonces.destroy()
}
