import type { RefusalCode } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/seal/sign'
import { advance, awaited, firstRound, inOrder, MAX_ATTEMPTS, missing, owed, retried } from '../rounds/rounds.ts'
import type { Inbox } from '../rounds/rounds.ts'
import type { RefreshEffect, RefreshEvent, RefreshPhase, RefreshSession } from './session.ts'

type Event<T extends RefreshEvent['type']> = Extract<RefreshEvent, { type: T }>
type In<N extends RefreshPhase['name']> = Extract<RefreshPhase, { name: N }>
type Refused = Event<'refused'>

const to = (s: RefreshSession, phase: RefreshPhase): RefreshSession => ({ ...s, phase })
const failed = (s: RefreshSession, code: RefusalCode, culprits: readonly number[]): RefreshSession =>
  to(s, { name: 'failed', code, culprits })

/** Where a refresh begins whose key has a next epoch already, certified by an earlier refresh that did not go on. */
export const preparing = (certificate: In<'preparing'>['certificate']): In<'preparing'> => ({
  ...{ name: 'preparing', certificate, shares: [], prepared: {}, inForce: false, tries: {} },
})

export const hasEnded = ({ phase }: RefreshSession): boolean => phase.name === 'completed' || phase.name === 'failed'

/** Has the new epoch become the key's? Then there is no way back to the old one. */
export const isInForce = ({ phase }: RefreshSession): boolean =>
  phase.name === 'installing' || phase.name === 'completed' || (phase.name === 'preparing' && phase.inForce)

/** Total and idempotent: an event that is late, repeated, unsolicited or from a stranger returns `s` itself. */
export function transition(s: RefreshSession, event: RefreshEvent): RefreshSession {
  const { phase } = s
  switch (event.type) {
    case 'hosts_seen':
      return phase.name === 'gathering' ? hostsSeen(s, phase, event) : s
    case 'round_one_sent':
    case 'round_two_sent':
    case 'certified':
      return phase.name === 'refreshing' && event.attempt === s.attempt ? answered(s, phase, event) : s
    case 'prepared':
      return phase.name === 'preparing' ? prepared(s, phase, event) : s
    case 'installed':
      return phase.name === 'installing' ? installed(s, phase, event) : s
    case 'refused':
      return event.attempt === s.attempt && waitedFor(s).includes(event.index) ? refused(s, event) : s
    case 'time_passed':
      return timePassed(s, event)
  }
}

function hostsSeen(s: RefreshSession, phase: In<'gathering'>, { available }: Event<'hosts_seen'>): RefreshSession {
  const away = s.hosts.flatMap((host, at) => (available.includes(host) ? [] : [at + 1]))
  if (away.length > 0) return String(away) === String(phase.away) ? s : to(s, { ...phase, away })
  if (s.attempt >= MAX_ATTEMPTS) return failed(s, 'refresh.hosts_lost', [])
  return { ...s, attempt: s.attempt + 1, phase: { name: 'refreshing', round: firstRound } }
}

function answered(
  s: RefreshSession,
  { round }: In<'refreshing'>,
  event: Event<'round_one_sent' | 'round_two_sent' | 'certified'>,
): RefreshSession {
  const next = advance(s.hosts.length, round, event)
  if (next === round) return s
  switch (next.name) {
    case 'failed':
      return failed(s, next.code, next.culprits)
    case 'certified':
      return to(s, { ...preparing(next.certificate), shares: next.shares })
    case 'round1':
    case 'round2':
    case 'round3':
      return to(s, { name: 'refreshing', round: next })
  }
}

function prepared(s: RefreshSession, phase: In<'preparing'>, event: Event<'prepared'>): RefreshSession {
  const n = s.hosts.length
  if (!missing(n, phase.prepared).includes(event.index)) return s
  const words = { ...phase.prepared, [event.index]: event.prepared }
  if (missing(n, words).length > 0) return to(s, { ...phase, prepared: words })
  const { certificate } = phase
  return to(s, { name: 'installing', certificate, prepared: inOrder(n, words), installed: {}, tries: {} })
}

