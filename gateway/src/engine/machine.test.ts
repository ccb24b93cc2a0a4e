import type { RefusalCode } from '@quorate/shared/errors'
import { describe, expect, it } from 'vitest'
import { machineOf } from '../../test/machine-of.ts'
import { begunWith, EXPIRES, hosts, toyCourse, type ToySession, type ToyTerms } from '../../test/toy-course.ts'
import type { Course } from './course.ts'
import { effects, MAX_ATTEMPTS, type Event } from './machine.ts'
import { isRepeatable } from './repeatable.ts'

/* What the machine does for any ceremony, shown over a small one. */

const machine = machineOf(toyCourse)
const { after, awaited, transition } = machine
type ToyEvent = Event<ToyTerms>

const sees = (...indices: number[]): ToyEvent => ({
  type: 'hosts_seen',
  available: indices.map((index) => hosts[index - 1]!),
  now: 0,
})
type Round = 'gather' | 'join' | 'sign'
const said = (round: Round, index: number, { attempt = 1, word = `${round} ${index}` } = {}): ToyEvent => ({
  type: 'said',
  round,
  attempt,
  index,
  says: { word },
})
const passed: ToyEvent = { type: 'passed', attempt: 1 }
const refused = (
  index: number,
  { attempt = 1, code = 'enclave.busy' }: { attempt?: number; code?: RefusalCode } = {},
): ToyEvent => ({
  type: 'refused',
  attempt,
  index,
  code,
  culprits: [index],
})
const asked = (s: ToySession) => machine.effects(s).map(({ type, ...ask }) => [type, 'index' in ask ? ask.index : null])
const roundOf = ({ stage }: ToySession) => (stage.name === 'asking' ? stage.round : stage.name)
const triesOf = ({ stage }: ToySession) => (stage.name === 'asking' ? stage.tries : null)

const waiting = begunWith()
/** The quorum is [2, 3], so that neither its first nor its members are simply the first seats. */
const gather = after(waiting, sees(2, 3, 1))
const weigh = after(gather, said('gather', 1), said('gather', 2), said('gather', 3))
const join = after(weigh, passed)
const sign = after(join, said('join', 2))
const completed = after(sign, said('sign', 2), said('sign', 3))
const all = { waiting, gather, weigh, join, sign, completed }

describe('a round', () => {
  it('asks every seat, nobody, or the quorum, as its row says, and of these whom it has a question for', () => {
    expect([gather, weigh, join, sign].map(asked)).toEqual([
      [
        ['gather', 1],
        ['gather', 2],
        ['gather', 3],
      ],
      [['pass', null]],
      [['join', 2]],
      [
        ['sign', 2],
        ['sign', 3],
      ],
    ])
    expect(completed.stage).toEqual({ name: 'completed', quorum: [2, 3], result: ['sign 2', 'sign 3'] })
  })

  it('gives to the next one what it was told, in the order of indices', () => {
    const mixed = after(gather, said('gather', 3), said('gather', 1), said('gather', 2), passed)
    expect(machine.effects(mixed)).toMatchObject([{ question: { words: ['gather 1', 'gather 2', 'gather 3'] } }])
  })

  it('that asks nobody may last, until what it waits for has come', () => {
    const waits: Course<ToyTerms>['waits'] = {
      weigh: (_, { given }, { isFree }) => (isFree ? { then: 'begin', round: 'join', given } : { then: 'stay' }),
    }
    const slow = machineOf({ ...toyCourse, waits })
    const look = (isFree: boolean, attempt = 1): ToyEvent => ({ type: 'passed', attempt, seen: { now: 0, isFree } })
    expect(slow.transition(weigh, look(false))).toBe(weigh)
    expect(slow.transition(weigh, look(true, 2))).toBe(weigh)
    expect(roundOf(slow.transition(weigh, look(true)))).toBe('join')
    expect(roundOf(transition(weigh, look(false)))).toBe('join')
  })

  it('is owed nothing by whom it has no question for, and takes nothing from them', () => {
    const s = after(begunWith({ inStock: [2] }), sees(2, 3))
    expect(awaited(s)).toEqual([1, 3])
    expect(transition(s, said('gather', 2))).toBe(s)
    expect(transition(s, refused(2))).toBe(s)
    expect(roundOf(after(s, said('gather', 1), said('gather', 3)))).toBe('weigh')
  })

  it('is over at once when nobody owes an answer', () => {
    const s = transition(begunWith({ inStock: [1, 2, 3] }), sees(2, 3))
    expect(s).toMatchObject({ attempt: 1, stage: { round: 'weigh', turn: 2 } })
  })

  it('hears each host once, and nobody else', () => {
    const once = transition(gather, said('gather', 1))
    for (const index of [0, 1, 4]) expect(transition(once, said('gather', index, { word: 'other' }))).toBe(once)
    expect(transition(join, said('join', 3))).toBe(join)
    expect(transition(sign, said('sign', 1))).toBe(sign)
  })

  it('waits on when an answer does not count', () => {
    expect(transition(gather, said('gather', 1, { word: 'mumble' }))).toBe(gather)
  })

  it.each(Object.keys(all) as (keyof typeof all)[])('is not changed by late events: %s', (name) => {
    const s = all[name]
    const rounds = (['gather', 'join', 'sign'] as const).filter((round) => round !== roundOf(s))
    const late = [0, 2].flatMap((attempt) => [
      ...(['gather', 'join', 'sign'] as const).map((round) => said(round, 2, { attempt })),
      refused(2, { attempt }),
      { type: 'passed', attempt } as const,
    ])
    for (const event of [...rounds.map((round) => said(round, 2)), ...late]) expect(transition(s, event)).toBe(s)
    if (name !== 'weigh') expect(transition(s, passed)).toBe(s)
  })
})

