import { randomBytes, randomInt } from 'node:crypto'
import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import { KeyId } from '@quorate/shared/wire/ids'
import type { InitBody, ParticipantBody, Reservation, ReserveBody } from '@quorate/shared/wire/routes/keygen'
import type { z } from 'zod'
import { createKeygenAid, reminding } from '../aids/keygen.ts'
import type { Tools } from '../aids/tools.ts'
import { isCollecting, keygenCourse, registrationsOf, skeletonOf, slotsOf } from '../courses/keygen.ts'
import type { KeygenSession, KeygenTerms } from '../courses/keygen-terms.ts'
import type { EnginePorts, Health } from '../engine/ports.ts'
import { reporting } from '../engine/report.ts'
import { createQuota, type Quota } from '../bounds/quota.ts'
import { Sessions } from '../engine/sessions.ts'
import { assign, hostsNeeded } from './assign.ts'
import { KeygenRoom } from './keygen-room.ts'
import type { Coordinator, Limits, Ports } from './ports.ts'

type Wish = z.output<typeof ReserveBody>
const DAY = 86_400_000
type Context = Readonly<{
  ports: Ports
  health: Health
  limits: Limits
  sessions: Sessions<KeygenTerms>
  room: KeygenRoom
  /** Keygens that one holder initialises in a day. */
  begun: Quota
}>

const sameIdentity = (a: EnclaveIdentity, b: EnclaveIdentity): boolean =>
  a.enclaveId === b.enclaveId && a.epoch === b.epoch && a.sealKey === b.sealKey && a.signKey === b.signKey

/** Is the skeleton what was reserved, with one init for each host and no other? */
function fitsReservation({ keyId, own }: KeygenSession, { skeleton, sealed }: z.output<typeof InitBody>): boolean {
  const hosts = new Set(own.people.map(({ identity }) => identity.enclaveId))
  return (
    skeleton.keyId === keyId &&
    skeleton.expiresAt === own.expiresAt &&
    skeleton.scheme === own.scheme &&
    skeleton.threshold === own.threshold &&
    skeleton.participants.length === own.people.length &&
    own.people.every(({ userId, identity }, at) => {
      const participant = skeleton.participants[at]
      return (
        participant?.userId === userId &&
        participant.index === at + 1 &&
        sameIdentity(participant.host.identity, identity)
      )
    }) &&
    sealed.length === hosts.size &&
    sealed.every(({ enclaveId }) => hosts.delete(enclaveId))
  )
}

/** The reservation that the same wish began, if nobody has made use of it yet. Throws `keygen.id_taken` for any other key of this id. */
async function reserved({ ports, sessions }: Context, keyId: KeyId, wish: Wish): Promise<KeygenSession | null> {
  const found = await sessions.find(keyId).catch((error: unknown) => {
    if (error instanceof Refusal && error.code === 'request.not_found') return null
    throw error
  })
  if (found === null && (await ports.store.loadKey(keyId)) === null) return null
  const { own, stage } = found?.state ?? {}
  const same =
    own?.plan.name === 'reserved' &&
    stage?.name === 'waiting' &&
    own.scheme === wish.scheme &&
    own.threshold === wish.threshold &&
    own.people.length === wish.participants.length &&
    own.people.every(({ userId }, at) => userId === wish.participants[at])
  if (found === null || !same) throw new Refusal('keygen.id_taken')
  return found.state
}

/** Begins the keygen, unless the same wish came twice at once. Throws `keygen.id_taken`, `bound.reached`. */
async function begin(context: Context, state: KeygenSession, wish: Wish): Promise<KeygenSession> {
  const { sessions, room, ports } = context
  const { id, own } = state
  for (const leaving of room.hold({ id, holder: own.holder, seats: own.people.length })) displace(context, leaving)
  try {
    const { state: begun } = await sessions.insert(id, state)
    ports.events.keygenReserved({ keyId: id, participants: own.people.length, threshold: own.threshold })
    return begun
  } catch (error) {
    if (!sessions.drives(id)) room.forget(id)
    const isConflict = error instanceof Refusal && error.code === 'session.conflict'
    const before = isConflict ? await reserved(context, state.keyId, wish) : null
    if (before === null) throw error
    return before
  }
}

/** Ends a keygen for the sake of another. One that everybody has joined meanwhile goes on. */
function displace({ sessions, room, ports }: Context, id: string): void {
  sessions
    .tell(id, { type: 'displaced' })
    .then(({ state }) => room.note(state))
    .catch(reporting(ports.events, 'keygen'))
}

function reservationOf(s: KeygenSession): Reservation {
  const hosts = new Map(s.own.people.map(({ identity }) => [identity.enclaveId, identity]))
  const [first] = hosts.values()
  if (first === undefined) throw new Refusal('keygen.no_enclaves')
  return {
    keyId: s.keyId,
    expiresAt: s.own.expiresAt,
    slots: slotsOf(s),
    enclaves: [...hosts.values()],
    coordinatorEnclaveId: first.enclaveId,
    coordinatorPublicKey: first.sealKey,
  }
}

