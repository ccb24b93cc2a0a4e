import type { Says } from '@quorate/shared/ceremonies/ceremony'
import type { RefusalCode } from '@quorate/shared/errors'
import type { HostId } from '@quorate/shared/wire/host'
import type { Asking, Begun, Course, Inbox, Refused, RoundOf, Seen, Session, Stage, Terms, Verdict } from './course.ts'

/** What has been begun so often has something wrong with it that another attempt will not mend. */
export const MAX_ATTEMPTS = 8

/** A host's answer. `attempt` tells it from a late one. */
export type Answer<T extends Terms> = {
  [R in RoundOf<T>]: {
    type: 'said'
    round: R
    attempt: number
    index: number
    says: Says<T['ceremony'], R>
  }
}[RoundOf<T>]

/** `ready`: what the hosts of the next attempt have given ahead for it. */
type HostsSeen<T extends Terms> = { type: 'hosts_seen'; available: readonly HostId[]; now: number; ready?: T['ready'] }
type RefusedBy = { type: 'refused'; attempt: number; index: number; code: RefusalCode; culprits: readonly number[] }

/** A pause was looked at; without `seen` it is over. */
type Passed = { type: 'passed'; attempt: number; seen?: Seen }

/** What happened. */
export type Event<T extends Terms> =
  | { type: 'told'; word: T['word'] }
  | HostsSeen<T>
  | Answer<T>
  | Passed
  | RefusedBy
  | { type: 'time_passed'; now: number }

/** A question that is owed to the host in this seat. */
export type Ask<T extends Terms> = {
  type: 'ask'
  round: RoundOf<T>
  turn: number
  attempt: number
  index: number
  tries: number
}

/** What is owed. `find_hosts` and `pass` need nobody; `ask` goes to a host. */
export type Effect<T extends Terms> = { type: 'find_hosts' } | { type: 'pass'; attempt: number } | Ask<T>

export const hasEnded = ({ stage }: { stage: { name: string } }): boolean =>
  stage.name === 'completed' || stage.name === 'failed' || stage.name === 'expired'

/** What stands in the inbox of these indices, in their order. */
export const inOrder = <V>(indices: readonly number[], inbox: Inbox<V>): V[] =>
  indices.flatMap((index) => (inbox[index] === undefined ? [] : [inbox[index]]))

export const indicesOf = <T extends Terms>({ seats }: Session<T>): number[] => seats.map(({ index }) => index)

/** Total and idempotent: an event that is late, repeated, unsolicited or from a stranger returns `s` itself. */
export function transition<T extends Terms>(course: Course<T>, s: Session<T>, event: Event<T>): Session<T> {
  if (hasEnded(s)) return s
  const { stage } = s
  switch (event.type) {
    case 'told':
      return follow(course, s, course.told(s, event.word))
    case 'hosts_seen':
      return stage.name === 'waiting' && course.isAgreed(s.own) ? hostsSeen(course, s, event) : s
    case 'said':
      return stage.name === 'asking' ? said(course, s, stage, event) : s
    case 'passed':
      return stage.name === 'asking' && isPause(course, stage) ? passed(course, s, stage, event) : s
    case 'refused':
      return stage.name === 'asking' ? refused(course, s, stage, event) : s
    case 'time_passed':
      return event.now < course.deadline(s) ? s : follow(course, s, course.late(s, awaited(course, s)))
  }
}

const roundOf = <T extends Terms>({ of }: Course<T>, { round }: Asking<T>) => {
  const found = of.rounds[round]
  if (found === undefined) throw new Error(`no round ${round}`)
  return found
}
const isPause = <T extends Terms>(course: Course<T>, stage: Asking<T>): boolean =>
  roundOf(course, stage).who === 'nobody'
/** Is a lost host asked the same again in this round? */
export const isAskedAgain = <T extends Terms>(course: Course<T>, stage: Asking<T>): boolean => {
  const round = roundOf(course, stage)
  return round.who !== 'nobody' && round.loss === 'ask_again'
}

/** Who is asked in this round. */
function asked<T extends Terms>(course: Course<T>, s: Session<T>, stage: Asking<T>): readonly number[] {
  switch (roundOf(course, stage).who) {
    case 'all':
      return indicesOf(s)
    case 'quorum':
      return stage.quorum
    case 'nobody':
      return []
  }
}

/** What the host in this seat is asked, or null. */
export const questionOf = <T extends Terms>(course: Course<T>, s: Session<T>, stage: Asking<T>, index: number) =>
  course.question[stage.round](s, stage, index)

/** Whose answer the round waits for. */
export function awaited<T extends Terms>(course: Course<T>, s: Session<T>): number[] {
  const { stage } = s
  if (stage.name !== 'asking') return []
  return asked(course, s, stage).filter(
    (index) => !(index in stage.said) && questionOf(course, s, stage, index) !== null,
  )
}

const staged = <T extends Terms>(s: Session<T>, stage: Stage<T>): Session<T> => ({ ...s, stage })

