import type { EnclaveId, Digest, KeyId } from '@quorate/shared/wire/ids'
import type { SigningRequest } from '@quorate/shared/wire/signing'
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
    sealedItems: ['item'],
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
  it('waits for a host that is lost where the signature is there, in the same attempt', () => {
    const s = transition(asking('confirm'), refuses('enclave.timeout'))
    expect(s).toMatchObject({ attempt: 1, stage: { name: 'asking', round: 'confirm', tries: { 2: 1 } } })
    expect(transition(asking('partial'), refuses('enclave.timeout')).stage.name).toBe('waiting')
    expect(transition(asking('confirm'), refuses('enclave.failed')).stage.name).toBe('waiting')
  })

  it('goes on without a host that has given its receipt in another attempt, or ends when it cannot', () => {
    for (const round of ['commit', 'partial', 'confirm'] as const) {
      const s = after(asking(round), refuses('signing.ended'), { type: 'hosts_seen', available, now: 100 })
      expect(s).toMatchObject({ attempt: 2, stage: { name: 'asking', quorum: [1, 3] } })
      const { stage } = transition(asking(round, 2), refuses('signing.ended'))
      expect(stage).toEqual({ name: 'failed', code: 'signing.ended', culprits: [] })
    }
  })
})
