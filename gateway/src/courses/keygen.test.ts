import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_ATTEMPTS } from '../engine/machine.ts'
import { keygenCourse } from './keygen.ts'
import type { KeygenSession } from './keygen-terms.ts'

import {
  type KeygenEvent,
  machine,
  hasEnded,
  transition,
  after,
  EXPIRES,
  JOIN_BY,
  reservedUntil,
  reserved,
  initialises,
  registers,
  sees,
  seesAll,
  sendsOne,
  sendsTwo,
  certifies,
  word,
  prepares,
  over,
  installs,
  type Code,
  refuses,
  timePasses,
  all,
  phaseOf,
  nameOf,
  effects,
  collecting,
  gathering,
  round1,
  round2,
  round3,
  certified,
  agreed,
} from '../../test/keygen-session.ts'

const states = {
  reserved,
  collecting_participants: after(collecting, registers(1), registers(2)),
  gathering,
  round1: after(round1, sendsOne(1), sendsOne(2)),
  round2: after(round2, sendsTwo(1), sendsTwo(2)),
  round3: after(round3, certifies(1), certifies(2)),
  prepare: after(certified, prepares(1), prepares(2)),
  install: after(agreed, installs(1), installs(2)),
  'preparing anew': after(agreed, installs(1), refuses('refresh.not_prepared', 3)),
  completed: after(agreed, ...all((index) => installs(index))),
  failed: after(round1, refuses('keygen.roster_mismatch', 3, [1])),
  expired: after(collecting, timePasses(EXPIRES)),
}
const events = {
  init: initialises('second'),
  registration: registers(3),
  'known registration': registers(1),
  hosts: seesAll,
  'round one': sendsOne(3),
  'round two': sendsTwo(3),
  'round two with a package short': sendsTwo(3, 1, [1]),
  certificate: certifies(3),
  'another certificate': certifies(3, 1, 'other'),
  'word that it is prepared': prepares(3),
  'word that it has installed': installs(3),
  'word over what was said before': installs(3, over(1, 1, 2)),
  'lost host': refuses('enclave.unreachable'),
  'host that has restarted': refuses('key.unknown'),
  'host that cannot tell': refuses('epoch.unproven'),
  'host that has not prepared': refuses('refresh.not_prepared'),
  'host that has another key': refuses('keygen.installed'),
  'late host': refuses('enclave.timeout'),
  'host that has forgotten': refuses('keygen.out_of_order'),
  'blaming refusal': refuses('keygen.bad_package', 3, [1]),
  'early clock': timePasses(EXPIRES - 1),
  'late clock': timePasses(EXPIRES),
}
type Name = keyof typeof states
const refusals = {
  'host that has restarted': 'gathering',
  'host that cannot tell': 'failed',
  'host that has not prepared': 'failed',
  'host that has another key': 'failed',
  'blaming refusal': 'failed',
  'late clock': 'failed',
} as const
const preparing = {
  ...refusals,
  'word that it is prepared': 'install',
  'host that cannot tell': 'gathering',
  'lost host': 'prepare',
  'late host': 'prepare',
  'host that has forgotten': 'prepare',
} as const
const inRounds = { ...refusals, 'host that has forgotten': 'gathering' } as const
const asksAgain = (name: 'round1' | 'round2' | 'round3') => ({ 'lost host': name, 'late host': name }) as const
/** An event that a row does not list changes nothing. */
const table: Record<Name, Partial<Record<keyof typeof events, Name>>> = {
  reserved: { init: 'collecting_participants', 'late clock': 'expired' },
  collecting_participants: { registration: 'gathering', 'late clock': 'expired' },
  gathering: { hosts: 'round1', 'late clock': 'failed' },
  round1: { ...inRounds, ...asksAgain('round1'), 'round one': 'round2' },
  round2: {
    ...inRounds,
    ...asksAgain('round2'),
    'round two': 'round3',
    'round two with a package short': 'failed',
  },
  round3: { ...inRounds, ...asksAgain('round3'), certificate: 'prepare', 'another certificate': 'failed' },
  prepare: preparing,
  'preparing anew': preparing,
  install: {
    ...refusals,
    'word that it has installed': 'completed',
    'lost host': 'install',
    'late host': 'install',
    'host that has forgotten': 'install',
    'host that has restarted': 'install',
    'host that has not prepared': 'prepare',
  },
  completed: {},
  failed: {},
  expired: {},
}

