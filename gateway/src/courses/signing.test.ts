import type { Grant } from '@quorate/shared/wire/consent'
import { EnclaveId, type Digest, type KeyId } from '@quorate/shared/wire/ids'
import type {
  FreshCommitment,
  Partial as PartialWord,
  SigningReceipt,
  SigningRequest,
  SigningState,
} from '@quorate/shared/wire/signing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { machineOf } from '../../test/machine-of.ts'
import { decisionOf, grantOf, keyWith } from '../../test/owned-key.ts'
import { MAX_ATTEMPTS, type Event } from '../engine/machine.ts'
import { signingCourse } from './signing.ts'
import type { SigningSession, SigningTerms } from './signing-terms.ts'

type SigningEvent = Event<SigningTerms>
const machine = machineOf(signingCourse)
const { hasEnded, transition, after } = machine

/** Asker 1; participants 1, 2, 3 on three enclaves; two are needed. The machine opens nothing, so that markers will do. */
const hosts = ['enclave-1', 'enclave-2', 'enclave-3'].map((id) => EnclaveId.parse(id))
const EXPIRES = 1_000
const begin = ({ seats = hosts, grants = [] }: { seats?: EnclaveId[]; grants?: Grant[] } = {}) =>
  ({
    id: 's',
    keyId: 'k' as KeyId,
    seats: seats.map((host, at) => ({ index: at + 1, host })),
    attempt: 0,
    own: {
      requestDigest: 'r' as Digest,
      request: {
        body: { signingId: 's', keyId: 'k', asker: 1, items: [{ type: 'bytes' }], askedAt: 0, expiresAt: EXPIRES },
      } as unknown as SigningRequest,
      weight: 4,
      threshold: 2,
      key: keyWith(seats.length, grants),
      approvals: {},
      excluded: {},
    },
    stage: { name: 'waiting' },
  }) satisfies SigningSession as SigningSession

const decision = (index: number, decision: 'approve' | 'reject', expiresAt = 900): SigningEvent => ({
  type: 'told',
  word: decisionOf(index, decision, expiresAt),
})
const approves = (index: number, expiresAt?: number) => decision(index, 'approve', expiresAt)
const rejects = (index: number) => decision(index, 'reject')
const sees = (...available: string[]): SigningEvent => ({
  type: 'hosts_seen',
  available: available.map((id) => EnclaveId.parse(`enclave-${id}`)),
  now: 100,
})
const seesAll = sees('1', '2', '3')
const commits = (index: number, attempt = 1, marker = 'c'): SigningEvent => ({
  type: 'said',
  round: 'commit',
  attempt,
  index,
  says: { commitment: { signature: `${marker}${index}` } as FreshCommitment },
})
const fixes = (attempt = 1): SigningEvent => ({ type: 'passed', attempt })
const signs = (index: number, attempt = 1): SigningEvent => ({
  type: 'said',
  round: 'partial',
  attempt,
  index,
  says: { partial: { signature: `p${index}` } as PartialWord },
})
const aggregates = (index: number, attempt = 1): SigningEvent => ({
  type: 'said',
  round: 'aggregate',
  attempt,
  index,
  says: {
    receipt: { signature: `r${index}` } as SigningReceipt,
    joined: index === 1 ? { results: [{ sealedSignature: 'sig' }], answer: null } : null,
  },
})
type Code = Extract<SigningEvent, { type: 'refused' }>['code']
const refuses = (code: Code, index = 2, culprits: number[] = [], attempt = 1): SigningEvent => ({
  type: 'refused',
  attempt,
  index,
  code,
  culprits,
})
const timePasses = (now: number): SigningEvent => ({ type: 'time_passed', now })

/** What the world sees, with what the session has come to. */
const phaseOf = (s: SigningSession) => ({ ...s.stage, name: signingCourse.status({ version: 1, state: s }).state })
const seen = (s: SigningSession) => ({ ...s, phase: phaseOf(s) })
const effects = (s: SigningSession) =>
  machine.effects(s).map(({ type, ...ask }) => ('question' in ask ? { type, ...ask, ...ask.question } : { type }))
const withStanding = (index: number, until: number) => begin({ grants: [grantOf(index, until)] })
const withSeats = ({ seats, ...s }: SigningSession, count: number) => ({ ...s, seats: seats.slice(0, count) })
const nonces = [commits(1), commits(2)]
const partials = [signs(1), signs(2)]
const ready = after(begin(), approves(2))
const started = after(ready, seesAll)
const asked = after(started, ...nonces, fixes())
const summed = after(asked, ...partials)

