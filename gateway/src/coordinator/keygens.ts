import { randomBytes, randomInt } from 'node:crypto'
import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/seal/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import { KeyId } from '@quorate/shared/wire/ids'
import type { RegistrationReceipt, Skeleton } from '@quorate/shared/wire/keygen'
import type { InitBody, ParticipantBody, Reservation, ReserveBody } from '@quorate/shared/wire/routes/keygen'
import type { z } from 'zod'
import { hasEnded } from '../keygen/machine.ts'
import type { KeygenEffect, KeygenEvent, KeygenSession, Place } from '../keygen/session.ts'
import { assign, hostsNeeded } from './assign.ts'
import type { HostHealth } from './host-health.ts'
import { keygenBehaviour, withKeygen } from './keygen-rounds.ts'
import type { Coordinator, Limits, Ports } from './ports.ts'
import { Sessions } from './sessions.ts'
import { keygenStatusOf, slotsOf } from './status.ts'

type Keygens = Sessions<'keygen', KeygenEvent, KeygenEffect>
type Context = Readonly<{ ports: Ports; health: HostHealth; limits: Limits; sessions: Keygens }>

const sameIdentity = (a: EnclaveIdentity, b: EnclaveIdentity): boolean =>
  a.enclaveId === b.enclaveId && a.epoch === b.epoch && a.sealKey === b.sealKey && a.signKey === b.signKey

/** Is the skeleton what was reserved, with one init for each host and no other? */
function fitsReservation(s: KeygenSession, { skeleton, sealed }: z.output<typeof InitBody>): boolean {
  const hosts = new Set(s.places.map(({ host }) => host.enclaveId))
  return (
    skeleton.keyId === s.keyId &&
    skeleton.expiresAt === s.expiresAt &&
    skeleton.scheme === s.scheme &&
    skeleton.threshold === s.threshold &&
    skeleton.participants.length === s.places.length &&
    s.places.every(({ userId, index, host }, at) => {
      const participant = skeleton.participants[at]
      return (
        participant?.userId === userId && participant.index === index && sameIdentity(participant.host.identity, host)
      )
    }) &&
    sealed.length === hosts.size &&
    sealed.every(({ enclaveId }) => hosts.delete(enclaveId))
  )
}

const skeletonOf = ({ phase }: KeygenSession): Skeleton | null => ('skeleton' in phase ? phase.skeleton : null)

async function reserve(context: Context, body: z.output<typeof ReserveBody>): Promise<Reservation> {
  const { ports, limits, sessions, health } = context
  if (sessions.size >= limits.openKeygens) throw new Refusal('request.rate_limited')
  const hosts = [...health.available()].sort().flatMap((id) => ports.enclaves.status(id).identity ?? [])
  const needed = hostsNeeded(body.participants.length, body.threshold, ports.enclaves.ids().length)
  if (hosts.length === 0 || hosts.length < needed) throw new Refusal('keygen.no_enclaves')
  const keyId = KeyId.parse(toHex(randomBytes(16)))
  const places = assign(body.participants, hosts, randomInt(hosts.length))
  const [first] = places
  if (first === undefined) throw new Refusal('keygen.no_enclaves')
  const state: KeygenSession = {
    keyId,
    scheme: body.scheme,
    threshold: body.threshold,
    expiresAt: ports.clock() + body.ttl * 1_000,
    places,
    coordinator: first.host.enclaveId,
    phase: { name: 'reserved', initBy: ports.clock() + limits.reservedMs },
  }
  await sessions.insert(keyId, state)
  ports.events.keygenReserved({ keyId, participants: places.length, threshold: body.threshold })
  return {
    keyId,
    expiresAt: state.expiresAt,
    slots: slotsOf(state),
    enclaves: hosts.filter((host) => places.some((place) => place.host === host)),
    coordinatorEnclaveId: first.host.enclaveId,
    coordinatorPublicKey: first.host.sealKey,
  }
}

