import type { RefusalCode } from '@quorate/shared/errors'
import type { Certified, Inbox, KeygenEffect, KeygenEvent, KeygenPhase, KeygenSession, Round } from './session.ts'

/** A key generation that has been begun so often has something wrong with it that another attempt will not mend. */
export const MAX_ATTEMPTS = 8

type Generating = Extract<KeygenPhase, { name: 'key_generation' }>
type Event<T extends KeygenEvent['type']> = Extract<KeygenEvent, { type: T }>

/** Refusals that blame nobody's package: the host was away, restarted, or stands in another round. */
const retried: ReadonlySet<RefusalCode> = new Set([
  'enclave.unreachable',
  'enclave.timeout',
  'enclave.locked',
  'enclave.busy',
  'enclave.failed',
  'keygen.unknown',
  'keygen.out_of_order',
  'peer.unknown',
])

const indices = (s: KeygenSession): number[] => s.places.map(({ index }) => index)
const missing = (s: KeygenSession, inbox: Inbox<unknown>): number[] => indices(s).filter((index) => !(index in inbox))
const inOrder = <T>(s: KeygenSession, inbox: Inbox<T>): T[] =>
  indices(s).flatMap((index) => (inbox[index] === undefined ? [] : [inbox[index]]))
const to = (s: KeygenSession, phase: KeygenPhase): KeygenSession => ({ ...s, phase })

/** When (ms) this keygen ends if nothing more happens. A stranger's reservation costs the gateway minutes, not days. */
export const deadlineOf = ({ phase, expiresAt }: KeygenSession): number =>
  phase.name === 'reserved' ? Math.min(phase.initBy, expiresAt) : expiresAt

export const hasEnded = ({ phase }: KeygenSession): boolean =>
  phase.name === 'completed' || phase.name === 'failed' || phase.name === 'expired'

/** Total and idempotent: an event that is late, repeated, unsolicited or from a stranger returns `s` itself. */
export function transition(s: KeygenSession, event: KeygenEvent): KeygenSession {
  switch (event.type) {
    case 'initialised':
      return s.phase.name === 'reserved' ? initialised(s, event) : s
    case 'registered':
      return registered(s, event)
    case 'time_passed':
      return timePassed(s, event)
    case 'hosts_seen':
    case 'round_one_sent':
    case 'round_two_sent':
    case 'certified':
    case 'refused':
      return s.phase.name === 'key_generation' ? generating(s, s.phase, event) : s
  }
}

const initialised = (s: KeygenSession, { skeleton, inits }: Event<'initialised'>): KeygenSession =>
  to(s, { name: 'collecting_participants', skeleton, inits, registrations: {} })

function registered(s: KeygenSession, event: Event<'registered'>): KeygenSession {
  const { phase } = s
  if (phase.name !== 'collecting_participants' || !missing(s, phase.registrations).includes(event.index)) return s
  const next = { ...phase, registrations: { ...phase.registrations, [event.index]: event.registered } }
  if (missing(s, next.registrations).length > 0) return to(s, next)
  return to(s, { ...next, name: 'key_generation', attempt: 0, round: { name: 'gathering' } })
}

function timePassed(s: KeygenSession, { now }: Event<'time_passed'>): KeygenSession {
  const { phase } = s
  if (hasEnded(s) || now < deadlineOf(s)) return s
  if (phase.name === 'key_generation') return failed(s, phase, 'keygen.hosts_lost', awaited(s, phase.round))
  return to(s, { name: 'expired', skeleton: phase.name === 'collecting_participants' ? phase.skeleton : null })
}

/** Whose answer the round waits for. */
function awaited(s: KeygenSession, round: Round): number[] {
  switch (round.name) {
    case 'gathering':
      return []
    case 'round1':
      return missing(s, round.messages)
    case 'round2':
      return missing(s, round.packages)
    case 'round3':
      return missing(s, round.answers)
  }
}

const failed = (s: KeygenSession, phase: Generating, code: RefusalCode, culprits: readonly number[]): KeygenSession =>
  to(s, { name: 'failed', skeleton: phase.skeleton, code, culprits })