const states: Record<SigningState, SigningSession> = {
  collecting_participants: ready,
  generating_nonces: started,
  collecting_nonces: after(started, commits(1)),
  aggregating_nonces: after(started, ...nonces),
  generating_partial_signatures: asked,
  collecting_partial_signatures: after(asked, signs(1)),
  finalizing_signature: summed,
  completed: after(summed, aggregates(1), aggregates(2)),
  failed: after(started, refuses('store.damaged')),
  expired: after(started, timePasses(EXPIRES)),
}
const events = {
  approval: approves(3),
  rejection: rejects(2),
  hosts: seesAll,
  commitment: commits(2),
  package: fixes(),
  partial: signs(2),
  aggregate: aggregates(1),
  'lost host': refuses('enclave.unreachable'),
  'missing consent': refuses('consent.missing'),
  cheat: refuses('signing.bad_partial', 1, [2]),
  'final refusal': refuses('content.mismatch'),
  'early clock': timePasses(EXPIRES - 1),
  'late clock': timePasses(EXPIRES),
}
type Row = Partial<Record<keyof typeof events, SigningState>>
const stopped: Row = {
  rejection: 'collecting_participants',
  'lost host': 'collecting_participants',
  'missing consent': 'collecting_participants',
  cheat: 'collecting_participants',
  'final refusal': 'failed',
  'late clock': 'expired',
}
/** Every phase's way on. An event that a row does not list changes nothing. */
const table: Record<SigningState, Row> = {
  collecting_participants: {
    approval: 'collecting_participants',
    rejection: 'collecting_participants',
    hosts: 'generating_nonces',
    'late clock': 'expired',
  },
  generating_nonces: { ...stopped, approval: 'generating_nonces', commitment: 'collecting_nonces' },
  collecting_nonces: { ...stopped, approval: 'collecting_nonces', commitment: 'aggregating_nonces' },
  aggregating_nonces: { ...stopped, approval: 'aggregating_nonces', package: 'generating_partial_signatures' },
  generating_partial_signatures: {
    ...stopped,
    approval: 'generating_partial_signatures',
    partial: 'collecting_partial_signatures',
  },
  collecting_partial_signatures: {
    ...stopped,
    approval: 'collecting_partial_signatures',
    partial: 'finalizing_signature',
  },
  finalizing_signature: {
    ...stopped,
    approval: 'finalizing_signature',
    aggregate: 'finalizing_signature',
    'lost host': 'finalizing_signature',
  },
  completed: {},
  failed: {},
  expired: {},
}

describe('every state and event', () => {
  const names = Object.keys(states) as SigningState[]
  const pairs = names.flatMap((name) =>
    (Object.keys(events) as (keyof typeof events)[]).map((event) => [name, event] as const),
  )

  it.each(names)('%s is the state that its events lead to', (name) => expect(phaseOf(states[name]).name).toBe(name))

  it.each(pairs)('%s meets %s as the table says', (name, event) => {
    const expected = table[name][event]
    const next = transition(states[name], events[event])
    if (expected === undefined) expect(next).toBe(states[name])
    else {
      expect(next).not.toBe(states[name])
      expect(phaseOf(next).name).toBe(expected)
    }
  })

  it.each(names)('%s owes work exactly when it has not ended', (name) => {
    expect(effects(states[name]).length > 0).toBe(!hasEnded(states[name]))
  })

  it.each(names)('%s ignores answers of other attempts and of strangers', (name) => {
    const late = [commits(2, 7), fixes(7), signs(2, 7), aggregates(1, 7), refuses('nonce.spent', 2, [], 7)]
    const strangers = [commits(3), signs(3), aggregates(3), commits(99), refuses('content.mismatch', 3), approves(99)]
    for (const event of [...late, ...strangers]) expect(transition(states[name], event)).toBe(states[name])
  })
})

