import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type * as z from 'zod/mini'
import { credentialKinds, permitsKind } from '@quorate/shared/nostr/permissions'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { presets } from '@quorate/shared/nostr/presets'
import type { Terms } from '../src/bunker/terms.ts'
import { describeConditions, describePermissions, isNarrower, readTerms } from '../src/bunker/terms.ts'

/** What is written out for readers is what the schema takes: the compiler says so. */
expectTypeOf<Terms>().toEqualTypeOf<Readonly<z.input<typeof Terms>>>()

const now = 1_800_000_000_000
const peers = ['aa', 'bb', 'cc'].map((byte) => byte.repeat(32) as NostrKey)

/** Terms of a few values each, so that two of them often meet. */
const terms = fc.record(
  {
    preset: fc.constantFrom(...(Object.keys(presets) as (keyof typeof presets)[])),
    methods: fc.subarray(['nip44_encrypt', 'nip44_decrypt'] as ('nip44_encrypt' | 'nip44_decrypt')[]),
    kinds: fc.subarray([1, 4, 7, 22_242, 27_235]),
    peers: fc.subarray([...peers], { minLength: 1 }),
    longest: fc.constantFrom(0, 10, 20),
    dated: fc.record({ before: fc.constantFrom(0, 60_000), after: fc.constantFrom(0, 60_000) }),
    perHour: fc.constantFrom(1, 2),
    inAll: fc.constantFrom(1, 2),
    expiresIn: fc.constantFrom(1_000, 2_000),
    otherwise: fc.constantFrom('ask' as const, 'refuse' as const),
    handsOn: fc.boolean(),
  },
  { requiredKeys: [] },
)

describe('terms', () => {
  it('hold no credential that is not named', () => {
    for (const preset of Object.keys(presets) as (keyof typeof presets)[])
      for (const kind of credentialKinds) {
        expect(permitsKind(readTerms({ preset }, now).permissions, kind)).toBe(false)
        expect(permitsKind(readTerms({ preset, kinds: [kind] }, now).permissions, kind)).toBe(true)
      }
  })

  it('without a word let a program do nothing unasked, for a year', () => {
    const granting = readTerms({}, now)
    expect(granting.permissions).toEqual(presets.nothing.permissions)
    expect([granting.otherwise, granting.expiresAt - now]).toEqual(['ask', 365 * 86_400_000])
  })

  it('are narrower when nothing is permitted that was not', () => {
    fc.assert(
      fc.property(terms, terms, (one, other) => {
        const [inner, outer] = [readTerms(one, now), readTerms(other, now)]
        if (!isNarrower(inner, outer)) return
        for (const kind of [0, 1, 4, 7, 13, 22_242, 24_133, 27_235, 30_023])
          if (permitsKind(inner.permissions, kind)) expect(permitsKind(outer.permissions, kind)).toBe(true)
        for (const method of inner.permissions.methods) expect(outer.permissions.methods).toContain(method)
        for (const peer of peers)
          if (inner.peers === null || inner.peers.includes(peer)) expect(outer.peers ?? peers).toContain(peer)
        expect(inner.longest ?? Infinity).toBeLessThanOrEqual(outer.longest ?? Infinity)
        expect(inner.expiresAt).toBeLessThanOrEqual(outer.expiresAt)
        expect(inner.dated?.after ?? Infinity).toBeLessThanOrEqual(outer.dated?.after ?? Infinity)
        expect(inner.dated?.before ?? Infinity).toBeLessThanOrEqual(outer.dated?.before ?? Infinity)
        for (const { count, seconds } of outer.limits)
          expect(inner.limits.find((limit) => limit.seconds === seconds)?.count).toBeLessThanOrEqual(count)
        if (inner.handsOn) expect(outer.handsOn).toBe(true)
        if (outer.otherwise === 'refuse') expect(inner.otherwise).toBe('refuse')
      }),
    )
  })

  it('are as narrow as themselves', () => {
    fc.assert(fc.property(terms, (one) => isNarrower(readTerms(one, now), readTerms(one, now))))
  })

  it('are read by a person in words', () => {
    expect(describePermissions(readTerms({ preset: 'messages' }, now).permissions)).toEqual([presets.messages.words])
    const { permissions } = readTerms({ kinds: [1, 27_235], methods: ['nip44_decrypt'] }, now)
    expect(describePermissions(permissions)).toEqual([
      'sign events of kind 1',
      'prove to others who the user is (kind 27235)',
      'read messages (NIP-44)',
    ])
    const granting = readTerms({ perDay: 3, inAll: 9, longest: 5, otherwise: 'refuse', expiresIn: 1_000 }, now)
    expect(describeConditions(granting)).toEqual([
      '5 characters at most',
      '3 a day',
      '9 in all',
      'the rest is refused',
      'until 2027-01-15T08:00:01.000Z',
    ])
  })
})