describe('every state and event', () => {
  const names = Object.keys(states) as Name[]
  const pairs = names.flatMap((name) =>
    (Object.keys(events) as (keyof typeof events)[]).map((event) => [name, event] as const),
  )

  it.each(names)('%s is the state that its events lead to', (name) =>
    expect(nameOf(states[name])).toBe(name === 'preparing anew' ? 'prepare' : name),
  )

  it.each(pairs)('%s meets %s as the table says', (name, event) => {
    const expected = table[name][event]
    const next = transition(states[name], events[event])
    if (expected === undefined) expect(next).toBe(states[name])
    else {
      expect(next).not.toBe(states[name])
      expect(nameOf(next)).toBe(expected)
    }
  })

  it.each(names)('%s ignores answers of other attempts and of strangers', (name) => {
    const late = [
      ...[sendsOne(3, 7), sendsTwo(3, 7), certifies(3, 7), prepares(3, 1, 7), installs(3, over(), 7)],
      refuses('keygen.bad_package', 3, [], 7),
    ]
    const strangers = [
      registers(4),
      registers(0),
      sendsOne(4),
      sendsTwo(4),
      certifies(4),
      prepares(4),
      installs(4),
      refuses('keygen.bad_package', 4),
    ]
    for (const event of [...late, ...strangers]) expect(transition(states[name], event)).toBe(states[name])
  })

  it.each(names)('%s owes work exactly while the key is being generated', (name) => {
    expect(effects(states[name]).length > 0).toBe(phaseOf(states[name]).name === 'key_generation')
  })
})

