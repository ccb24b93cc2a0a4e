import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { digestOf } from '@quorate/shared/crypto/sign'
import { verifyRoster } from '@quorate/shared/verify/roster'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Roster, Skeleton } from '@quorate/shared/wire/keygen'
import type { EnclaveLog } from '../events.ts'
import type { Memories } from '../vault/memories.ts'
import type { Peers } from '../vault/peers.ts'
import type { Vault } from '../vault/vault.ts'
import type { Making } from './dkg.ts'
import { openInit, register, wipeEnrolment, type Enrolment } from './enrolment.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { Table } from './table.ts'

type Keygen = Readonly<{ enrolment: Enrolment; table: Table }>

type Ports = Readonly<{
  mpc: Mpc
  vault: Vault
  peers: Peers
  memories: Memories
  clock: () => number
  log: EnclaveLog
}>

type Keygens = Readonly<{
  [M in 'init' | 'register' | 'round1' | 'round2' | 'round3']: (
    params: HostParams<`keygen.${M}`>,
  ) => Promise<HostResult<`keygen.${M}`>>
}>

/** A week, which is the longest that people may take to register, and an hour for the clocks and the rounds. */
const LONGEST_KEYGEN = 7 * 86_400_000 + 3_600_000
const BYTES_PER_PARTICIPANT = 2_048

const keepKeygens = (clock: () => number): Sessions<Keygen> =>
  createSessions({
    clock,
    limits: { sessions: 10_000, bytes: 128 << 20, ms: LONGEST_KEYGEN },
    unknown: 'keygen.unknown',
    end: wipe,
  })

/** Keeps a new keygen. What comes again for a known one is wiped, and must be of the same skeleton. */
function admit(ports: Ports, keygens: Sessions<Keygen>, skeleton: Skeleton, enrolment: Enrolment): void {
  const { keyId, participants, expiresAt } = skeleton
  const known = keygens.find(keyId)
  if (known === undefined) {
    const bytes = participants.length * BYTES_PER_PARTICIPANT
    keygens.add(keyId, { enrolment, table: new Table(ports) }, { expiresAt, bytes })
    return
  }
  wipeEnrolment(enrolment)
  if (known.enrolment.skeletonDigest !== enrolment.skeletonDigest) throw new Refusal('keygen.skeleton_mismatch')
}

/** The keygens of this enclave. They live in memory until they expire; after a restart the gateway brings them again. */
export function createKeygens(ports: Ports): Keygens {
  const { vault, memories, clock, log } = ports
  const keygens = keepKeygens(clock)
  return {
    async init({ skeleton, sealed }) {
      admit(ports, keygens, skeleton, await openInit(vault, skeleton, fromBase64url(sealed), clock()))
      return {}
    },

    async register({ keyId, sealed }) {
      return { receipt: await register(vault, keygens.get(keyId).enrolment, fromBase64url(sealed)) }
    },

    async round1({ keyId, index, attempt, roster }) {
      const { enrolment, table } = keygens.get(keyId)
      const message = await table.round1({ index, attempt }, () => makingOf(ports, enrolment, roster))
      log({ event: 'keygen.round', keyId, index, attempt, round: 1 })
      return { message }
    },

    async round2({ keyId, index, attempt, messages }) {
      const packages = await keygens.get(keyId).table.round2({ index, attempt }, messages)
      log({ event: 'keygen.round', keyId, index, attempt, round: 2 })
      return { packages: [...packages] }
    },

    async round3({ keyId, index, attempt, packages }) {
      const { enrolment, table } = keygens.get(keyId)
      const answer = await table.round3({ index, attempt }, packages)
      if (table.finished() === enrolment.invitationKeys.size) keygens.finish(keyId)
      log({ event: 'keygen.round', keyId, index, attempt, round: 3 })
      const digest = digestOf('certificate', answer.certificate)
      memories.certified(keyId, digest)
      log({ event: 'key.certified', keyId, index, certificateDigest: digest })
      return answer
    },
  }
}

/**
 * What is made with this roster. Checked before it begins: the roster is the one of this keygen, it holds the registrations
 * that this enclave took, word for word, and every host has been attested.
 */
async function makingOf({ mpc, peers, clock }: Ports, enrolment: Enrolment, roster: Roster): Promise<Making> {
  const { skeletonDigest, sessionSecret, registered } = enrolment
  if (digestOf('skeleton', roster.skeleton) !== skeletonDigest) throw new Refusal('keygen.roster_mismatch')
  const ceremony = await verifyRoster(roster)
  for (const [index, { receipt }] of registered)
    if (roster.registrations[index - 1]?.signature !== receipt.signature)
      throw new Refusal('keygen.roster_mismatch', [index])
  if (registered.size !== enrolment.invitationKeys.size) throw new Refusal('keygen.roster_mismatch')
  for (const { host } of roster.skeleton.participants) peers.require(host.identity)
  const frost = mpc.frost(roster.skeleton.scheme)
  return {
    roster,
    ceremony,
    epoch: 0,
    previous: null,
    part1: (a) => frost.dkgPart1(a),
    part2: (a) => frost.dkgPart2(a),
    part3: (_, a) => frost.dkgPart3(a),
    belongings: () => ({ sessionSecret, knownSince: clock() }),
  }
}

function wipe({ enrolment, table }: Keygen): void {
  wipeEnrolment(enrolment)
  table.wipe()
}