describe('a signing', () => {
  it('keeps the first answer when a participant gives a second', () => {
    const once = after(started, commits(1))
    expect(transition(once, commits(1, 1, 'other'))).toBe(once)
  })

  it('reaches the same state however often, and in whatever order, its answers arrive', () => {
    const rounds = [nonces, partials, [aggregates(1), aggregates(2)]]
    const between = [[fixes()], [], []]
    const arrivals = rounds.map((round) => fc.shuffledSubarray([...round, ...round], { minLength: 4 }))
    fc.assert(
      fc.property(fc.tuple(...arrivals), (rounds) => {
        const all = rounds.flatMap((round, at) => [...round, ...(between[at] ?? [])])
        expect(after(started, ...all)).toEqual(states.completed)
      }),
    )
  })

  it('stays whole under any events at all, and ends once', () => {
    const indices = fc.integer({ min: 0, max: 4 })
    const attempts = fc.integer({ min: 0, max: MAX_ATTEMPTS + 1 })
    const codes = fc.constantFrom<Code>('nonce.spent', 'enclave.timeout', 'consent.missing', 'signing.bad_partial')
    const any: fc.Arbitrary<SigningEvent> = fc.oneof(
      fc.constant(seesAll),
      indices.map((index) => approves(index)),
      indices.map((index) => rejects(index)),
      fc.tuple(indices, attempts).map(([index, attempt]) => commits(index, attempt)),
      attempts.map((attempt) => fixes(attempt)),
      fc.tuple(indices, attempts).map(([index, attempt]) => signs(index, attempt)),
      fc.tuple(codes, indices, indices, attempts).map(([code, by, of, attempt]) => refuses(code, by, [of], attempt)),
    )
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), (events) => {
        let s = begin()
        for (const event of events) {
          const next = transition(s, event)
          if (hasEnded(s)) expect(next).toBe(s)
          expect(transition(next, timePasses(0))).toBe(next)
          expect(next.attempt - s.attempt).toBeLessThanOrEqual(1)
          expect(next.attempt).toBeLessThanOrEqual(MAX_ATTEMPTS)
          if ('quorum' in next.stage) expect(new Set(next.stage.quorum).size).toBe(next.own.threshold)
          s = next
        }
        expect(hasEnded(transition(s, timePasses(EXPIRES)))).toBe(true)
      }),
    )
  })

  it('asks nobody twice for what is there', () => {
    expect(effects(after(started, commits(1)))).toMatchObject([{ type: 'commit', index: 2 }])
    expect(effects(after(asked, signs(2)))).toMatchObject([{ type: 'partial', index: 1 }])
  })

  it('puts commitments into the order of indices, whoever was first', () => {
    expect(effects(after(started, commits(2), commits(1), fixes()))).toMatchObject([
      { commitments: [{ signature: 'c1' }, { signature: 'c2' }] },
      { commitments: [{ signature: 'c1' }, { signature: 'c2' }] },
    ])
  })
})

