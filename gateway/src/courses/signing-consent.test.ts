import type { Approval, Grant } from '@quorate/shared/wire/consent'
import { EnclaveId, type Digest, type KeyId } from '@quorate/shared/wire/ids'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import { describe, expect, it } from 'vitest'
import { decisionOf, grantOf, keyWith } from '../../test/owned-key.ts'
import { consentsOf, hasWilling, isPossible, withoutConsent } from './signing-consent.ts'
import { chooseQuorum } from './signing-quorum.ts'
import { signingCourse } from './signing.ts'
import type { SigningSession } from './signing-terms.ts'

const hosts = ['enclave-1', 'enclave-2', 'enclave-3'].map((id) => EnclaveId.parse(id))

/** User 1 asks for plain bytes, from 0 to 1,000 ms; two of three are needed. */
const session = (grants: Grant[], approvals: Approval[] = [], type = 'bytes'): SigningSession => ({
  id: 's',
  keyId: 'k' as KeyId,
  seats: hosts.map((host, at) => ({ index: at + 1, host })),
  attempt: 0,
  own: {
    requestDigest: 'r' as Digest,
    request: {
      body: { keyId: 'k', asker: 1, items: [{ type }], askedAt: 0, expiresAt: 1_000 },
    } as unknown as SigningRequest,
    weight: 4,
    threshold: 2,
    key: keyWith(3, grants),
    approvals: Object.fromEntries(approvals.map((approval) => [approval.body.index, approval])),
    excluded: {},
  },
  stage: { name: 'waiting' },
})
const quorumAt = (now: number, ...of: Parameters<typeof session>) => chooseQuorum(session(...of), hosts, now)

describe('a quorum', () => {
  it('counts those whose grant covers the request, and sends the grants of the others along all the same', () => {
    const grants = [grantOf(2, 500, ['user 3']), grantOf(3, 500)]
    expect(quorumAt(100, grants)).toEqual([1, 3])
    expect(consentsOf(session(grants).own, [1, 2, 3])).toEqual(grants)
  })

  it('counts no grant for other content, none that is over, and nothing once the request is over', () => {
    const grants = [grantOf(2, 500), grantOf(3, 5_000)]
    expect(quorumAt(499, grants)).toEqual([1, 2])
    expect(quorumAt(500, grants)).toEqual([1, 3])
    expect(quorumAt(1_000, grants)).toBeNull()
    expect(quorumAt(499, grants, [], 'nostr-event')).toBeNull()
  })

  it('counts a rejection before a grant, and an approval in its place', () => {
    const grants = [grantOf(2, 500)]
    expect(quorumAt(100, grants, [decisionOf(2, 'reject', 900)])).toBeNull()
    expect(quorumAt(600, grants, [decisionOf(2, 'approve', 900)])).toEqual([1, 2])
  })

  it('is shown a grant only of an owner who has not spoken, and who asks has', () => {
    const grants = [grantOf(1, 500), grantOf(2, 500), grantOf(3, 500)]
    const approval = decisionOf(3, 'approve', 900)
    const { own } = session(grants, [approval])
    expect(consentsOf(own, [1, 2, 3])).toEqual([grants[1], approval])
    expect(consentsOf(own, [1, 3])).toEqual([approval])
  })
})

it('is possible as far as consent goes while enough have spoken, or granted this when it was asked', () => {
  expect(hasWilling(session([]))).toBe(false)
  expect(hasWilling(session([grantOf(2, 500)]))).toBe(true)
  expect(hasWilling(session([grantOf(2, 500, ['user 3'])]))).toBe(false)
  expect(hasWilling(session([], [decisionOf(3, 'approve', 900)]))).toBe(true)
})

