import { expect, it } from 'vitest'
import { readSettings } from './settings.ts'

it('takes ten minutes with 50 signings at once, and another seed each time', () => {
  const { time, inFlight, betweenKills, freeze } = readSettings({})
  expect({ time, inFlight, betweenKills, freeze }).toEqual({
    time: 600_000,
    inFlight: 50,
    betweenKills: [20_000, 45_000],
    freeze: 10_000,
  })
  expect(readSettings({}).seed).not.toBe(readSettings({}).seed)
})

it('takes what is set, and not what is empty', () => {
  const set = { SEED: 'a', SECONDS: '30', IN_FLIGHT: '', UNPROVEN: 'fail' }
  expect(readSettings(set)).toMatchObject({ seed: 'a', time: 30_000, inFlight: 50, unprovenIsFault: true })
})

it('names what is wrong', () => {
  expect(() => readSettings({ SECONDS: 'ten' })).toThrow(/SECONDS/)
})
