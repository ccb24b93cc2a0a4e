import type { EnclaveId, Digest, KeyId } from '@quorate/shared/wire/ids'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { machineOf } from '../../test/machine-of.ts'
import { decisionOf, keyWith } from '../../test/owned-key.ts'
import type { Asking } from '../engine/course.ts'
import type { Event } from '../engine/machine.ts'
import { signingCourse } from './signing.ts'
import type { SigningSession, SigningTerms } from './signing-terms.ts'

const { transition, after } = machineOf(signingCourse)
const body = { signingId: 's', keyId: 'k', asker: 1, items: [{ type: 'bytes' }], askedAt: 0, expiresAt: 1_000 }

/** Hosts 1 and 2 of so many are asked in this round; all participants have asked or approved. */
const asking = (round: Asking<SigningTerms>['round'], seats = 3): SigningSession => ({
  id: 's',
  keyId: 'k' as KeyId,
  seats: Array.from({ length: seats }, (_, at) => ({ index: at + 1, host: `enclave-${at + 1}` as EnclaveId })),
  attempt: 1,
  own: {
    requestDigest: 'r' as Digest,
    request: { body } as unknown as SigningRequest,
    weight: 4,
    threshold: 2,
    key: keyWith(seats),
    approvals: { 2: decisionOf(2, 'approve', 900), 3: decisionOf(3, 'approve', 900) },
    excluded: {},
  },
  stage: {
    ...{ name: 'asking', round, turn: 1, said: {}, tries: {}, quorum: [1, 2] },
    given: { commitments: [], consents: [], partials: [], results: [] },
  } as unknown as Asking<SigningTerms>,
})
const refuses = (code: 'signing.ended' | 'enclave.timeout' | 'enclave.failed'): Event<SigningTerms> => ({
  ...{ type: 'refused', attempt: 1, index: 2, culprits: [] },
  code,
})
const available = ['enclave-1', 'enclave-2', 'enclave-3'] as EnclaveId[]

describe('a signing', () => {
  it('waits for a host that is lost where all partials are there, in the same attempt', () => {
    const s = transition(asking('aggregate'), refuses('enclave.timeout'))
    expect(s).toMatchObject({ attempt: 1, stage: { name: 'asking', round: 'aggregate', tries: { 2: 1 } } })
    expect(transition(asking('partial'), refuses('enclave.timeout')).stage.name).toBe('waiting')
    expect(transition(asking('aggregate'), refuses('enclave.failed')).stage.name).toBe('waiting')
  })

  it('goes on without a host that has given its receipt in another attempt, or ends when it cannot', () => {
    for (const round of ['commit', 'partial', 'aggregate'] as const) {
      const s = after(asking(round), refuses('signing.ended'), { type: 'hosts_seen', available, now: 100 })
      expect(s).toMatchObject({ attempt: 2, stage: { name: 'asking', quorum: [1, 3] } })
      const { stage } = transition(asking(round, 2), refuses('signing.ended'))
      expect(stage).toEqual({ name: 'failed', code: 'signing.ended', culprits: [] })
    }
  })

  it('ends as soon as those who have not rejected are too few, and before that goes on', () => {
    const seats = 5
    const others = [2, 3, 4, 5]
    const waiting: SigningSession = {
      ...asking('commit', seats),
      attempt: 0,
      own: { ...asking('commit', seats).own, threshold: 3, approvals: {} },
      stage: { name: 'waiting' },
    }
    const rejects = (index: number): Event<SigningTerms> => ({ type: 'told', word: decisionOf(index, 'reject', 900) })
    fc.assert(
      fc.property(fc.shuffledSubarray(others), (rejecters) => {
        const { stage } = after(waiting, ...rejecters.map(rejects))
        // Three of five are needed: the third rejection leaves two.
        const culprits = rejecters.slice(0, 3).sort()
        expect(stage).toEqual(
          rejecters.length < 3 ? { name: 'waiting' } : { name: 'failed', code: 'signing.rejected', culprits },
        )
      }),
    )
  })

  it('ends when all who could approve have rejected, though a host has put out somebody else for good', () => {
    const s = asking('commit')
    const own = { ...s.own, approvals: {}, excluded: { 3: { code: 'signing.ended' as const, final: true } } }
    const rejection: Event<SigningTerms> = { type: 'told', word: decisionOf(2, 'reject', 900) }
    const { stage } = transition({ ...s, own, stage: { name: 'waiting' } }, rejection)
    expect(stage).toEqual({ name: 'failed', code: 'signing.rejected', culprits: [2] })
  })
})
