import { digestOf } from '@quorate/shared/crypto/sign'
import { EnclaveId, type KeyId, type RefreshId } from '@quorate/shared/wire/ids'
import type { RoundOne, RoundTwo } from '@quorate/shared/wire/keygen'
import type { Certificate, CertificateBody } from '@quorate/shared/wire/certificate'
import type { Installed, Prepared, RefreshRequest } from '@quorate/shared/wire/refresh'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { machineOf } from '../../test/machine-of.ts'
import { begin, MAX_ATTEMPTS, type Event } from '../engine/machine.ts'
import { isInForce, preparing, refreshCourse } from './refresh.ts'
import type { RefreshSession, RefreshTerms } from './refresh-terms.ts'

type RefreshEvent = Event<RefreshTerms>
const machine = machineOf(refreshCourse)
const { hasEnded, transition, after, awaited: waitedFor } = machine

/** Three hosts. The machine opens nothing and verifies nothing, so that markers will do. */
const EXPIRES = 1_000
const hosts = ['enclave-1', 'enclave-2', 'enclave-3'].map((id) => EnclaveId.parse(id))
const asked: RefreshSession = {
  id: 'r',
  keyId: 'k' as KeyId,
  seats: hosts.map((host, at) => ({ index: at + 1, host })),
  attempt: 0,
  own: {
    request: { body: { refreshId: 'r' as RefreshId, asker: 2, expiresAt: EXPIRES }, signature: '' } as RefreshRequest,
    away: [],
  },
  stage: { name: 'waiting' },
}
const sees = (...available: number[]): RefreshEvent => ({
  type: 'hosts_seen',
  available: available.map((at) => hosts[at - 1]!),
  now: 0,
})
const sendsOne = (index: number, attempt = 1): RefreshEvent => ({
  ...{ type: 'said', round: 'round1', attempt, index },
  says: { message: { signature: `m${index}` } as RoundOne },
})
const sendsTwo = (index: number, attempt = 1): RefreshEvent => ({
  ...{ type: 'said', round: 'round2', attempt, index },
  says: {
    packages: [1, 2, 3].filter((to) => to !== index).map((to) => ({ body: { from: index, to } }) as RoundTwo),
  },
})
const certifies = (index: number, attempt = 1): RefreshEvent => ({
  ...{ type: 'said', round: 'round3', attempt, index },
  says: {
    certificate: { epoch: 1 } as CertificateBody,
    signature: `v${index}`,
    sealedShare: `share${index}`,
  },
})
const word = (index: number, life = 1): Prepared =>
  ({ body: { index, word: `${index}/${life}` }, signature: '' }) as Prepared
const prepares = (index: number, life = 1, attempt = 1): RefreshEvent => ({
  ...{ type: 'said', round: 'prepare', attempt, index },
  says: { prepared: word(index, life) },
})
const over = (...lives: number[]) =>
  digestOf(
    'prepared-all',
    [1, 2, 3].map((index) => word(index, lives[index - 1] ?? 1)),
  )
const installs = (index: number, preparedDigest = over()): RefreshEvent => ({
  ...{ type: 'said', round: 'install', attempt: 1, index },
  says: { installed: { body: { index, preparedDigest }, signature: '' } as Installed },
})
type Code = Extract<RefreshEvent, { type: 'refused' }>['code']
const refuses = (code: Code, index = 3, culprits: number[] = [], attempt = 1): RefreshEvent => ({
  ...{ type: 'refused', attempt, index, code, culprits },
})
/** Ten minutes after it began. */
const HELD = 600_000
const looks = (isFree: boolean, now = 0, attempt = 1): RefreshEvent => ({
  ...{ type: 'passed', attempt },
  seen: { now, isFree },
})
const timePasses = (now: number): RefreshEvent => ({ type: 'time_passed', now })

const all = <T>(event: (index: number) => T): T[] => [1, 2, 3].map((index) => event(index))
/** What the world sees, with what the session has come to. */
const phaseOf = (s: RefreshSession) => ({ ...s.stage, name: refreshCourse.status({ version: 1, state: s }).state })
const nameOf = (s: RefreshSession) => {
  const { name } = phaseOf(s)
  return name === 'refreshing' && s.stage.name === 'asking' ? s.stage.round : name
}
const effects = (s: RefreshSession) =>
  machine.effects(s).map(({ type, ...ask }) => {
    if (!('question' in ask)) return { type }
    const { attempt, index, tries, question } = ask
    return { type, attempt, index, ...(type === 'prepare' ? { tries, certificate: question['certificate'] } : {}) }
  })

