import { expect, it } from 'vitest'
import { createSeen } from './seen-uses.ts'

const name = (seconds: number) => ({ index: 1, grant: null, seconds })

it('forgets tallies that count no more of keys that are used no more, and no others', () => {
  const seen = createSeen()
  const year = 31_536_000
  seen.count('for a year', name(year), 1, 0)
  for (let at = 0; at < 10; at += 1) {
    seen.count(`old ${at}`, name(60), 1, 0)
    seen.count(`old ${at}`, name(year), 1, 0)
  }
  for (let now = 100_000; now < 100_020; now += 1) seen.count('used', name(60), 1, now)
  for (let at = 0; at < 10; at += 1) expect(seen.of(`old ${at}`)).toEqual([name(year)])
  expect(seen.of('for a year')).toEqual([name(year)])
  expect(seen.partsOf('used', name(60)).map(({ signatures }) => signatures)).toEqual([20])
})

it('says of a key which of its tallies still count', () => {
  const seen = createSeen()
  seen.count('k', name(60), 1, 0)
  seen.count('k', name(3_600), 1, 0)
  expect(seen.namesOf('k', 60_000)).toHaveLength(2)
  expect(seen.namesOf('k', 70_000)).toEqual(['1//3600'])
})
