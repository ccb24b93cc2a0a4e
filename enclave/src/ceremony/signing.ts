import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/seal/sign'
import { verifyRequest } from '@quorate/shared/verify/signing'
import type { EnclaveParams, EnclaveResult } from '@quorate/shared/wire/enclave-rpc'
import type { SigningId } from '@quorate/shared/wire/ids'
import { requireConsent } from '../policy/consent.ts'
import { openTasks } from './content.ts'
import { takeSeat } from './round-one.ts'
import { checkPackage, repeatAnswer, spendNonces } from './round-two.ts'
import type { Signing, SigningPorts } from './seat.ts'
import { createSessions } from './sessions.ts'
import { aggregate, confirm } from './signature.ts'

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

function wipe(signing: Signing): void {
  for (const seat of signing.seats.values()) seat.nonces.destroy()
}
