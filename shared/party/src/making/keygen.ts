import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import { sameRegistration } from '@quorate/shared/verify/contributed'
import { verifyRoster } from '@quorate/shared/verify/roster'
import { makeOf } from '@quorate/shared/schemes/cryptography'
import { makesBy } from '@quorate/shared/schemes/table'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { Roster, Skeleton } from '@quorate/shared/wire/keygen'
import { versionOf } from '../epochs.ts'
import { nameOf } from '../memories.ts'
import type { Parts } from '../parts.ts'
import { createSessions, type Sessions } from '../sessions.ts'
import { addingSubgroups, type Certified, type Frame } from './certify.ts'
import { AcceptSeats } from './accept.ts'
import { contributedSource } from './contribution.ts'
import { dealtSource } from './dealt.ts'
import type { Making } from './dkg.ts'
import { openInit, register, wipeEnrolment, type Enrolment } from './enrolment.ts'
import { Seats } from './seats.ts'

/** A key that hosts draw together has seats in a DKG; of any other its hosts have their shares. */
type Keygen = Readonly<{ enrolment: Enrolment; seats: Seats | AcceptSeats }>

type Keygens = Readonly<{
  [M in 'init' | 'register' | 'round1' | 'round2' | 'round3' | 'accept']: (
    params: HostParams<`keygen.${M}`>,
  ) => Promise<HostResult<`keygen.${M}`>>
}>

/** A week, which is the longest that people may take to register, and an hour for the clocks and the rounds. */
const LONGEST_KEYGEN = 7 * 86_400_000 + 3_600_000
/** As long as nobody has registered here. A gateway brings a keygen again that is wanted after that. */
const LONGEST_ALONE = 3_600_000
const BYTES_PER_PARTICIPANT = 2_048
const BYTES_PER_SUBGROUP = 1_024

/** Who has not registered goes before who has; what is being made stays. */
function yields({ enrolment, seats }: Keygen): number | null {
  if (seats.begun()) return null
  return enrolment.registered.size === 0 ? 0 : 1
}

const keepKeygens = ({ clock, alarm }: Parts): Sessions<Keygen> =>
  createSessions({
    clock,
    alarm,
    limits: { sessions: 10_000, bytes: 128 << 20, ms: LONGEST_KEYGEN },
    unknown: 'keygen.unknown',
    yields,
    end: wipe,
  })

function seatsOf(parts: Parts, { skeleton, dealt, contributions }: Enrolment): Keygen['seats'] {
  if (dealt !== null) return new AcceptSeats(parts, dealtSource(dealt))
  if (makesBy(skeleton.scheme, 'contribute')) return new AcceptSeats(parts, contributedSource(parts, contributions))
  return new Seats(parts)
}

/** Keeps a new keygen. What comes again for a known one is wiped, and must be of the same skeleton. */
function admit(parts: Parts, keygens: Sessions<Keygen>, skeleton: Skeleton, enrolment: Enrolment): void {
  const { keyId, participants, subgroups = [], expiresAt } = skeleton
  const known = keygens.find(keyId)
  if (known === undefined) {
    const bytes = participants.length * BYTES_PER_PARTICIPANT + subgroups.length * BYTES_PER_SUBGROUP
    const until = Math.min(expiresAt, parts.clock() + LONGEST_ALONE)
    keygens.add(keyId, { enrolment, seats: seatsOf(parts, enrolment) }, { expiresAt: until, bytes })
    return
  }
  wipeEnrolment(enrolment)
  if (known.enrolment.skeletonDigest !== enrolment.skeletonDigest) throw new Refusal('keygen.skeleton_mismatch')
}

