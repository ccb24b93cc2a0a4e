import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { refusals } from '../errors.ts'
import {
  ItemFailure,
  ItemRefusal,
  OwnerRefusal,
  type Commitment,
  type ItemCommitment,
  type Outside,
} from '../wire/signing.ts'
import { failuresOf } from './items.ts'
import type { Signers } from './signers.ts'

const codes = ItemRefusal.options
const yes: ItemCommitment = { commitment: 'AA' }
const no = (code: ItemRefusal | OwnerRefusal | Outside): ItemCommitment => ({ code })

/** A package of hosts 1, 2, … by what each says of the items. Nothing but their words is looked at. */
const packageOf = (words: readonly (readonly ItemCommitment[])[]): Commitment[] =>
  words.map((commitments, at) => ({ body: { index: at + 1, commitments }, signature: '' }) as unknown as Commitment)

/** So many of all hosts sign each of these items. */
const of = (words: readonly (readonly unknown[])[], threshold: number): Signers[] =>
  (words[0] ?? []).map(() => ({ members: [1, 2, 3, 4, 5, 6, 7, 8], threshold }))

describe('an item of a signing package', () => {
  it('is signed when every host committed to it', () => {
    const hosts = [
      [yes, yes],
      [yes, yes],
    ]
    expect(failuresOf(packageOf(hosts), of(hosts, hosts.length))).toEqual([null, null])
  })

  it('ends with the code that the whole quorum says, and leaves the others alone', () => {
    const word = [yes, no('content.mismatch'), yes]
    expect(failuresOf(packageOf([word, word, word]), of([word, word, word], 3))).toEqual([
      null,
      { code: 'content.mismatch' },
      null,
    ])
  })

  it('is disputed when hosts do not say the same, with the word of each that refused', () => {
    const hosts = [
      [yes, no('seal.invalid')],
      [no('content.mismatch'), no('content.invalid')],
      [yes, no('seal.invalid')],
    ]
    expect(failuresOf(packageOf(hosts), of(hosts, hosts.length))).toEqual([
      { code: 'signing.disputed', refusals: [{ index: 2, code: 'content.mismatch' }] },
      {
        code: 'signing.disputed',
        refusals: [
          { index: 1, code: 'seal.invalid' },
          { index: 2, code: 'content.invalid' },
          { index: 3, code: 'seal.invalid' },
        ],
      },
    ])
  })

  it('is signed by those whose owners want it, when they are enough', () => {
    const [never, silent] = [no('signing.rejected'), no('consent.missing')]
    const hosts = [
      [yes, yes, yes, yes, never],
      [yes, never, silent, silent, no('content.invalid')],
      [never, silent, silent, yes, yes],
    ]
    expect(failuresOf(packageOf(hosts), of(hosts, 2))).toEqual([
      null,
      {
        code: 'signing.rejected',
        refusals: [
          { index: 2, code: 'signing.rejected' },
          { index: 3, code: 'consent.missing' },
        ],
      },
      {
        code: 'consent.missing',
        refusals: [
          { index: 2, code: 'consent.missing' },
          { index: 3, code: 'consent.missing' },
        ],
      },
      null,
      { code: 'signing.disputed', refusals: [{ index: 2, code: 'content.invalid' }] },
    ])
  })

  it('of a sub-group is signed by its members, and nobody else has a word in it', () => {
    const outside = no('subgroup.not_member')
    const hosts = [
      [yes, outside, yes, outside],
      [yes, yes, no('content.invalid'), outside],
      [outside, yes, outside, outside],
    ]
    const signers = [
      [1, 2],
      [2, 3],
      [1, 3],
      [4, 5],
    ].map((members) => ({ members, threshold: 2 }))
    expect(failuresOf(packageOf(hosts), signers)).toEqual([
      null,
      null,
      { code: 'consent.missing', refusals: [] },
      { code: 'consent.missing', refusals: [] },
    ])
  })

  it('is signed or not whatever is said of others, and never when a host finds it unfit', () => {
    const word = fc.oneof(fc.constant(yes), fc.constantFrom(...codes, ...OwnerRefusal.options).map(no))
    const packages = fc.integer({ min: 1, max: 16 }).chain((items) =>
      fc.array(fc.array(word, { minLength: items, maxLength: items }), {
        minLength: 2,
        maxLength: 8,
      }),
    )
    fc.assert(
      fc.property(packages, (words) => {
        const failures = failuresOf(packageOf(words), of(words, 2))
        expect(failures).toHaveLength(words[0]!.length)
        failures.forEach((failure, at) => {
          const said = words.map((word) => word[at]!)
          const alone = failuresOf(packageOf(said.map((word) => [word])), of([said.slice(0, 1)], 2))
          expect(failure).toEqual(alone[0])
          const isUnfit = said.some((word) => ItemRefusal.safeParse('code' in word && word.code).success)
          const committed = said.filter((word) => 'commitment' in word).length
          expect(failure === null).toBe(!isUnfit && committed >= 2)
          if (failure !== null) ItemFailure.parse(failure)
          if (failure !== null && !('refusals' in failure))
            expect(said.every((word) => 'code' in word && word.code === failure.code)).toBe(true)
        })
      }),
    )
  })
})

it('ends with codes of the one table', () => {
  for (const code of [...codes, ...OwnerRefusal.options, 'signing.disputed'])
    expect(Object.keys(refusals)).toContain(code)
})