describe('a keygen', () => {
  it('is over early while one participant at most has registered, and not after that', () => {
    const alone = after(collecting, registers(1))
    for (const s of [collecting, alone]) {
      expect(transition(s, timePasses(JOIN_BY - 1))).toBe(s)
      expect(nameOf(transition(s, timePasses(JOIN_BY)))).toBe('expired')
    }
    const joined = after(alone, registers(2))
    expect(transition(joined, timePasses(EXPIRES - 1))).toBe(joined)
  })

  it('gives way to others until everybody has registered', () => {
    const displaced: KeygenEvent = { type: 'told', word: { type: 'displaced' } }
    for (const s of [reserved, collecting, states.collecting_participants])
      expect(phaseOf(transition(s, displaced))).toMatchObject({ name: 'failed', code: 'keygen.displaced' })
    for (const s of [gathering, states.round1, states.completed]) expect(transition(s, displaced)).toBe(s)
  })

  it('waits for a host to prepare anew that has restarted, when others have met its later life before', () => {
    const met = after(agreed, refuses('life.retired', 1), refuses('life.retired', 2))
    expect(hasEnded(met)).toBe(false)
    expect(after(met, refuses('refresh.not_prepared', 3)).stage).toMatchObject({ name: 'asking', round: 'prepare' })
  })

  it('reaches the same state however often, and in whatever order, each round arrives', () => {
    const steps = [all((index) => prepares(index)), all((index) => installs(index))]
    const rounds = [all(registers), all(sendsOne), all(sendsTwo), all(certifies), ...steps]
    const arrivals = rounds.map((round) => fc.shuffledSubarray([...round, ...round], { minLength: 6 }))
    fc.assert(
      fc.property(fc.tuple(...arrivals), ([registered = [], ...sent]) => {
        expect(after(collecting, ...registered, seesAll, ...sent.flat())).toEqual(states.completed)
      }),
    )
  })

  it('ends at its deadline at the latest, whatever has happened', () => {
    const indices = fc.integer({ min: 0, max: 4 })
    const attempts = fc.integer({ min: 0, max: MAX_ATTEMPTS + 1 })
    const any: fc.Arbitrary<KeygenEvent> = fc.oneof(
      fc.constant(initialises()),
      fc.constant(seesAll),
      indices.map((index) => registers(index)),
      indices.map((index) => prepares(index)),
      indices.map((index) => installs(index)),
      indices.map((index) => refuses('refresh.not_prepared', index)),
      fc.tuple(indices, attempts).map(([index, attempt]) => sendsOne(index, attempt)),
      fc.tuple(indices, attempts).map(([index, attempt]) => sendsTwo(index, attempt)),
      fc.tuple(indices, attempts).map(([index, attempt]) => certifies(index, attempt)),
      fc.tuple(indices, attempts).map(([index, attempt]) => refuses('enclave.timeout', index, [], attempt)),
    )
    fc.assert(
      fc.property(fc.array(any, { maxLength: 80 }), (events) => {
        let s = reserved
        for (const event of events) {
          const next = transition(s, event)
          if (hasEnded(s)) expect(next).toBe(s)
          s = next
        }
        expect(hasEnded(transition(s, timePasses(EXPIRES)))).toBe(true)
      }),
    )
  })

  it('routes every package to whom it is for', () => {
    const owed = effects(round3)
    expect(owed).toHaveLength(3)
    expect(owed).toMatchObject(
      all((index) => ({ index, packages: [{ body: { to: index } }, { body: { to: index } }] })),
    )
  })

  it('keeps shares and signatures in the order of indices', () => {
    const made = after(round3, certifies(3), certifies(1), certifies(2))
    const s = after(made, ...[3, 1, 2].map((index) => prepares(index)), ...[2, 3, 1].map((index) => installs(index)))
    expect(phaseOf(s)).toMatchObject({
      name: 'completed',
      certificate: { signatures: ['v1', 'v2', 'v3'] },
      shares: all((index) => ({ index, sealed: `share${index}` })),
      prepared: all((index) => word(index)),
      installed: all((index) => ({ body: { index } })),
    })
  })

  it('names who certified another key than most', () => {
    const s = after(round3, certifies(1), certifies(2, 1, 'other'), certifies(3))
    expect(phaseOf(s)).toMatchObject({ name: 'failed', code: 'keygen.certificate_mismatch', culprits: [2] })
  })

  it('begins anew on all hosts when one is lost, once all are there', () => {
    const lost = after(round2, sendsTwo(1), refuses('keygen.unknown', 2))
    expect(transition(lost, sees(1, 3))).toBe(lost)
    expect(effects(transition(lost, seesAll))).toEqual(all((index) => ({ type: 'round1', attempt: 2, index })))
  })

  it('asks a host that was lost again, with its share, until it has prepared and installed', () => {
    const away = after(certified, prepares(1), prepares(2), refuses('enclave.unreachable', 3))
    expect(machine.effects(away)).toMatchObject([{ index: 3, tries: 1, question: { sealedShare: 'share3' } }])
    const installing = after(away, prepares(3), installs(1), refuses('enclave.timeout', 2))
    expect(machine.effects(installing)).toMatchObject([
      { index: 2, tries: 1, question: { prepared: all((index) => word(index)) } },
      { index: 3, tries: 0 },
    ])
  })

  it('has a host that restarted prepare again, and then all install over what they say now', () => {
    const anew = states['preparing anew']
    expect(machine.effects(anew)).toMatchObject([{ type: 'prepare', index: 3 }])
    const again = after(anew, prepares(3, 2))
    expect(machine.effects(again).map(({ type }) => type)).toEqual(['install', 'install', 'install'])
    expect(transition(again, installs(1))).toBe(again)
    const digest = over(1, 1, 2)
    expect(phaseOf(after(again, ...all((index) => installs(index, digest)))).name).toBe('completed')
  })

  it('that hosts leave before all have installed it fails with their names, and keeps nothing of the key', () => {
    const s = transition(states.install, timePasses(EXPIRES))
    expect(phaseOf(s)).toMatchObject({ name: 'failed', code: 'keygen.hosts_lost', culprits: [3] })
    expect(keygenCourse.record(states.install, s, 7).key).toBeNull()
    expect(JSON.stringify(s)).not.toContain('share1')
  })

  it('keeps what others have said in a round while one is away or late, and asks that one again', () => {
    const s = after(round2, sendsTwo(1), refuses('enclave.timeout', 2), refuses('enclave.unreachable', 3))
    expect(effects(s)).toEqual([2, 3].map((index) => ({ type: 'round2', attempt: 1, index })))
    expect(nameOf(after(s, sendsTwo(2), sendsTwo(3)))).toBe('round3')
  })

  it('does not ask a host for ever that is late again and again, and waits for one that is away', () => {
    const often = (code: Code) => Array.from({ length: 100 }, () => refuses(code, 2))
    expect(nameOf(after(round2, ...often('enclave.timeout')))).toBe('gathering')
    expect(nameOf(after(round2, ...often('enclave.unreachable')))).toBe('round2')
  })

  it('begins anew when a host was brought what others had not signed, which is nobody’s fault among them', () => {
    const s = after(round3, refuses('keygen.misdelivered', 3), seesAll)
    expect(s.attempt).toBe(2)
  })

  it('holds a reservation that nobody makes use of for a shorter time', () => {
    const s = reservedUntil(10)
    expect(transition(s, timePasses(9))).toBe(s)
    expect(phaseOf(transition(s, timePasses(10))).name).toBe('expired')
    const begun = transition(s, initialises())
    expect(transition(begun, timePasses(10))).toBe(begun)
  })

  it('is given up after so many attempts', () => {
    let s = gathering
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1)
      s = after(s, seesAll, refuses('keygen.out_of_order', 1, [], attempt))
    expect(phaseOf(transition(s, seesAll))).toMatchObject({ name: 'failed', code: 'keygen.hosts_lost' })
  })
})