/** The same wish again, under the id that the client has drawn, gives the same reservation. */
async function reserve(context: Context, wish: Wish, holder: string): Promise<Reservation> {
  const { ports, limits, health } = context
  const before = wish.keyId === undefined ? null : await reserved(context, wish.keyId, wish)
  if (before !== null) return reservationOf(before)
  const hosts = [...health.available()].sort().flatMap((id) => ports.enclaves.status(id).identity ?? [])
  const needed = hostsNeeded(wish.participants.length, wish.threshold, ports.enclaves.ids().length)
  if (hosts.length === 0 || hosts.length < needed) throw new Refusal('keygen.no_enclaves')
  const keyId = wish.keyId ?? KeyId.parse(toHex(randomBytes(16)))
  const people = assign(wish.participants, hosts, randomInt(hosts.length))
  const now = ports.clock()
  const { scheme, threshold } = wish
  const plan = { name: 'reserved', initBy: now + limits.reservedMs } as const
  const state: KeygenSession = {
    id: keyId,
    keyId,
    seats: people.map(({ identity }, at) => ({ index: at + 1, host: identity.enclaveId })),
    attempt: 0,
    own: { holder, scheme, threshold, expiresAt: now + wish.ttl * 1_000, people, plan },
    stage: { name: 'waiting' },
  }
  return reservationOf(await begin(context, state, wish))
}

/** The enclaves look at their inits first, so that one that does not open is refused while nothing is fixed yet. */
async function init({ ports, limits, sessions, begun }: Context, keyId: KeyId, body: z.output<typeof InitBody>) {
  const { skeleton, sealed } = body
  const { state } = await sessions.find(keyId)
  if (state.own.plan.name === 'reserved' && state.stage.name === 'waiting') {
    if (!fitsReservation(state, body)) throw new Refusal('keygen.skeleton_mismatch')
    begun.spend(state.own.holder)
    const calls = sealed.map((one) =>
      ports.enclaves.ask(one.enclaveId, 'keygen.init', { skeleton, sealed: one.sealed }, limits.roundTimeoutMs),
    )
    await Promise.all(calls)
  }
  const joinBy = ports.clock() + limits.aloneMs
  const now = await sessions.tell(keyId, { type: 'initialised', skeleton, inits: sealed, joinBy })
  const fixed = skeletonOf(now.state)
  if (fixed === null) throw new Refusal('session.conflict')
  if (digestOf('skeleton', fixed) !== digestOf('skeleton', skeleton)) throw new Refusal('keygen.skeleton_mismatch')
  return keygenCourse.status(now)
}

/** What the enclave says to a registration, told of the keygen again if it has forgotten. */
async function askHost({ ports, limits }: Context, s: KeygenSession, index: number, sealed: string) {
  const person = s.own.people[index - 1]
  if (person === undefined || !isCollecting(s)) throw new Refusal('session.conflict')
  const { enclaveId } = person.identity
  const tools = { hosts: ports.enclaves, timeoutMs: limits.roundTimeoutMs }
  const { receipt } = await reminding(tools, s, enclaveId, () =>
    ports.enclaves.ask(enclaveId, 'keygen.register', { keyId: s.keyId, sealed }, tools.timeoutMs),
  )
  if (receipt.body.index !== index || receipt.body.userId !== person.userId)
    throw new Refusal('keygen.invitation_invalid')
  return receipt
}

async function register(context: Context, keyId: KeyId, { userId, sealed }: z.output<typeof ParticipantBody>) {
  const { sessions } = context
  const { state } = await sessions.find(keyId)
  const index = state.own.people.findIndex((person) => person.userId === userId) + 1
  if (index === 0) throw new Refusal('keygen.invitation_invalid')
  const known = registrationsOf(state)[index]
  if (known?.sealed === sealed) return { receipt: known.receipt }
  // Sealed anew, it cannot be told from another's: whose registration it was, the certificate will tell.
  if (known && !isCollecting(state)) throw new Refusal('session.conflict')
  const receipt = await askHost(context, state, index, sealed)
  const now = await sessions.tell(keyId, { type: 'registered', index, registered: { sealed, receipt } })
  const kept = registrationsOf(now.state)[index]
  if (kept === undefined) throw new Refusal('session.conflict')
  if (kept.receipt.signature !== receipt.signature) throw new Refusal('keygen.slot_taken')
  return { receipt: kept.receipt }
}

/** What people can do in keygens, and the sessions behind it. */
export function createKeygens(
  ports: Ports,
  engine: EnginePorts,
  limits: Limits,
  tools: Tools,
  counted: (open: number) => void,
) {
  const { health } = engine
  const aid = createKeygenAid(tools)
  const room = new KeygenRoom(limits)
  const sessions = new Sessions<KeygenTerms>({
    course: keygenCourse,
    aid,
    ports: engine,
    saved: ({ state }) => room.note(state),
    taken: (state) => room.note(state),
    dropped: ({ id }) => room.forget(id),
    counted,
  })
  const begun = createQuota({ of: 'address', most: limits.keygensPerHolder, ms: DAY, clock: ports.clock })
  const context = { ports, health, limits, sessions, room, begun }
  const offered = {
    reserve: (body, holder) => reserve(context, body, holder),
    init: (keyId, body) => init(context, keyId, body),
    register: (keyId, body) => register(context, keyId, body),
    slots: async (keyId) => {
      const { state } = await sessions.find(keyId)
      const skeleton = skeletonOf(state)
      if (skeleton === null) throw new Refusal('request.not_found')
      return { keyId, skeleton, slots: slotsOf(state) }
    },
  } satisfies Partial<Coordinator>
  const readerKey = async (keyId: KeyId) => skeletonOf((await sessions.find(keyId)).state)?.readerKey ?? null
  return { sessions, offered, readerKey }
}
