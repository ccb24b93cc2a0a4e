import { Refusal } from '@quorate/shared/errors'
import { expect, it } from 'vitest'
import { createWithdrawn } from './withdrawn.ts'

const refused = new Refusal('signing.withdrawn')

it('is remembered until its request is over, and never for one that is over', () => {
  let now = 0
  const withdrawn = createWithdrawn(() => now, 10, 1)
  withdrawn.withdraw('ann', 'a', 100)
  expect(() => withdrawn.requireOpen('a')).toThrow(refused)
  withdrawn.requireOpen('b')
  now = 100
  withdrawn.withdraw('ann', 'b', 200)
  withdrawn.requireOpen('a')
  expect(() => withdrawn.requireOpen('b')).toThrow(refused)
  withdrawn.withdraw('bob', 'c', 100)
  withdrawn.requireOpen('c')
})

it('is forgotten for the sake of others by whoever has withdrawn most, and by nobody else', () => {
  const withdrawn = createWithdrawn(() => 0, 4, 3)
  withdrawn.withdraw('ann', 'hers', 100)
  for (const digest of ['1', '2', '3', '4', '5']) withdrawn.withdraw('mallory', digest, 100)
  withdrawn.withdraw('bob', 'his', 100)
  for (const digest of ['hers', 'his', '4', '5']) expect(() => withdrawn.requireOpen(digest)).toThrow(refused)
  for (const digest of ['1', '2', '3']) withdrawn.requireOpen(digest)
})