describe('what is written of a keygen', () => {
  const written = (before: KeygenSession | null, s: KeygenSession) => keygenCourse.record(before, s, 7)

  it('is on the disk before a registration, the begin of an attempt, or an end is acknowledged', () => {
    expect(written(null, reserved).durable).toBe(false)
    expect(written(reserved, collecting).durable).toBe(true)
    expect(written(collecting, gathering).durable).toBe(true)
    expect(written(gathering, round1).durable).toBe(true)
    expect(written(round1, round2).durable).toBe(false)
    expect(written(certified, agreed).durable).toBe(true)
    expect(written(agreed, states.completed).durable).toBe(true)
    expect(written(round1, states.failed).durable).toBe(true)
  })

  it('says once that an attempt begins, and how the keygen ends', () => {
    const events = [
      reserved,
      collecting,
      gathering,
      round1,
      round2,
      round3,
      certified,
      agreed,
      states.completed,
    ].flatMap((s, at, all) => written(at === 0 ? null : all[at - 1]!, s).audit.map(({ event }) => event))
    expect(events).toEqual(['keygen.begun', 'keygen.completed'])
  })

  it('has the shares with the key, and none of them, nor any init, in the session', () => {
    expect(written(agreed, states.completed).key).toMatchObject({
      step: 'made',
      record: { shares: [{ index: 1 }, {}, {}], prepared: all((index) => word(index)), installed: [{}, {}, {}] },
    })
    const stored = JSON.stringify(keygenCourse.stored!(states.completed))
    expect(stored).not.toContain('share1')
    expect(stored).not.toContain('first"}]')
    expect(keygenCourse.stored!(round3)).toBe(round3)
  })
})
