import { defaultScheme } from '@quorate/shared/schemes/table'
import { EnclaveId, type KeyId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { RoundOne, RoundTwo, Skeleton } from '@quorate/shared/wire/keygen'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { machineOf } from '../../test/machine-of.ts'
import { MAX_ATTEMPTS, type Event } from '../engine/machine.ts'
import { keygenCourse, type KeygenSession, type KeygenTerms, type Registered } from './keygen.ts'

type KeygenEvent = Event<KeygenTerms>
const machine = machineOf(keygenCourse)
const { hasEnded, transition, after } = machine

/** Three participants on three enclaves; two are needed. The machine opens nothing, so that markers will do. */
const EXPIRES = 1_000
/** When a keygen is over that nobody has joined. */
const JOIN_BY = 500
const hosts = ['enclave-1', 'enclave-2', 'enclave-3'].map((id) => EnclaveId.parse(id))
const reservedUntil = (initBy: number): KeygenSession => ({
  id: 'k',
  keyId: 'k' as KeyId,
  seats: hosts.map((host, at) => ({ index: at + 1, host })),
  attempt: 0,
  own: {
    holder: 'h',
    scheme: defaultScheme,
    threshold: 2,
    expiresAt: EXPIRES,
    people: hosts.map((enclaveId, at) => ({
      userId: `u${at + 1}`,
      identity: { enclaveId } as EnclaveIdentity,
    })),
    plan: { name: 'reserved', initBy },
  },
  stage: { name: 'waiting' },
})
const reserved = reservedUntil(EXPIRES)
const initialises = (marker = 'first'): KeygenEvent => ({
  type: 'told',
  word: {
    type: 'initialised',
    skeleton: { marker } as unknown as Skeleton,
    inits: hosts.map((enclaveId) => ({ enclaveId, sealed: marker })),
    joinBy: JOIN_BY,
  },
})
const registers = (index: number, sealed = `s${index}`): KeygenEvent => ({
  type: 'told',
  word: { type: 'registered', index, registered: { sealed } as Registered },
})
const sees = (...available: number[]): KeygenEvent => ({
  type: 'hosts_seen',
  available: available.map((at) => hosts[at - 1]!),
  now: 0,
})
const seesAll = sees(1, 2, 3)
const sendsOne = (index: number, attempt = 1): KeygenEvent => ({
  type: 'said',
  round: 'round1',
  attempt,
  index,
  says: { message: { signature: `m${index}` } as RoundOne },
})
const sendsTwo = (index: number, attempt = 1, to = [1, 2, 3].filter((other) => other !== index)): KeygenEvent => ({
  type: 'said',
  round: 'round2',
  attempt,
  index,
  says: { packages: to.map((other) => ({ body: { from: index, to: other } }) as RoundTwo) },
})
const certifies = (index: number, attempt = 1, digest = 'd'): KeygenEvent => ({
  type: 'said',
  round: 'round3',
  attempt,
  index,
  says: {
    certificate: { groupKey: digest } as CertificateBody,
    signature: `v${index}`,
    sealedShare: `share${index}`,
  },
})
type Code = Extract<KeygenEvent, { type: 'refused' }>['code']
const refuses = (code: Code, index = 3, culprits: number[] = [], attempt = 1): KeygenEvent => ({
  type: 'refused',
  attempt,
  index,
  code,
  culprits,
})
const timePasses = (now: number): KeygenEvent => ({ type: 'time_passed', now })

const all = <T>(event: (index: number) => T): T[] => [1, 2, 3].map((index) => event(index))
/** What the world sees, with what the session has come to. */
const phaseOf = (s: KeygenSession) => {
  const { stage } = s
  const name = keygenCourse.status({ version: 1, state: s }).state
  return stage.name === 'completed' ? { ...stage.result, name } : { ...stage, name }
}
const nameOf = (s: KeygenSession) => {
  const { name } = phaseOf(s)
  if (name !== 'key_generation') return name
  return s.stage.name === 'asking' ? s.stage.round : 'gathering'
}
const effects = (s: KeygenSession) =>
  machine.effects(s).map(({ type, ...ask }) => {
    if (!('question' in ask)) return { type }
    const { attempt, index, question } = ask
    return { type, attempt, index, ...('packages' in question ? { packages: question['packages'] } : {}) }
  })

const collecting = after(reserved, initialises())
const gathering = after(collecting, ...all(registers))
const round1 = after(gathering, seesAll)
const round2 = after(round1, ...all(sendsOne))
const round3 = after(round2, ...all(sendsTwo))
const states = {
  reserved,
  collecting_participants: after(collecting, registers(1), registers(2)),
  gathering,
  round1: after(round1, sendsOne(1), sendsOne(2)),
  round2: after(round2, sendsTwo(1), sendsTwo(2)),
  round3: after(round3, certifies(1), certifies(2)),
  completed: after(round3, ...all(certifies)),
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
  'lost host': refuses('enclave.unreachable'),
  'blaming refusal': refuses('keygen.bad_package', 3, [1]),
  'early clock': timePasses(EXPIRES - 1),
  'late clock': timePasses(EXPIRES),
}
type Name = keyof typeof states
const refusals = { 'lost host': 'gathering', 'blaming refusal': 'failed', 'late clock': 'failed' } as const
/** An event that a row does not list changes nothing. */
const table: Record<Name, Partial<Record<keyof typeof events, Name>>> = {
  reserved: { init: 'collecting_participants', 'late clock': 'expired' },
  collecting_participants: { registration: 'gathering', 'late clock': 'expired' },
  gathering: { hosts: 'round1', 'late clock': 'failed' },
  round1: { ...refusals, 'round one': 'round2' },
  round2: { ...refusals, 'round two': 'round3', 'round two with a package short': 'failed' },
  round3: { ...refusals, certificate: 'completed', 'another certificate': 'failed' },
  completed: {},
  failed: {},
  expired: {},
}

describe('every state and event', () => {
  const names = Object.keys(states) as Name[]
  const pairs = names.flatMap((name) =>
    (Object.keys(events) as (keyof typeof events)[]).map((event) => [name, event] as const),
  )

  it.each(names)('%s is the state that its events lead to', (name) => expect(nameOf(states[name])).toBe(name))

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
    const late = [sendsOne(3, 7), sendsTwo(3, 7), certifies(3, 7), refuses('keygen.bad_package', 3, [], 7)]
    const strangers = [
      registers(4),
      registers(0),
      sendsOne(4),
      sendsTwo(4),
      certifies(4),
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

  it('reaches the same state however often, and in whatever order, each round arrives', () => {
    const rounds = [all(registers), all(sendsOne), all(sendsTwo), all(certifies)]
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
    const s = after(round3, certifies(3), certifies(1), certifies(2))
    expect(phaseOf(s)).toMatchObject({
      name: 'completed',
      certificate: { signatures: ['v1', 'v2', 'v3'] },
      shares: all((index) => ({ index, sealed: `share${index}` })),
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
      s = after(s, seesAll, refuses('enclave.timeout', 1, [], attempt))
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
    expect(written(round3, states.completed).durable).toBe(true)
    expect(written(round1, states.failed).durable).toBe(true)
  })

  it('says once that an attempt begins, and how the keygen ends', () => {
    const events = [reserved, collecting, gathering, round1, round2, round3, states.completed].flatMap((s, at, all) =>
      written(at === 0 ? null : all[at - 1]!, s).audit.map(({ event }) => event),
    )
    expect(events).toEqual(['keygen.begun', 'keygen.completed'])
  })

  it('has the shares with the key, and none of them, nor any init, in the session', () => {
    expect(written(round3, states.completed).key).toMatchObject({
      step: 'made',
      record: { shares: [{ index: 1 }, {}, {}] },
    })
    const stored = JSON.stringify(keygenCourse.stored!(states.completed))
    expect(stored).not.toContain('share1')
    expect(stored).not.toContain('first"}]')
    expect(keygenCourse.stored!(round3)).toBe(round3)
  })
})