function follow<T extends Terms>(course: Course<T>, before: Session<T>, verdict: Verdict<T>): Session<T> {
  const own = 'own' in verdict ? verdict.own : before.own
  const s = own === before.own ? before : { ...before, own }
  switch (verdict.then) {
    case 'stay':
    case 'ask_again':
      return s
    case 'begin':
      return begin(course, s, verdict)
    case 'new_attempt':
      return staged(s, { name: 'waiting' })
    case 'complete': {
      const quorum = s.stage.name === 'asking' ? s.stage.quorum : []
      return staged(s, { name: 'completed', quorum, result: verdict.result })
    }
    case 'fail':
      return staged(s, { name: 'failed', code: verdict.code, culprits: verdict.culprits })
    case 'expire':
      return staged(s, { name: 'expired' })
  }
}

type Footing = Readonly<{ turn: number; quorum: readonly number[]; tries: Inbox<number> }>

const footing = <T extends Terms>(s: Session<T>): Footing =>
  s.stage.name === 'asking'
    ? { turn: s.stage.turn, quorum: s.stage.quorum, tries: {} }
    : { turn: 0, quorum: indicesOf(s), tries: {} }

/** Begins a round. One to which nobody owes an answer is over at once. */
export function begin<T extends Terms>(
  course: Course<T>,
  s: Session<T>,
  { round, given, said = {} }: Begun<T>,
  { turn, quorum, tries }: Footing = footing(s),
): Session<T> {
  const stage = { name: 'asking', round, turn: turn + 1, given, said, tries, quorum } as Asking<T>
  const next = staged(s, stage)
  return isPause(course, stage) || awaited(course, next).length > 0 ? next : settle(course, next, stage)
}

function hostsSeen<T extends Terms>(
  course: Course<T>,
  before: Session<T>,
  { available, now, ready }: HostsSeen<T>,
): Session<T> {
  if (before.attempt >= MAX_ATTEMPTS) return follow(course, before, { then: 'fail', code: course.lost, culprits: [] })
  const { own, quorum, first } = course.choose(before, available, now, ready)
  const s = own === before.own ? before : { ...before, own }
  if (quorum === null) return s
  return begin(course, { ...s, attempt: s.attempt + 1 }, first ?? course.first(s), { turn: 0, quorum, tries: {} })
}

function said<T extends Terms>(course: Course<T>, s: Session<T>, stage: Asking<T>, event: Answer<T>): Session<T> {
  if (event.round !== stage.round || event.attempt !== s.attempt) return s
  if (!awaited(course, s).includes(event.index)) return s
  if (course.admits?.[stage.round]?.(stage, event.says) === false) return s
  const heard = { ...stage, said: { ...stage.said, [event.index]: event.says } }
  const next = staged(s, heard)
  return awaited(course, next).length > 0 ? next : settle(course, next, heard)
}

const settle = <T extends Terms>(course: Course<T>, s: Session<T>, stage: Asking<T>): Session<T> =>
  follow(course, s, course.settle[stage.round](s, stage as never))

function passed<T extends Terms>(
  course: Course<T>,
  s: Session<T>,
  stage: Asking<T>,
  { attempt, seen }: Passed,
): Session<T> {
  if (attempt !== s.attempt) return s
  const waits = course.waits?.[stage.round]
  return seen === undefined || waits === undefined
    ? settle(course, s, stage)
    : follow(course, s, waits(s, stage as never, seen))
}

/** A refusal counts from whoever takes part in the attempt; where hosts are asked again, only from who still owes an answer. */
function refused<T extends Terms>(
  course: Course<T>,
  s: Session<T>,
  stage: Asking<T>,
  { attempt, index, code, culprits }: RefusedBy,
): Session<T> {
  const counts = isAskedAgain(course, stage) ? awaited(course, s) : [...stage.quorum, ...asked(course, s, stage)]
  if (attempt !== s.attempt || !counts.includes(index)) return s
  const refusal: Refused = { index, code, culprits }
  const verdict = course.refused(s, stage, refusal)
  if (verdict.then !== 'ask_again' && verdict.then !== 'begin') return follow(course, s, verdict)
  const tries = { ...stage.tries, [index]: (stage.tries[index] ?? 0) + 1 }
  const tried = staged(s, { ...stage, tries })
  return verdict.then === 'begin'
    ? begin(course, tried, verdict, { ...footing(tried), tries })
    : follow(course, tried, verdict)
}

/** The work still owed, read off the state alone: a restart resumes where it stopped. */
export function effects<T extends Terms>(course: Course<T>, s: Session<T>): readonly Effect<T>[] {
  const { stage, attempt } = s
  switch (stage.name) {
    case 'waiting':
      return course.isAgreed(s.own) ? [{ type: 'find_hosts' }] : []
    case 'asking': {
      if (isPause(course, stage)) return [{ type: 'pass', attempt }]
      const { round, turn, tries } = stage
      return awaited(course, s).map((index) => ({ type: 'ask', round, turn, attempt, index, tries: tries[index] ?? 0 }))
    }
    case 'completed':
    case 'failed':
    case 'expired':
      return []
  }
}