describe('a lost host', () => {
  it('is asked the same again in a round that says so, and what the others said stands', () => {
    const s = after(gather, said('gather', 1), refused(2), refused(2))
    expect(s).toMatchObject({ attempt: 1, stage: { round: 'gather', turn: 1, tries: { 2: 2 } } })
    expect(effects(toyCourse, s)).toMatchObject([
      { index: 2, turn: 1, tries: 2 },
      { index: 3, turn: 1, tries: 0 },
    ])
    expect(triesOf(after(s, said('gather', 2), said('gather', 3)))).toEqual({})
  })

  it('counts there only while it owes an answer', () => {
    const s = transition(gather, said('gather', 1))
    expect(transition(s, refused(1))).toBe(s)
    expect(transition(s, refused(1, { code: 'content.invalid' }))).toBe(s)
    expect(transition(s, refused(4))).toBe(s)
  })

  it('costs the attempt elsewhere, also when it has answered before, or is not asked in this round', () => {
    for (const s of [after(sign, said('sign', 2)), join])
      for (const index of [2, 3]) expect(transition(s, refused(index))).toEqual({ ...waiting, attempt: 1 })
    expect(transition(sign, refused(1))).toBe(sign)
  })

  it('counts in a round that asks all, also when it is not of the quorum', () => {
    const startsOver = machineOf<ToyTerms>({
      ...toyCourse,
      of: {
        ...toyCourse.of,
        rounds: { ...toyCourse.of.rounds, gather: { ...toyCourse.of.rounds.gather, loss: 'new_attempt' } },
      },
      refused: () => ({ then: 'new_attempt' }),
    } as unknown as Course<ToyTerms>)
    expect(startsOver.transition(gather, refused(1)).stage).toEqual({ name: 'waiting' })
  })

  it('is another question when it is asked the same again, in a round of any kind', () => {
    const asksAgain = machineOf<ToyTerms>({ ...toyCourse, refused: () => ({ then: 'ask_again' }) })
    expect(triesOf(asksAgain.transition(sign, refused(2)))).toEqual({ 2: 1 })
  })

  it('may fail the session', () => {
    const { stage } = transition(gather, refused(2, { code: 'content.invalid' }))
    expect(stage).toEqual({ name: 'failed', code: 'content.invalid', culprits: [2] })
  })

  it('may take the others back to a round, which is another question, with answers that stand and tries that count on', () => {
    const goesBack = machineOf<ToyTerms>({
      ...toyCourse,
      refused: () => ({ then: 'begin', round: 'gather', given: null, said: { 1: { word: 'kept' } } }),
    })
    const s = goesBack.after(gather, said('gather', 3), refused(2), refused(2))
    expect(s.stage).toMatchObject({ round: 'gather', turn: 3, said: { 1: { word: 'kept' } }, tries: { 2: 2 } })
    expect(goesBack.awaited(s)).toEqual([2, 3])
  })
})