const round1 = after(asked, sees(1, 2, 3))
const round2 = after(round1, ...all(sendsOne))
const round3 = after(round2, ...all(sendsTwo))
const certified = after(round3, ...all(certifies))
const holding = after(certified, ...all((index) => prepares(index)), looks(false))
const installing = after(holding, looks(true))
const states = {
  gathering: after(asked, sees(1, 2)),
  round1: after(round1, sendsOne(1), sendsOne(2)),
  round2: after(round2, sendsTwo(1), sendsTwo(2)),
  round3: after(round3, certifies(1), certifies(2)),
  preparing: after(certified, prepares(1), prepares(2)),
  holding,
  installing: after(installing, installs(1), installs(2)),
  'preparing anew': after(installing, installs(1), refuses('refresh.not_prepared', 3)),
  completed: after(installing, ...all((index) => installs(index))),
  failed: after(round1, refuses('keygen.bad_package', 3, [1])),
}
const events = {
  hosts: sees(1, 2, 3),
  'round one': sendsOne(3),
  'round two': sendsTwo(3),
  certificate: certifies(3),
  'word that it is prepared': prepares(3),
  'word that it has installed': installs(3),
  'word over what was said before': installs(3, over(1, 1, 2)),
  'lost host': refuses('enclave.unreachable'),
  'late host': refuses('enclave.timeout'),
  'host that has forgotten': refuses('keygen.out_of_order'),
  'host that has restarted': refuses('epoch.unproven'),
  'host that has not prepared': refuses('refresh.not_prepared'),
  'blaming refusal': refuses('keygen.bad_package', 3, [1]),
  'early clock': timePasses(EXPIRES - 1),
  'late clock': timePasses(EXPIRES),
  'open signing': looks(false, 1),
  'end of the last signing': looks(true, 1),
  'end of ten minutes': timePasses(HELD),
}
type Name = keyof typeof states
const inRounds = {
  'host that has forgotten': 'gathering',
  'host that has restarted': 'failed',
  'host that has not prepared': 'failed',
  'blaming refusal': 'failed',
  'late clock': 'failed',
  'end of ten minutes': 'failed',
} as const
const asksAgain = <N extends string>(name: N) => ({ 'lost host': name, 'late host': name }) as const
const again = (name: 'preparing' | 'holding' | 'installing') =>
  ({ ...asksAgain(name), 'host that has restarted': name, 'host that has forgotten': name }) as const
/** An event that a row does not list changes nothing. */
const table: Record<Name, Partial<Record<keyof typeof events, string>>> = {
  gathering: { hosts: 'round1', 'late clock': 'failed', 'end of ten minutes': 'failed' },
  round1: { ...inRounds, ...asksAgain('round1'), 'round one': 'round2' },
  round2: { ...inRounds, ...asksAgain('round2'), 'round two': 'round3' },
  round3: { ...inRounds, ...asksAgain('round3'), certificate: 'preparing' },
  preparing: {
    ...again('preparing'),
    'word that it is prepared': 'holding',
    'host that has not prepared': 'failed',
    'blaming refusal': 'failed',
    'late clock': 'failed',
    'end of ten minutes': 'failed',
  },
  holding: {
    ...again('holding'),
    'host that has not prepared': 'holding',
    'blaming refusal': 'holding',
    'end of the last signing': 'installing',
    'end of ten minutes': 'installing',
  },
  installing: {
    ...again('installing'),
    'word that it has installed': 'completed',
    'host that has not prepared': 'preparing',
    'blaming refusal': 'installing',
  },
  'preparing anew': {
    ...again('preparing'),
    'word that it is prepared': 'installing',
    'host that has not prepared': 'preparing',
    'blaming refusal': 'preparing',
  },
  completed: {},
  failed: {},
}

describe('every state and event of a refresh', () => {
  const names = Object.keys(states) as Name[]
  const pairs = names.flatMap((name) =>
    (Object.keys(events) as (keyof typeof events)[]).map((event) => [name, event] as const),
  )

  it.each(names)('%s is the state that its events lead to', (name) =>
    expect(nameOf(states[name])).toBe(name === 'preparing anew' ? 'preparing' : name),
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
    const late = [sendsOne(3, 7), sendsTwo(3, 7), certifies(3, 7), refuses('enclave.timeout', 3, [], 7)]
    const strangers = [sendsOne(4), sendsTwo(4), certifies(4), prepares(4), installs(4), refuses('enclave.timeout', 4)]
    for (const event of [...late, ...strangers]) expect(transition(states[name], event)).toBe(states[name])
  })

  it.each(names)('%s owes work exactly while it has not ended', (name) => {
    expect(effects(states[name]).length > 0).toBe(!hasEnded(states[name]))
  })
})