function generating(
  s: KeygenSession,
  phase: Generating,
  event: Exclude<KeygenEvent, { type: 'initialised' | 'registered' | 'time_passed' }>,
): KeygenSession {
  if (event.type === 'hosts_seen') return hostsSeen(s, phase, event)
  if (event.attempt !== phase.attempt || !awaited(s, phase.round).includes(event.index)) return s
  switch (event.type) {
    case 'refused':
      if (!retried.has(event.code)) return failed(s, phase, event.code, event.culprits)
      return to(s, { ...phase, round: { name: 'gathering' } })
    case 'round_one_sent':
      return phase.round.name === 'round1' ? roundOneSent(s, phase, phase.round, event) : s
    case 'round_two_sent':
      return phase.round.name === 'round2' ? roundTwoSent(s, phase, phase.round, event) : s
    case 'certified':
      return phase.round.name === 'round3' ? certified(s, phase, phase.round, event) : s
  }
}

function hostsSeen(s: KeygenSession, phase: Generating, { available }: Event<'hosts_seen'>): KeygenSession {
  if (phase.round.name !== 'gathering') return s
  if (phase.attempt >= MAX_ATTEMPTS) return failed(s, phase, 'keygen.hosts_lost', [])
  if (!s.places.every(({ host }) => available.includes(host.enclaveId))) return s
  return to(s, { ...phase, attempt: phase.attempt + 1, round: { name: 'round1', messages: {} } })
}

function roundOneSent(
  s: KeygenSession,
  phase: Generating,
  round: Extract<Round, { name: 'round1' }>,
  event: Event<'round_one_sent'>,
): KeygenSession {
  const messages = { ...round.messages, [event.index]: event.message }
  if (missing(s, messages).length > 0) return to(s, { ...phase, round: { ...round, messages } })
  return to(s, { ...phase, round: { name: 'round2', messages: inOrder(s, messages), packages: {} } })
}

function roundTwoSent(
  s: KeygenSession,
  phase: Generating,
  round: Extract<Round, { name: 'round2' }>,
  event: Event<'round_two_sent'>,
): KeygenSession {
  const others = indices(s).filter((index) => index !== event.index)
  const whole =
    event.packages.length === others.length &&
    others.every((index) => event.packages.some(({ from, to }) => from === event.index && to === index))
  if (!whole) return failed(s, phase, 'keygen.bad_package', [event.index])
  const packages = { ...round.packages, [event.index]: event.packages }
  if (missing(s, packages).length > 0) return to(s, { ...phase, round: { ...round, packages } })
  return to(s, {
    ...phase,
    round: { name: 'round3', packages: inOrder(s, packages).flat(), bodies: {}, answers: {} },
  })
}

function certified(
  s: KeygenSession,
  phase: Generating,
  round: Extract<Round, { name: 'round3' }>,
  event: Event<'certified'>,
): KeygenSession {
  const bodies = { ...round.bodies, [event.answer.digest]: event.body }
  const answers = { ...round.answers, [event.index]: event.answer }
  if (missing(s, answers).length > 0) return to(s, { ...phase, round: { ...round, bodies, answers } })
  const digests = Object.keys(bodies)
  const [digest = ''] = digests
  const body = bodies[digest]
  if (digests.length !== 1 || !body)
    return failed(s, phase, 'keygen.certificate_mismatch', minority(s, answers, digests))
  const given = inOrder(s, answers)
  return to(s, {
    name: 'completed',
    skeleton: phase.skeleton,
    registrations: phase.registrations,
    certificate: { body, signatures: given.map(({ signature }) => signature) },
    shares: given.map(({ sealedShare }, at) => ({ index: at + 1, sealed: sealedShare })),
  })
}

/** Who certified something else than more than half of the others. Nobody, when no half agrees. */
function minority(s: KeygenSession, answers: Inbox<Certified>, digests: readonly string[]): number[] {
  const sayers = (digest: string) => indices(s).filter((index) => answers[index]?.digest === digest)
  const most = digests.find((digest) => sayers(digest).length * 2 > s.places.length)
  return most === undefined ? [] : indices(s).filter((index) => answers[index]?.digest !== most)
}

/** The work still owed, read off the state alone, so that a restart resumes where it stopped. */
export function effects(s: KeygenSession): readonly KeygenEffect[] {
  const { phase } = s
  if (phase.name !== 'key_generation') return []
  const { attempt, round } = phase
  const waiting = awaited(s, round)
  switch (round.name) {
    case 'gathering':
      return [{ type: 'find_hosts' }]
    case 'round1':
      return waiting.map((index) => ({ type: 'round1', attempt, index }))
    case 'round2':
      return waiting.map((index) => ({ type: 'round2', attempt, index, messages: round.messages }))
    case 'round3':
      return waiting.map((index) => ({
        type: 'round3',
        attempt,
        index,
        packages: round.packages.filter((part) => part.to === index),
      }))
  }
}