describe('a quorum', () => {
  it('is not chosen before enough have consented', () => {
    const s = begin()
    expect(transition(s, seesAll)).toBe(s)
  })

  it('is not chosen while too few of those who consented have their enclave', () => {
    expect(transition(ready, sees('1', '3'))).toBe(ready)
  })

  it('has exactly threshold many, on the enclaves that come first', () => {
    const s = after(ready, approves(3), sees('3', '1', '2'))
    expect(phaseOf(s)).toMatchObject({ quorum: [1, 3] })
  })

  it('counts a standing grant that covers the request, until it is over or its owner rejects', () => {
    const s = withStanding(3, 500)
    expect(phaseOf(transition(s, seesAll))).toMatchObject({ quorum: [1, 3] })
    expect(transition(s, { ...seesAll, now: 500 } as SigningEvent)).toBe(s)
    expect(phaseOf(after(s, rejects(3), seesAll)).name).toBe('collecting_participants')
  })

  it('does not count an approval that is over', () => {
    const s = after(begin(), approves(2, 50))
    expect(transition(s, seesAll)).toBe(s)
    expect(phaseOf(after(s, approves(2, 800), seesAll)).name).toBe('generating_nonces')
  })

  it('is chosen anew when a host is lost, with fresh nonces', () => {
    const s = after(ready, approves(3), seesAll, commits(1), refuses('enclave.timeout', 2), sees('1', '3'))
    expect(seen(s)).toMatchObject({ attempt: 2, phase: { name: 'generating_nonces', quorum: [1, 3] } })
    expect(effects(s)).toMatchObject([{ attempt: 2 }, { attempt: 2 }])
  })

  it('goes on without a culprit, and fails when it cannot, naming it', () => {
    const s = after(asked, refuses('signing.bad_partial', 1, [2]))
    expect(phaseOf(after(s, seesAll)).name).toBe('collecting_participants')
    expect(phaseOf(after(s, approves(2), seesAll)).name).toBe('collecting_participants')
    expect(phaseOf(after(s, approves(3), seesAll))).toMatchObject({ quorum: [1, 3] })
    const few = withSeats(asked, 2)
    expect(phaseOf(transition(few, refuses('signing.bad_partial', 1, [2])))).toEqual({
      name: 'failed',
      code: 'signing.bad_partial',
      culprits: [2],
    })
  })

  it('loses whose consent a host misses, and not the owner of the host that says so', () => {
    const s = after(ready, approves(3), seesAll, refuses('consent.invalid', 1, [2]))
    expect(seen(transition(s, seesAll))).toMatchObject({ attempt: 2, phase: { quorum: [1, 3] } })
  })

  it('takes a longer approval from whose first one was over in the eyes of an enclave', () => {
    const s = after(started, refuses('consent.expired', 2, [2]))
    expect(transition(s, seesAll)).toBe(s)
    expect(seen(after(s, approves(2, 950), seesAll))).toMatchObject({ attempt: 2, phase: { quorum: [1, 2] } })
  })

  describe('that cannot tell which epoch is in force', () => {
    /** Of four participants, three must say it where two are enough to sign. */
    const four = [...hosts, EnclaveId.parse('enclave-4')]

    it('ends the session when enough have spoken, since that was before it restarted', () => {
      const s = after(begin(), approves(2), sees('1', '2'), refuses('epoch.unproven', 2))
      expect(phaseOf(s)).toEqual({ name: 'failed', code: 'epoch.unproven', culprits: [] })
    })

    it('does not end it while others could sign without that enclave', () => {
      const s = after(begin(), approves(2), approves(3), seesAll, refuses('epoch.unproven', 2))
      expect(seen(after(s, seesAll))).toMatchObject({
        attempt: 2,
        phase: { name: 'generating_nonces', quorum: [1, 3] },
      })
      const both = after(s, seesAll, refuses('epoch.unproven', 3, [], 2))
      expect(phaseOf(both)).toEqual({ name: 'failed', code: 'epoch.unproven', culprits: [] })
    })

    it('does not end it when somebody has spoken since the attempt began', () => {
      const s = after(begin(), approves(2), sees('1', '2'), approves(3), refuses('epoch.unproven', 2))
      expect(seen(after(s, sees('1', '2')))).toMatchObject({ attempt: 2, phase: { quorum: [1, 2] } })
    })

    const forgetful = after(begin({ seats: four }), approves(2), sees('1', '2'), refuses('epoch.unproven', 2))

    it('is not asked again by itself, since nothing has changed', () => {
      expect(phaseOf(forgetful).name).toBe('collecting_participants')
      expect(after(forgetful, sees('1', '2'))).toBe(forgetful)
      expect(after(forgetful, sees('2', '1'))).toBe(forgetful)
    })

    it('is asked again when another participant speaks, whose word goes to all hosts', () => {
      const s = after(forgetful, approves(3), sees('1', '2'))
      expect(seen(s)).toMatchObject({ attempt: 2, phase: { name: 'generating_nonces', quorum: [1, 2] } })
      const [commit] = effects(s)
      expect(commit).toMatchObject({ type: 'commit', consents: [{ body: { index: 2 } }, { body: { index: 3 } }] })
    })

    it('is asked again when another enclave comes, which may remember', () => {
      expect(after(forgetful, sees('1', '2', '3')).attempt).toBe(2)
    })

    it('does not keep the others from signing', () => {
      expect(phaseOf(after(forgetful, approves(3), sees('1', '3')))).toMatchObject({ quorum: [1, 3] })
    })
  })

  it('lets the owner of a used-up grant approve', () => {
    const s = after(withStanding(3, 500), seesAll, refuses('grant.exhausted', 3))
    expect(transition(s, seesAll)).toBe(s)
    expect(seen(after(s, approves(3), seesAll))).toMatchObject({ attempt: 2, phase: { quorum: [1, 3] } })
  })

  it('is given up after so many attempts', () => {
    let s = ready
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1)
      s = after(s, seesAll, refuses('nonce.spent', 2, [], attempt))
    expect(phaseOf(transition(s, seesAll))).toEqual({ name: 'failed', code: 'signing.hosts_lost', culprits: [] })
  })
})

describe('a rejection', () => {
  it('ends the session when the others are too few, and names who rejected', () => {
    const s = after(begin(), rejects(2), rejects(3))
    expect(phaseOf(s)).toEqual({ name: 'failed', code: 'signing.rejected', culprits: [2, 3] })
  })

  it('ends the session when it is the asker who takes the request back', () => {
    expect(phaseOf(after(ready, rejects(1)))).toEqual({ name: 'failed', code: 'signing.rejected', culprits: [1] })
  })

  it('takes back an earlier approval, and cannot be taken back itself', () => {
    const s = after(started, rejects(2))
    expect(phaseOf(s).name).toBe('collecting_participants')
    expect(transition(s, approves(2))).toBe(s)
    expect(transition(s, seesAll)).toBe(s)
  })
})