describe('a refresh', () => {
  it('reaches the same state however often, and in whatever order, each round arrives', () => {
    const rounds = [all(sendsOne), all(sendsTwo), all(certifies), all((at) => prepares(at)), all((at) => installs(at))]
    const arrivals = rounds.map((round) => fc.shuffledSubarray([...round, ...round], { minLength: 6 }))
    fc.assert(
      fc.property(fc.tuple(...arrivals), (sent) => {
        const [installed = [], ...others] = sent.toReversed()
        const arrived = after(round1, ...others.toReversed().flat(), looks(false), looks(true), ...installed)
        expect(arrived).toEqual(states.completed)
      }),
    )
  })

  it('can fail until all hosts have prepared, and only go on from then', () => {
    const code = fc.constantFrom<Code>('enclave.timeout', 'epoch.unproven', 'epoch.stale', 'refresh.not_prepared')
    const index = fc.integer({ min: 1, max: 3 })
    const any = fc.oneof(
      fc.tuple(code, index).map(([said, at]) => refuses(said, at, [at])),
      index.map((at) => prepares(at, 2)),
      fc.constant(timePasses(EXPIRES + 1)),
    )
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), (happened) => {
        const s = after(installing, ...happened)
        expect(isInForce(s)).toBe(true)
        expect(['preparing', 'installing']).toContain(phaseOf(s).name)
      }),
    )
  })

  it('names who stayed away when its time is over', () => {
    expect(phaseOf(after(asked, sees(2), timePasses(EXPIRES)))).toMatchObject({
      code: 'refresh.hosts_lost',
      culprits: [1, 3],
    })
    expect(phaseOf(after(states.preparing, timePasses(EXPIRES)))).toMatchObject({ culprits: [3] })
  })

  it('has all hosts install over the words that stand, after one of them has restarted', () => {
    const anew = states['preparing anew']
    expect(waitedFor(anew)).toEqual([3])
    const s = after(anew, prepares(3, 2))
    expect(waitedFor(s)).toEqual([1, 2, 3])
    expect(transition(s, installs(1))).toBe(s)
    expect(phaseOf(after(s, ...all((index) => installs(index, over(1, 1, 2))))).name).toBe('completed')
  })

  it('begins anew on all hosts when one has forgotten a round, and is given up after so many attempts', () => {
    const lost = after(round2, sendsTwo(1), refuses('keygen.out_of_order', 2))
    expect(effects(after(lost, sees(1, 2, 3)))).toEqual(all((index) => ({ type: 'round1', attempt: 2, index })))
    let s = asked
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1)
      s = after(s, sees(1, 2, 3), refuses('key.unknown', 1, [], attempt))
    expect(phaseOf(transition(s, sees(1, 2, 3)))).toMatchObject({ name: 'failed', code: 'refresh.hosts_lost' })
  })

  it('lets open signings finish for ten minutes before any host installs, and is not in force until then', () => {
    const prepared = after(certified, ...all((index) => prepares(index)))
    const held = after(prepared, looks(false, 50), looks(false, 60))
    expect(refreshCourse.deadline(held)).toBe(50 + HELD)
    expect(isInForce(held)).toBe(false)
    expect(waitedFor(held)).toEqual([])
    expect(transition(held, timePasses(49 + HELD))).toBe(held)
    for (const event of [timePasses(50 + HELD), looks(false, 50 + HELD), looks(true, 60)]) {
      const next = transition(held, event)
      expect(phaseOf(next).name).toBe('installing')
      expect(isInForce(next)).toBe(true)
    }
    expect(phaseOf(after(prepared, looks(true, 50))).name).toBe('installing')
  })

  it('goes on from an epoch that was certified before', () => {
    const certificate = { body: { epoch: 1 }, signatures: [] } as unknown as Certificate
    const s = begin(refreshCourse, asked, preparing(certificate))
    expect(effects(s)).toEqual(all((index) => ({ type: 'prepare', attempt: 0, index, tries: 0, certificate })))
    expect(phaseOf(after(s, ...all((index) => prepares(index, 1, 0)), looks(true, 0, 0))).name).toBe('installing')
  })
})

describe('what is written of a refresh', () => {
  const way = [asked, round1, round2, round3, certified, holding, installing, states.completed]
  const written = way.map((s, at) => refreshCourse.record(at === 0 ? null : way[at - 1]!, s, 7))

  it('is on the disk where an attempt begins, the next epoch is there, all have prepared, or all have installed', () => {
    expect(written.map(({ durable }) => durable)).toEqual([true, true, false, false, true, true, true, true])
    expect(written.map(({ key }) => key?.step ?? null)).toEqual([
      null,
      null,
      null,
      null,
      'certified',
      null,
      'installing',
      'retired',
    ])
  })

  it('says once what each host said to it', () => {
    const events = written.flatMap(({ audit }) => audit.map(({ event }) => event))
    expect(events).toEqual(['refresh.begun', 'refresh.begun', 'refresh.prepared', 'refresh.completed'])
    const again = after(states['preparing anew'], prepares(3, 2))
    const { audit, key } = refreshCourse.record(installing, again, 7)
    expect(audit).toMatchObject([{ event: 'refresh.prepared' }])
    expect(key).toBeNull()
    expect(refreshCourse.record(installing, after(installing, installs(1)), 7).audit).toEqual([])
  })

  it('has what all hosts said that they installed with the key', () => {
    const installed = all((index) => ({ body: { index, preparedDigest: over() }, signature: '' }))
    expect(written[7]!.key).toEqual({ step: 'retired', epoch: 1, installed })
  })

  it('has who asked for it with the key', () => {
    expect(written[4]!.key).toMatchObject({ step: 'certified', record: { asker: 2 } })
  })

  it('has the shares of the next epoch with the key, and none of them in the session', () => {
    expect(written[4]!.key).toMatchObject({ record: { shares: [{ sealed: 'share1' }, {}, {}] } })
    expect(JSON.stringify(refreshCourse.stored!(certified))).not.toContain('share1')
  })
})
