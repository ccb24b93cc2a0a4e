import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readNumbers, writeNumbers } from '../src/cli/item-numbers.ts'

it('reads what it writes, whatever the order and the spaces', () => {
  expect(readNumbers('7, 1,3 - 5,4', 100)).toEqual([1, 3, 4, 5, 7])
  expect(writeNumbers([1, 3, 4, 5, 7])).toBe('1,3-5,7')
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1 }), (numbers) => {
      const sorted = numbers.toSorted((a, b) => a - b)
      expect(readNumbers(writeNumbers(sorted), 100)).toEqual(sorted)
    }),
  )
})

it.each(['', '0', '101', '3-1', '1-101', '-1', '1.5', '1e1', '1;2', ',1', 'all'])('takes no "%s" of 100', (text) => {
  expect(() => readNumbers(text, 100)).toThrow('numbers of items from 1 to 100')
})
