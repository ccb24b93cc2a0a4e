import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { digestOf } from '@quorate/shared/seal/sign'
import { verifyRoster } from '@quorate/shared/verify/roster'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { EnclaveParams, EnclaveResult } from '@quorate/shared/wire/enclave-rpc'
import type { Roster } from '@quorate/shared/wire/keygen'
import type { EnclaveLog } from '../events.ts'
import type { Peers } from '../vault/peers.ts'
import type { Vault } from '../vault/vault.ts'
import { beginSeat, dealSeat, finishSeat, wipeSeat, type Attempt, type Seat } from './dkg.ts'
import { openInit, register, wipeEnrolment, type Enrolment } from './enrolment.ts'
import { createSessions, createTurn, type Turn } from './sessions.ts'

type Keygen = { enrolment: Enrolment; attempt: Attempt | null; seats: Map<number, Seat>; turn: Turn }

type Ports = Readonly<{ mpc: Mpc; vault: Vault; peers: Peers; clock: () => number; log: EnclaveLog }>

type Keygens = Readonly<{
  [M in 'init' | 'register' | 'round1' | 'round2' | 'round3']: (
    params: EnclaveParams<`keygen.${M}`>,
  ) => Promise<EnclaveResult<`keygen.${M}`>>
}>

/** A week, which is the longest that people may take to register, and an hour for the clocks and the rounds. */
const LONGEST_KEYGEN = 7 * 86_400_000 + 3_600_000
const BYTES_PER_PARTICIPANT = 2_048

/** The keygens of this enclave. They live in memory until they expire; after a restart the gateway brings them again. */
export function createKeygens(ports: Ports): Keygens {
  const { vault, clock, log } = ports
  const keygens = createSessions<Keygen>({
    clock,
    limits: { sessions: 10_000, bytes: 128 << 20, ms: LONGEST_KEYGEN },
    unknown: 'keygen.unknown',
    end: wipe,
  })

  return {
    async init({ skeleton, sealed }) {
      const enrolment = await openInit(vault, skeleton, fromBase64url(sealed), clock())
      const known = keygens.find(skeleton.keyId)
      if (known === undefined) {
        const keygen = { enrolment, attempt: null, seats: new Map<number, Seat>(), turn: createTurn() }
        const bytes = skeleton.participants.length * BYTES_PER_PARTICIPANT
        keygens.add(skeleton.keyId, keygen, { expiresAt: skeleton.expiresAt, bytes })
      } else {
        wipeEnrolment(enrolment)
        if (known.enrolment.skeletonDigest !== enrolment.skeletonDigest) throw new Refusal('keygen.skeleton_mismatch')
      }
      return {}
    },

    async register({ keyId, sealed }) {
      return { receipt: await register(vault, keygens.get(keyId).enrolment, fromBase64url(sealed)) }
    },

    round1({ keyId, index, attempt: number, roster }) {
      const keygen = keygens.get(keyId)
      return keygen.turn(async () => {
        const attempt = await enterAttempt(ports, keygen, roster, number)
        const host = roster.skeleton.participants[index - 1]?.host.identity
        if (host?.signKey !== vault.identity.signKey) throw new Refusal('keygen.roster_mismatch')
        const seat = keygen.seats.get(index) ?? (await beginSeat(ports, attempt, index))
        keygen.seats.set(index, seat)
        if (seat.stage === 3) throw new Refusal('keygen.out_of_order')
        log({ event: 'keygen.round', keyId, index, attempt: number, round: 1 })
        return { message: seat.message }
      })
    },

    round2({ keyId, index, attempt, messages }) {
      const keygen = keygens.get(keyId)
      return keygen.turn(async () => {
        const seat = await moveSeat(keygen, index, attempt, (of, seat) => dealSeat(ports, of, seat, messages))
        log({ event: 'keygen.round', keyId, index, attempt, round: 2 })
        return { packages: seat.stage === 2 ? seat.answer : [] }
      })
    },

    round3({ keyId, index, attempt, packages }) {
      const keygen = keygens.get(keyId)
      return keygen.turn(async () => {
        const seat = await moveSeat(keygen, index, attempt, (of, seat) => finishSeat(ports, of, seat, packages))
        if (seat.stage !== 3) throw new Refusal('keygen.out_of_order')
        if (isOver(keygen)) keygens.finish(keyId)
        log({ event: 'keygen.round', keyId, index, attempt, round: 3 })
        log({
          event: 'key.certified',
          keyId,
          index,
          certificateDigest: digestOf('certificate', seat.answer.certificate),
        })
        return seat.answer
      })
    },
  }
}

/** Moves the seat of this attempt on. An older attempt is over, and a newer one begins with round one. */
async function moveSeat(
  keygen: Keygen,
  index: number,
  number: number,
  move: (of: Attempt, seat: Seat) => Promise<Seat>,
) {
  const seat = keygen.seats.get(index)
  if (keygen.attempt?.attempt !== number || seat === undefined) throw new Refusal('keygen.out_of_order')
  const moved = await move(keygen.attempt, seat)
  keygen.seats.set(index, moved)
  return moved
}

/**
 * The attempt with this number, begun if it is newer than the last. Before it begins: the roster is the one of this
 * keygen, it holds the registrations that this enclave took, word for word, and every host has been attested.
 */
async function enterAttempt({ peers }: Ports, keygen: Keygen, roster: Roster, number: number): Promise<Attempt> {
  const { skeletonDigest, sessionSecret, registered } = keygen.enrolment
  if (digestOf('skeleton', roster.skeleton) !== skeletonDigest) throw new Refusal('keygen.roster_mismatch')
  const rosterDigest = await verifyRoster(roster)
  for (const [index, { receipt }] of registered)
    if (roster.registrations[index - 1]?.signature !== receipt.signature)
      throw new Refusal('keygen.roster_mismatch', [index])
  if (registered.size !== keygen.enrolment.invitationKeys.size) throw new Refusal('keygen.roster_mismatch')
  for (const { host } of roster.skeleton.participants) peers.require(host.identity)

  const last = keygen.attempt
  if (last?.attempt === number && last.rosterDigest === rosterDigest) return last
  if (last !== null && last.attempt >= number) throw new Refusal('keygen.out_of_order')
  for (const seat of keygen.seats.values()) wipeSeat(seat)
  keygen.seats.clear()
  keygen.attempt = { roster, rosterDigest, attempt: number, sessionSecret }
  return keygen.attempt
}

/** All participants of this enclave have their certificate. */
const isOver = ({ enrolment, seats }: Keygen): boolean =>
  seats.size === enrolment.invitationKeys.size && [...seats.values()].every(({ stage }) => stage === 3)

function wipe({ enrolment, seats }: Keygen): void {
  wipeEnrolment(enrolment)
  for (const seat of seats.values()) wipeSeat(seat)
}
