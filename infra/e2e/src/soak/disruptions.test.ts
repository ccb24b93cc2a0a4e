import { describe, expect, it } from 'vitest'
import { planDisruptions, type Disruption } from './disruptions.ts'
import { createDraw } from './draw.ts'
import { readSettings, short } from './settings.ts'

const processes = ['gateway', 'enclave-0', 'enclave-1', 'enclave-2']
function plan(seed: string, { betweenKills } = readSettings({})): Disruption[] {
  const planned = planDisruptions(processes, betweenKills, createDraw(seed, 'disruptions'))
  return Array.from({ length: 24 }, () => planned.next().value)
}

describe('what is done to processes', () => {
  it('follows from the seed', () => {
    expect(plan('a')).toEqual(plan('a'))
    expect(plan('a')).not.toEqual(plan('b'))
  })

  it('kills each of them once before any is killed again', () => {
    const killed = plan('a').map(({ kill }) => kill.process)
    for (let from = 0; from < killed.length; from += processes.length)
      expect(killed.slice(from, from + processes.length).sort()).toEqual([...processes].sort())
  })

  it.each([
    ['ten minutes', readSettings({})],
    ['one minute', { ...short, seed: 'a' }],
  ])('begins with a freeze, and lets it go before the kill: %s', (_, settings) => {
    const [first] = plan('a', settings)
    expect(first?.freeze).not.toBeNull()
    const [least, most] = settings.betweenKills
    for (const { freeze, kill } of plan('a', settings)) {
      expect(kill.after).toBeGreaterThanOrEqual(least)
      expect(kill.after).toBeLessThan(most)
      if (freeze !== null) expect(freeze.after + settings.freeze).toBeLessThan(kill.after)
    }
  })
})