describe('a session', () => {
  it('looks for hosts only when people have agreed', () => {
    const s = begunWith({ agreed: false })
    expect(asked(s)).toEqual([])
    expect(transition(s, sees(1, 2, 3))).toBe(s)
    expect(asked(transition(s, { type: 'told', word: true }))).toEqual([['find_hosts', null]])
  })

  it('waits while there is no quorum, and looks for none once it has one', () => {
    expect(transition(waiting, sees(1))).toBe(waiting)
    expect(transition(gather, sees(1, 2))).toBe(gather)
  })

  it('begins anew from the first round with another quorum, and is given up after so many attempts', () => {
    const toSigning = (s: ToySession, attempt: number) =>
      [1, 2, 3]
        .map((index) => said('gather', index, { attempt }))
        .reduce(transition, transition(s, attempt % 2 === 0 ? sees(2, 3) : sees(1, 2)))
    let s = waiting
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      s = toSigning(s, attempt)
      expect(s).toMatchObject({
        attempt,
        stage: { round: 'weigh', turn: 2, quorum: attempt % 2 === 0 ? [2, 3] : [1, 2] },
      })
      s = after(s, { type: 'passed', attempt }, refused(2, { attempt }))
    }
    expect(transition(s, sees()).stage).toMatchObject({ name: 'failed', code: 'signing.hosts_lost' })
    const { attempt, stage } = transition(s, sees(2, 3))
    expect(attempt).toBe(MAX_ATTEMPTS)
    expect(stage).toEqual({ name: 'failed', code: 'signing.hosts_lost', culprits: [] })
  })

  it('ends at its deadline and not before, with the names of those who owe an answer', () => {
    const s = after(gather, said('gather', 2))
    expect(transition(s, { type: 'time_passed', now: EXPIRES - 1 })).toBe(s)
    const { stage } = transition(s, { type: 'time_passed', now: EXPIRES })
    expect(stage).toEqual({ name: 'failed', code: 'signing.hosts_lost', culprits: [1, 3] })
  })

  it('is not changed by anything once it has ended', () => {
    const told: ToyEvent = { type: 'told', word: false }
    for (const event of [told, sees(1, 2, 3), refused(2), { type: 'time_passed', now: 2 * EXPIRES } as const])
      expect(transition(completed, event)).toBe(completed)
    expect(machine.effects(completed)).toEqual([])
  })
})

describe('what a host would give again', () => {
  const forgetful: Course<ToyTerms> = { ...toyCourse, savesRounds: false }
  /** Need it not be remembered: where rounds are saved, and where they are not? */
  const kept = (s: ToySession, event: ToyEvent): [boolean, boolean] => [
    isRepeatable(toyCourse, transition(s, event), event),
    isRepeatable(forgetful, transition(s, event), event),
  ]

  it('is an answer that does not end its round; and any that does not end the session, where rounds are not saved', () => {
    expect(kept(gather, said('gather', 1))).toEqual([true, true])
    expect(kept(join, said('join', 2))).toEqual([false, true])
    expect(kept(weigh, passed)).toEqual([false, true])
    expect(kept(after(sign, said('sign', 2)), said('sign', 3))).toEqual([false, false])
  })

  it('is a refusal after which it is asked the same again, and no other', () => {
    expect(kept(gather, refused(1))).toEqual([true, true])
    expect(kept(sign, refused(2))).toEqual([false, false])
    expect(kept(gather, refused(1, { code: 'content.invalid' }))).toEqual([false, false])
    expect(isRepeatable(toyCourse, join, refused(2))).toBe(false)
  })

  it('is not an answer that led to another attempt', () => {
    const second = after(sign, refused(2), sees(2, 3))
    expect(second.attempt).toBe(2)
    expect(isRepeatable(forgetful, second, said('sign', 2))).toBe(false)
  })

  it('is not what people, the clock, or the fleet said', () => {
    for (const [s, event] of [
      [waiting, { type: 'told', word: false }],
      [waiting, sees(1, 2, 3)],
      [gather, { type: 'time_passed', now: EXPIRES }],
    ] as const)
      expect(kept(s, event)).toEqual([false, false])
  })
})