describe('what a sub-group is asked for', () => {
  const asked = (approvals: Approval[], excluded: SigningSession['own']['excluded'] = {}) => {
    const s = session([grantOf(2, 500)], approvals)
    return { ...s, own: { ...s.own, signers: [[1, 3]], excluded } }
  }

  it('is signed by all of its members, and by nobody in their place', () => {
    expect(chooseQuorum(asked([]), hosts, 100)).toBeNull()
    expect(chooseQuorum(asked([decisionOf(2, 'approve', 500)]), hosts, 100)).toBeNull()
    expect(chooseQuorum(asked([decisionOf(3, 'approve', 500)]), hosts, 100)).toEqual([1, 3])
    expect(chooseQuorum(asked([decisionOf(3, 'approve', 500)]), hosts.slice(1), 100)).toBeNull()
  })

  it('is impossible once a member has rejected or is put out for good, whoever else could sign', () => {
    expect(isPossible(asked([decisionOf(2, 'reject', 500)]))).toBe(true)
    expect(isPossible(asked([decisionOf(3, 'reject', 500)]))).toBe(false)
    expect(isPossible(asked([], { 3: { code: 'signing.bad_partial', final: true } }))).toBe(false)
    expect(hasWilling(asked([]))).toBe(false)
    expect(hasWilling(asked([decisionOf(3, 'approve', 500)]))).toBe(true)
  })
})

describe('a host that refuses for want of an owner’s word', () => {
  const approval = decisionOf(3, 'approve', 900)
  const refused = (approvals: Approval[], spoken: number[]) =>
    withoutConsent({ ...session([grantOf(3, 500)], approvals).own, spoken }, [3], 'grant.exhausted').excluded

  it('rests until the owner speaks', () => {
    expect(refused([], [1])).toEqual({ 3: { code: 'grant.exhausted', final: false } })
  })

  it('is asked again with a word that has come since the attempt began', () => {
    expect(refused([approval], [1])).toEqual({})
  })

  it('has heard the owner if that was before: no other word will come', () => {
    expect(refused([approval], [1, 3])).toEqual({ 3: { code: 'grant.exhausted', final: true } })
  })
})

describe('what a program asks for', () => {
  const asked = (willing: number[], approvals: Approval[] = [], excluded: SigningSession['own']['excluded'] = {}) => {
    const s = session([], approvals)
    const asker = { client: 'c', event: 'e', signer: 's' }
    const request = { ...s.own.request, body: { ...s.own.request.body, asker } } as unknown as SigningRequest
    return { ...s, own: { ...s.own, request, willing, excluded } }
  }
  const spent = { 2: { code: 'grant.exhausted' as const, final: false } }

  it('is signed by those whose books permit it, and those who have approved', () => {
    expect(chooseQuorum(asked([2, 3]), hosts, 100)).toEqual([2, 3])
    expect(chooseQuorum(asked([3], [decisionOf(1, 'approve', 500)]), hosts, 100)).toEqual([1, 3])
    expect(chooseQuorum(asked([3]), hosts, 100)).toBeNull()
    expect(hasWilling(asked([2, 3]))).toBe(true)
    expect(hasWilling(asked([3]))).toBe(false)
  })

  it('is signed by nobody who has said no, whose host refused, or after its time', () => {
    expect(chooseQuorum(asked([2, 3], [decisionOf(3, 'reject', 500)]), hosts, 100)).toBeNull()
    expect(chooseQuorum(asked([1, 2, 3], [], spent), hosts, 100)).toEqual([1, 3])
    expect(chooseQuorum(asked([2, 3], [], spent), hosts, 100)).toBeNull()
    expect(chooseQuorum(asked([2, 3]), hosts, 1_000)).toBeNull()
  })

  it('is signed by the next owner whose book permits it, and fails when there is none: no program waits here', () => {
    const asking = (s: SigningSession): SigningSession => ({
      ...s,
      attempt: 1,
      stage: { name: 'asking', round: 'commit', turn: 1, given: null, said: {}, tries: {}, quorum: [2, 3] },
    })
    const refusal = { index: 2, code: 'nostr.not_permitted', culprits: [] } as const
    const after = (s: SigningSession) => signingCourse.refused(s, s.stage as never, refusal)
    expect(after(asking(asked([1, 2, 3])))).toMatchObject({ then: 'new_attempt' })
    expect(after(asking(asked([2, 3])))).toMatchObject({ then: 'fail', code: 'nostr.not_permitted', culprits: [2] })
  })
})