/** The enclaves look at their inits first, so that one that does not open is refused while nothing is fixed yet. */
async function init({ ports, limits, sessions }: Context, keyId: KeyId, body: z.output<typeof InitBody>) {
  const { skeleton, sealed } = body
  const { state } = await sessions.find(keyId)
  const digest = digestOf('skeleton', skeleton)
  if (state.phase.name === 'reserved') {
    if (!fitsReservation(state, body)) throw new Refusal('keygen.skeleton_mismatch')
    const calls = sealed.map((one) =>
      ports.enclaves.call(one.enclaveId, 'keygen.init', { skeleton, sealed: one.sealed }, limits.roundTimeoutMs),
    )
    await Promise.all(calls)
  }
  const now = await sessions.post(keyId, { type: 'initialised', skeleton, inits: sealed })
  const fixed = skeletonOf(now.state)
  if (fixed === null) throw new Refusal('session.conflict')
  if (digestOf('skeleton', fixed) !== digest) throw new Refusal('keygen.skeleton_mismatch')
  return keygenStatusOf(now)
}

type Registering = { place: Place; sealed: string }

/** What the enclave says to a registration, told of the keygen again if it has forgotten. */
async function askHost(
  context: Context,
  s: KeygenSession,
  { place, sealed }: Registering,
): Promise<RegistrationReceipt> {
  const { ports, health, limits } = context
  if (s.phase.name !== 'collecting_participants') throw new Refusal('session.conflict')
  const { enclaveId } = place.host
  const timeoutMs = limits.roundTimeoutMs
  const call = () => ports.enclaves.call(enclaveId, 'keygen.register', { keyId: s.keyId, sealed }, timeoutMs)
  const { receipt } = await withKeygen({ ports, health, timeoutMs }, enclaveId, s.phase, call)
  if (receipt.body.index !== place.index || receipt.body.userId !== place.userId)
    throw new Refusal('keygen.invitation_invalid')
  return receipt
}

async function register(context: Context, keyId: KeyId, { userId, sealed }: z.output<typeof ParticipantBody>) {
  const { sessions } = context
  const { state } = await sessions.find(keyId)
  const place = state.places.find((one) => one.userId === userId)
  if (place === undefined) throw new Refusal('keygen.invitation_invalid')
  const { index } = place
  const known = 'registrations' in state.phase ? state.phase.registrations[index] : undefined
  if (known?.sealed === sealed) return { receipt: known.receipt }
  // Sealed anew, it cannot be told from another's: whose registration it was, the certificate will tell.
  if (known && state.phase.name !== 'collecting_participants') throw new Refusal('session.conflict')
  const receipt = await askHost(context, state, { place, sealed })
  const now = await sessions.post(keyId, { type: 'registered', index, registered: { sealed, receipt } })
  const kept = 'registrations' in now.state.phase ? now.state.phase.registrations[index] : undefined
  // The last registration may already have led to an end by the time that it is saved: then the enclave's word stands.
  if (kept === undefined && now.state.phase.name !== 'failed') throw new Refusal('session.conflict')
  if (kept && kept.receipt.signature !== receipt.signature) throw new Refusal('keygen.slot_taken')
  return { receipt: kept?.receipt ?? receipt }
}

/** Everything about keygens that the coordinator offers, and the sessions behind it. */
export function createKeygens(ports: Ports, health: HostHealth, limits: Limits, counted: () => void) {
  const tools = { ports, health, timeoutMs: limits.roundTimeoutMs }
  const sessions: Keygens = new Sessions({
    kind: 'keygen',
    store: ports.store,
    behaviourOf: (id, saved) => keygenBehaviour(tools, id, saved),
    statusOf: keygenStatusOf,
    counted,
    hasEnded,
  })
  const context = { ports, health, limits, sessions }
  const offered = {
    reserve: (body) => reserve(context, body),
    init: (keyId, body) => init(context, keyId, body),
    register: (keyId, body) => register(context, keyId, body),
    keygenStatus: async (keyId) => keygenStatusOf(await sessions.find(keyId)),
    slots: async (keyId) => {
      const { state } = await sessions.find(keyId)
      const skeleton = skeletonOf(state)
      if (skeleton === null) throw new Refusal('request.not_found')
      return { keyId, skeleton, slots: slotsOf(state) }
    },
    waitKeygen: (keyId, waiting) => sessions.wait(keyId, waiting),
  } satisfies Partial<Coordinator>
  return {
    sessions,
    offered,
    readerKey: async (keyId: KeyId) => skeletonOf((await sessions.find(keyId)).state)?.readerKey ?? null,
    wake: () => sessions.wake(({ phase }) => phase.name === 'key_generation' && phase.round.name === 'gathering'),
  }
}
