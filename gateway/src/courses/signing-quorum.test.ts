import type { Approval, Decision, Grant } from '@quorate/shared/wire/consent'
import type { Digest, EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { machineOf } from '../../test/machine-of.ts'
import { decisionsOf, grantOf, keyWith } from '../../test/owned-key.ts'
import type { Event } from '../engine/machine.ts'
import { chooseQuorum } from './signing-quorum.ts'
import { signingCourse } from './signing.ts'
import type { SigningSession, SigningTerms } from './signing-terms.ts'

/*
 * Who signs what, where people say yes to some items and no to others. User 1 asks, from 0 to 1,000 ms. `y` is yes and `n` no, item by item.
 */

const { transition, after } = machineOf(signingCourse)
const word = (letters: string): Decision[] => Array.from(letters, (one) => (one === 'y' ? 'approve' : 'reject'))
const says = (index: number, letters: string): Approval => decisionsOf(index, word(letters), 900)
const hosts = (seats: number) => Array.from({ length: seats }, (_, at) => `enclave-${at + 1}` as EnclaveId)

type Wish = Readonly<{ types: readonly string[]; seats?: number; threshold?: number; grants?: readonly Grant[] }>
const session = (
  { types, seats = 3, threshold = 2, grants = [] }: Wish,
  words: readonly Approval[] = [],
): SigningSession => ({
  id: 's',
  keyId: 'k' as KeyId,
  seats: hosts(seats).map((host, at) => ({ index: at + 1, host })),
  attempt: 0,
  own: {
    requestDigest: 'r' as Digest,
    request: {
      body: {
        signingId: 's',
        keyId: 'k',
        asker: 1,
        items: types.map((type) => ({ type })),
        askedAt: 0,
        expiresAt: 1_000,
      },
    } as unknown as SigningRequest,
    weight: 4,
    threshold,
    key: keyWith(seats, grants),
    approvals: Object.fromEntries(words.map((one) => [one.body.index, one])),
    excluded: {},
  },
  stage: { name: 'waiting' },
})
const bytes = (count: number) => Array.from({ length: count }, () => 'bytes')
const quorumOf = (s: SigningSession, available = hosts(s.seats.length)) => chooseQuorum(s, available, 100)
const closing = (s: SigningSession): SigningSession => ({ ...s, own: { ...s.own, closing: true } })

/** The same of a key of which all sign, with items of sub-groups. */
function ofSubgroups(signers: NonNullable<SigningSession['own']['signers']>, words: Approval[], seats = 4) {
  const s = session({ types: bytes(signers.length), seats, threshold: seats }, words)
  return { ...s, own: { ...s.own, signers } }
}

describe('a quorum for items of sub-groups', () => {
  const groups = [
    [1, 2],
    [3, 4],
    [1, 3],
  ]

  it('is all members of each that has been decided, and waits for the others', () => {
    expect(quorumOf(ofSubgroups(groups, [says(2, 'yyy')]))).toBeNull()
    expect(quorumOf(ofSubgroups(groups, [says(2, 'yyy'), says(3, 'yyy'), says(4, 'yyy')]))).toEqual([1, 2, 3, 4])
    expect(quorumOf(ofSubgroups(groups, [says(2, 'yyy'), says(3, 'yny')]))).toEqual([1, 2, 3])
    expect(quorumOf(closing(ofSubgroups(groups, [says(2, 'yyy')])))).toEqual([1, 2])
  })

  it('has nobody in another’s place, and heeds no word of who is no member', () => {
    expect(quorumOf(closing(ofSubgroups([[2, 3]], [says(3, 'y'), says(4, 'y')])))).toBeNull()
    expect(quorumOf(ofSubgroups([[1, 2], null], [says(2, 'yy'), says(3, 'ny'), says(4, 'nn')]))).toEqual([1, 2])
  })

  it('has every member of whoever wants to sign, whatever else they say', () => {
    const letters = fc.array(fc.constantFrom('y', 'n'), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(fc.array(letters, { minLength: 3, maxLength: 3 }), (words) => {
        const said = words.map((word, at) => says(at + 2, word.join('')))
        const quorum = quorumOf(closing(ofSubgroups(groups, said)))
        const wants = (index: number, at: number) => index === 1 || words[index - 2]?.[at] === 'y'
        const signable = groups.filter((members, at) => members.every((index) => wants(index, at)))
        const expected = new Set(signable.flat())
        expect(new Set(quorum ?? [])).toEqual(expected)
      }),
    )
  })
})

describe('a quorum', () => {
  it('waits while an item may still get enough, and signs once the others are decided', () => {
    const three = { types: bytes(3) }
    expect(quorumOf(session(three, [says(2, 'yny')]))).toBeNull()
    expect(quorumOf(session(three, [says(2, 'yny'), says(3, 'nnn')]))).toEqual([1, 2])
    expect(quorumOf(session(three, [says(2, 'yny'), says(3, 'yyy')]))).toEqual([1, 3])
  })

  it('is as many as each item needs where no threshold wants all of them', () => {
    const four = { types: bytes(4) }
    expect(quorumOf(session(four, [says(2, 'yynn'), says(3, 'nnyy')]))).toEqual([1, 2, 3])
    const of5 = { types: bytes(4), seats: 5, threshold: 3 }
    const words = [says(2, 'yyyn'), says(3, 'yynn'), says(4, 'nnyn'), says(5, 'nnnn')]
    expect(quorumOf(session(of5, words))).toEqual([1, 2, 3, 4])
  })

  it('counts a grant for the items that it covers', () => {
    const mixed = { types: ['bytes', 'nostr-event'], grants: [grantOf(2, 500)] }
    expect(quorumOf(session(mixed))).toBeNull()
    expect(quorumOf(closing(session(mixed)))).toEqual([1, 2])
    expect(quorumOf(session(mixed, [says(3, 'ny')]))).toEqual([1, 2, 3])
    expect(quorumOf(session({ ...mixed, types: ['bytes'] }))).toEqual([1, 2])
  })

  it('waits for the host of an owner who has said yes, unless the request is about to end', () => {
    const s = session({ types: bytes(2) }, [says(2, 'yn'), says(3, 'ny')])
    const without3 = hosts(2)
    expect(quorumOf(s, without3)).toBeNull()
    expect(quorumOf(closing(s), without3)).toEqual([1, 2])
    expect(quorumOf(closing(s), [])).toBeNull()
  })

  it('gives a threshold to every item that enough want, and is one where so many want all', () => {
    const asked = fc
      .record({ seats: fc.integer({ min: 2, max: 7 }), items: fc.integer({ min: 1, max: 8 }) })
      .chain(({ seats, items }) =>
        fc.record({
          seats: fc.constant(seats),
          threshold: fc.integer({ min: 2, max: seats }),
          words: fc.array(fc.stringMatching(new RegExp(`^[yn]{${items}}$`)), {
            minLength: seats - 1,
            maxLength: seats - 1,
          }),
        }),
      )
    fc.assert(
      fc.property(asked, ({ seats, threshold, words }) => {
        const all = ['y'.repeat(words[0]!.length), ...words]
        const types = bytes(words[0]!.length)
        const s = session(
          { types, seats, threshold },
          words.map((one, at) => says(at + 2, one)),
        )
        const wanting = (quorum: readonly number[], at: number) =>
          quorum.filter((index) => all[index - 1]![at] === 'y').length
        const everybody = all.map((_, at) => at + 1)
        const signable = types.flatMap((_, at) => (wanting(everybody, at) >= threshold ? [at] : []))
        const quorum = quorumOf(s)
        if (signable.length === 0) {
          expect(quorum).toBeNull()
          return
        }
        for (const at of signable) expect(wanting(quorum!, at)).toBeGreaterThanOrEqual(threshold)
        const wantsAll = everybody.filter((index) => signable.every((at) => all[index - 1]![at] === 'y'))
        if (wantsAll.length >= threshold) expect(quorum).toHaveLength(threshold)
      }),
    )
  })
})

describe('a signing of several items', () => {
  const told = (one: Approval): Event<SigningTerms> => ({ type: 'told', word: one })
  const seen: Event<SigningTerms> = { type: 'hosts_seen', available: hosts(3), now: 100 }
  const statusOf = (s: SigningSession) => signingCourse.status({ version: 1, state: s }).items

  it('says how far each item is', () => {
    const s = session({ types: bytes(3) })
    expect(statusOf(s)).toEqual(['waiting', 'waiting', 'waiting'])
    const some = after(s, told(says(2, 'ynn')))
    expect(statusOf(some)).toEqual(['approved', 'waiting', 'waiting'])
    const decided = after(some, told(says(3, 'nny')))
    expect(statusOf(decided)).toEqual(['approved', 'rejected', 'approved'])
    expect(after(decided, seen).stage).toMatchObject({ name: 'asking', quorum: [1, 2, 3] })
  })

  it('ends when no item can get enough, or its asker takes all of them back', () => {
    const s = session({ types: bytes(2) })
    const lost = after(s, told(says(2, 'yn')), told(says(3, 'nn')))
    expect(lost.stage.name).toBe('waiting')
    expect(after(lost, told(says(2, 'nn'))).stage).toEqual({
      name: 'failed',
      code: 'signing.rejected',
      culprits: [2, 3],
    })
    expect(after(s, told(says(1, 'nn'))).stage).toEqual({ name: 'failed', code: 'signing.rejected', culprits: [1] })
    expect(statusOf(after(s, told(says(1, 'ny')), told(says(2, 'yy'))))).toEqual(['rejected', 'approved'])
  })

  it('takes one word of each, and after it only that all is taken back', () => {
    const s = after(session({ types: bytes(2) }), told(says(2, 'yn')))
    for (const other of ['ny', 'yy']) expect(transition(s, told(says(2, other)))).toBe(s)
    const back = after(s, told(says(2, 'nn')))
    expect(back.own.approvals[2]).toEqual(says(2, 'nn'))
    expect(transition(back, told(says(2, 'yy')))).toBe(back)
    const longer = decisionsOf(2, word('yn'), 950)
    expect(after(s, told(longer)).own.approvals[2]).toBe(longer)
  })

  it('begins anew when one of its quorum takes something back', () => {
    const begun = after(session({ types: bytes(2), grants: [grantOf(2, 900)] }), seen)
    expect(begun.stage).toMatchObject({ name: 'asking', quorum: [1, 2] })
    expect(after(begun, told(says(2, 'yn'))).stage.name).toBe('waiting')
    expect(after(begun, told(says(3, 'yn'))).stage.name).toBe('asking')
  })

  it('signs what has enough when it is about to end, and not before', () => {
    const s = after(session({ types: bytes(2) }), told(says(2, 'yn')), seen)
    expect(s.stage.name).toBe('waiting')
    expect(signingCourse.deadline(s)).toBe(750)
    expect(transition(s, { type: 'time_passed', now: 749 })).toBe(s)
    const late = after(s, { type: 'time_passed', now: 750 })
    expect(signingCourse.deadline(late)).toBe(1_000)
    expect(after(late, seen).stage).toMatchObject({ name: 'asking', quorum: [1, 2] })
    expect(after(late, { type: 'time_passed', now: 1_000 }).stage.name).toBe('expired')
  })

  it('stops waiting in a whole millisecond, which its store wants', () => {
    const s = session({ types: bytes(2) })
    const { request } = s.own
    const odd = { ...s, own: { ...s.own, request: { ...request, body: { ...request.body, askedAt: 1 } } } }
    expect(signingCourse.deadline(odd)).toBe(751)
  })

  it('of one item waits to its end', () => {
    expect(signingCourse.deadline(session({ types: bytes(1) }))).toBe(1_000)
  })
})