function installed(s: RefreshSession, phase: In<'installing'>, event: Event<'installed'>): RefreshSession {
  const n = s.hosts.length
  if (!missing(n, phase.installed).includes(event.index)) return s
  // A word over what the hosts said before one of them restarted says nothing about now.
  if (event.installed.body.preparedDigest !== digestOf('prepared-all', phase.prepared)) return s
  const words = { ...phase.installed, [event.index]: event.installed }
  if (missing(n, words).length > 0) return to(s, { ...phase, installed: words })
  const { certificate } = phase
  return to(s, { name: 'completed', certificate, prepared: phase.prepared, installed: inOrder(n, words) })
}

/** Whose answer the phase waits for. */
export function waitedFor({ hosts, phase }: RefreshSession): readonly number[] {
  switch (phase.name) {
    case 'gathering':
      return phase.away
    case 'refreshing':
      return awaited(hosts.length, phase.round)
    case 'preparing':
      return missing(hosts.length, phase.prepared)
    case 'installing':
      return missing(hosts.length, phase.installed)
    case 'completed':
    case 'failed':
      return []
  }
}

const triedAgain = (tries: Inbox<number>, index: number): Inbox<number> => ({
  ...tries,
  [index]: (tries[index] ?? 0) + 1,
})

function refused(s: RefreshSession, { index, code, culprits }: Refused): RefreshSession {
  const { phase } = s
  switch (phase.name) {
    case 'refreshing':
      return retried.has(code) ? to(s, { name: 'gathering', away: [] }) : failed(s, code, culprits)
    case 'preparing': {
      const mayBeWell = phase.inForce || retried.has(code) || code === 'epoch.unproven'
      return mayBeWell ? to(s, { ...phase, tries: triedAgain(phase.tries, index) }) : failed(s, code, culprits)
    }
    case 'installing':
      if (code === 'refresh.not_prepared') return preparedAnew(s, phase, index)
      return to(s, { ...phase, tries: triedAgain(phase.tries, index) })
    case 'gathering':
    case 'completed':
    case 'failed':
      return s
  }
}

/** A host has restarted since it prepared: it does so again, and then all install over what they say now. */
function preparedAnew(s: RefreshSession, phase: In<'installing'>, index: number): RefreshSession {
  const others = Object.fromEntries(
    phase.prepared.flatMap((word) => (word.body.index === index ? [] : [[word.body.index, word]])),
  )
  const tries = triedAgain(phase.tries, index)
  return to(s, { ...preparing(phase.certificate), prepared: others, inForce: true, tries })
}

function timePassed(s: RefreshSession, { now }: Event<'time_passed'>): RefreshSession {
  if (hasEnded(s) || isInForce(s) || now < s.request.body.expiresAt) return s
  return failed(s, 'refresh.hosts_lost', waitedFor(s))
}

/** The work still owed, read off the state alone, so that a restart resumes where it stopped. */
export function effects(s: RefreshSession): readonly RefreshEffect[] {
  const { phase, attempt, hosts } = s
  switch (phase.name) {
    case 'gathering':
      return [{ type: 'find_hosts' }]
    case 'refreshing':
      return owed(hosts.length, phase.round, attempt)
    case 'preparing': {
      const { certificate, tries } = phase
      return waitedFor(s).map((index) => ({ type: 'prepare', attempt, index, tries: tries[index] ?? 0, certificate }))
    }
    case 'installing': {
      const { certificate, tries, prepared: words } = phase
      return waitedFor(s).map((index) => ({
        ...{ type: 'install', attempt, index, tries: tries[index] ?? 0, certificate },
        prepared: words,
      }))
    }
    case 'completed':
    case 'failed':
      return []
  }
}