/** The keygens of this host. They live in memory until they expire; after a restart the gateway brings them again. */
export function createKeygens(parts: Parts): Keygens {
  const { memories, clock, log } = parts
  const keygens = keepKeygens(parts)
  return {
    async init({ skeleton, sealed }) {
      // A key that is there keeps its id.
      memories.requireOnly(skeleton.keyId, null)
      admit(parts, keygens, skeleton, await openInit(parts, skeleton, fromBase64url(sealed), clock()))
      return {}
    },

    async register({ keyId, sealed }) {
      const { enrolment } = keygens.get(keyId)
      const receipt = await register(parts, enrolment, fromBase64url(sealed))
      keygens.extend(keyId, enrolment.skeleton.expiresAt)
      return { receipt }
    },

    async round1({ keyId, index, attempt, roster }) {
      const { enrolment, seats } = drawn(keygens.get(keyId))
      const message = await seats.round1({ index, attempt }, () => makingOf(parts, enrolment, roster))
      log({ event: 'keygen.round', keyId, index, attempt, round: 1 })
      return { message }
    },

    async round2({ keyId, index, attempt, messages }) {
      const packages = await drawn(keygens.get(keyId)).seats.round2({ index, attempt }, messages)
      log({ event: 'keygen.round', keyId, index, attempt, round: 2 })
      return { packages: [...packages] }
    },

    async round3({ keyId, index, attempt, packages }) {
      const answer = await drawn(keygens.get(keyId)).seats.round3({ index, attempt }, packages)
      log({ event: 'keygen.round', keyId, index, attempt, round: 3 })
      return certified(parts, keygens, index, answer)
    },

    async accept({ keyId, index, roster }) {
      const { enrolment, seats } = keygens.get(keyId)
      if (!(seats instanceof AcceptSeats)) throw new Refusal('keygen.out_of_order')
      const answer = await seats.accept(index, () => frameOf(parts, enrolment, roster))
      return certified(parts, keygens, index, answer)
    },
  }
}

/** A participant of this host has its share. The host remembers for which certificate. */
function certified({ memories, log }: Parts, keygens: Sessions<Keygen>, index: number, answer: Certified): Certified {
  const { certificate } = answer
  const { keyId } = certificate.roster.skeleton
  const { enrolment, seats } = keygens.get(keyId)
  if (seats.finished() === enrolment.invitationKeys.size) keygens.finish(keyId)
  const digest = digestOf('certificate', certificate)
  memories.certified(nameOf(certificate), versionOf({ certificate, digest }))
  log({ event: 'key.certified', keyId, index, certificateDigest: digest })
  return answer
}

/** Throws `keygen.out_of_order` for a key that is made without a DKG. */
function drawn({ enrolment, seats }: Keygen): Readonly<{ enrolment: Enrolment; seats: Seats }> {
  if (seats instanceof AcceptSeats) throw new Refusal('keygen.out_of_order')
  return { enrolment, seats }
}

/**
 * What is certified with this roster. Checked before it begins: the roster is the one of this keygen, it holds the registrations
 * that this host took, and every host has been attested.
 */
async function frameOf(
  parts: Parts,
  { skeletonDigest, sessionSecret, invitationKeys, registered }: Enrolment,
  roster: Roster,
): Promise<Frame> {
  const { peers, vault, memories, life } = parts
  if (digestOf('skeleton', roster.skeleton) !== skeletonDigest) throw new Refusal('keygen.roster_mismatch')
  const ceremony = await verifyRoster(roster)
  // The roster is the lineage of the key. Who has installed a version of it would refuse to certify another one.
  if (memories.of(ceremony).current !== null) throw new Refusal('keygen.installed')
  for (const [index, { receipt }] of registered) {
    const listed = roster.registrations[index - 1]
    if (listed === undefined || !sameRegistration(listed.body, receipt.body))
      throw new Refusal('keygen.roster_mismatch')
  }
  if (registered.size !== invitationKeys.size) throw new Refusal('keygen.roster_mismatch')
  for (const { host } of roster.skeleton.participants) peers.require(host.identity)
  return {
    roster,
    ceremony,
    epoch: 0,
    previous: null,
    check: () => undefined,
    subgroupKeys: addingSubgroups(parts, roster),
    keep: (place, share) => vault.keep(place, { share, sessionSecret, life: life.id }),
  }
}

/** The same for a key that is drawn: each participant's part in a DKG. */
async function makingOf(parts: Parts, enrolment: Enrolment, roster: Roster): Promise<Making> {
  const frame = await frameOf(parts, enrolment, roster)
  const { scheme, threshold, participants } = roster.skeleton
  const dkg = makeOf(parts.mpc, scheme, 'dkg')
  return { ...frame, begin: (index) => dkg({ index, participants: participants.length, threshold }) }
}

function wipe({ enrolment, seats }: Keygen): void {
  wipeEnrolment(enrolment)
  seats.wipe()
}
