import type { RefusalCode } from '@quorate/shared/errors'
import { advance, awaited, firstRound, MAX_ATTEMPTS, missing, owed, retried } from '../rounds/rounds.ts'
import type { KeygenEffect, KeygenEvent, KeygenPhase, KeygenSession } from './session.ts'

type Generating = Extract<KeygenPhase, { name: 'key_generation' }>
type Event<T extends KeygenEvent['type']> = Extract<KeygenEvent, { type: T }>

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
  if (phase.name !== 'collecting_participants' || !missing(s.places.length, phase.registrations).includes(event.index))
    return s
  const next = { ...phase, registrations: { ...phase.registrations, [event.index]: event.registered } }
  if (missing(s.places.length, next.registrations).length > 0) return to(s, next)
  return to(s, { ...next, name: 'key_generation', attempt: 0, round: { name: 'gathering' } })
}

function timePassed(s: KeygenSession, { now }: Event<'time_passed'>): KeygenSession {
  const { phase } = s
  if (hasEnded(s) || now < deadlineOf(s)) return s
  if (phase.name === 'key_generation') return failed(s, phase, 'keygen.hosts_lost', waitedFor(s, phase))
  return to(s, { name: 'expired', skeleton: phase.name === 'collecting_participants' ? phase.skeleton : null })
}

/** Whose answer the round waits for. */
const waitedFor = ({ places }: KeygenSession, { round }: Generating): number[] =>
  round.name === 'gathering' ? [] : awaited(places.length, round)

const failed = (s: KeygenSession, phase: Generating, code: RefusalCode, culprits: readonly number[]): KeygenSession =>
  to(s, { name: 'failed', skeleton: phase.skeleton, code, culprits })

function generating(
  s: KeygenSession,
  phase: Generating,
  event: Exclude<KeygenEvent, { type: 'initialised' | 'registered' | 'time_passed' }>,
): KeygenSession {
  if (event.type === 'hosts_seen') return hostsSeen(s, phase, event)
  const { attempt, round } = phase
  if (round.name === 'gathering' || event.attempt !== attempt) return s
  if (event.type === 'refused') {
    if (!waitedFor(s, phase).includes(event.index)) return s
    if (!retried.has(event.code)) return failed(s, phase, event.code, event.culprits)
    return to(s, { ...phase, round: { name: 'gathering' } })
  }
  const next = advance(s.places.length, round, event)
  if (next === round) return s
  switch (next.name) {
    case 'failed':
      return failed(s, phase, next.code, next.culprits)
    case 'certified': {
      const { skeleton, registrations } = phase
      const { certificate, shares } = next
      return to(s, { name: 'completed', skeleton, registrations, certificate, shares })
    }
    case 'round1':
    case 'round2':
    case 'round3':
      return to(s, { ...phase, round: next })
  }
}

function hostsSeen(s: KeygenSession, phase: Generating, { available }: Event<'hosts_seen'>): KeygenSession {
  if (phase.round.name !== 'gathering') return s
  if (phase.attempt >= MAX_ATTEMPTS) return failed(s, phase, 'keygen.hosts_lost', [])
  if (!s.places.every(({ host }) => available.includes(host.enclaveId))) return s
  return to(s, { ...phase, attempt: phase.attempt + 1, round: firstRound })
}

/** The work still owed, read off the state alone, so that a restart resumes where it stopped. */
export function effects(s: KeygenSession): readonly KeygenEffect[] {
  const { phase } = s
  if (phase.name !== 'key_generation') return []
  if (phase.round.name === 'gathering') return [{ type: 'find_hosts' }]
  return owed(s.places.length, phase.round, phase.attempt)
}
