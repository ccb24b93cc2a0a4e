import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { refusals } from '../errors.ts'
import { ItemFailure, ItemRefusal, type Commitment, type ItemCommitment } from '../wire/signing.ts'
import { failuresOf } from './items.ts'

const codes = ItemRefusal.options
const yes: ItemCommitment = { commitment: 'AA' }
const no = (code: ItemRefusal): ItemCommitment => ({ code })

/** A package of hosts 1, 2, … by what each says of the items. Nothing but their words is looked at. */
const packageOf = (words: readonly (readonly ItemCommitment[])[]): Commitment[] =>
  words.map((commitments, at) => ({ body: { index: at + 1, commitments }, signature: '' }) as unknown as Commitment)

describe('an item of a signing package', () => {
  it('is signed when every host committed to it', () => {
    const hosts = [
      [yes, yes],
      [yes, yes],
    ]
    expect(failuresOf(packageOf(hosts))).toEqual([null, null])
  })

  it('ends with the code that the whole quorum says, and leaves the others alone', () => {
    const word = [yes, no('content.mismatch'), yes]
    expect(failuresOf(packageOf([word, word, word]))).toEqual([null, { code: 'content.mismatch' }, null])
  })

  it('is disputed when hosts do not say the same, with the word of each that refused', () => {
    const hosts = [
      [yes, no('seal.invalid')],
      [no('content.mismatch'), no('content.invalid')],
      [yes, no('seal.invalid')],
    ]
    expect(failuresOf(packageOf(hosts))).toEqual([
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

  it('is signed by all or by none, whatever is said of others', () => {
    const word = fc.oneof(fc.constant(yes), fc.constantFrom(...codes).map(no))
    const packages = fc.integer({ min: 1, max: 16 }).chain((items) =>
      fc.array(fc.array(word, { minLength: items, maxLength: items }), {
        minLength: 2,
        maxLength: 8,
      }),
    )
    fc.assert(
      fc.property(packages, (words) => {
        const failures = failuresOf(packageOf(words))
        expect(failures).toHaveLength(words[0]!.length)
        failures.forEach((failure, at) => {
          const said = words.map((word) => word[at]!)
          const alone = failuresOf(packageOf(said.map((word) => [word])))
          expect(failure).toEqual(alone[0])
          expect(failure === null).toBe(said.every((word) => 'commitment' in word))
          if (failure !== null) ItemFailure.parse(failure)
          if (failure !== null && failure.code !== 'signing.disputed')
            expect(said.every((word) => 'code' in word && word.code === failure.code)).toBe(true)
        })
      }),
    )
  })
})

it('ends with codes of the one table', () => {
  for (const code of [...codes, 'signing.disputed']) expect(Object.keys(refusals)).toContain(code)
})
