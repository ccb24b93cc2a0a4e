import { MAX_PARTS } from '@quorate/shared/wire/recall'
import { expect, it } from 'vitest'
import { join, signaturesSince, together } from './tally.ts'

const parts = Array.from({ length: 3 * MAX_PARTS }, (_, at) => ({ end: at, signatures: 1 }))

it.each([MAX_PARTS, 8, 1])('joins parts into %i, and lets no signature count shorter', (most) => {
  const joined = join([parts.slice(MAX_PARTS), parts.slice(0, MAX_PARTS)], most)
  expect(joined.length).toBeLessThanOrEqual(most)
  for (let since = -1; since < parts.length; since += 1)
    expect(signaturesSince(joined, since)).toBeGreaterThanOrEqual(signaturesSince(parts, since))
  expect(signaturesSince(joined, -1)).toBe(parts.length)
  expect(signaturesSince(joined, parts.length)).toBe(0)
})

it('adds up what witnesses saw, and knows as little of the past as the one who knows least', () => {
  const told = [
    { from: [1], known: { since: 5, parts: [{ end: 10, signatures: 2 }] } },
    { from: [3], known: { since: 0, parts: [{ end: 20, signatures: 1 }] } },
  ]
  expect(together(2, told, 100)).toEqual({
    since: 5,
    parts: [
      { end: 10, signatures: 2 },
      { end: 20, signatures: 1 },
    ],
  })
})

it('lets nobody make a use last by an end that lies far ahead', () => {
  const told = [{ from: [1], known: { since: 0, parts: [{ end: 9e15, signatures: 2 }] } }]
  expect(together(2, told, 1_000).parts).toEqual([{ end: 61_000, signatures: 2 }])
})
