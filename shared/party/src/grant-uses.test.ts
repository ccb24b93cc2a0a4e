import { expect, it } from 'vitest'
import { createGrantUses } from './grant-uses.ts'

const life = { id: 'first', startedAt: 0 }
const share = { lineage: 'k', index: 2, life: life.id }
const allowing = (count: number, seconds: number) => ({ limit: { count, seconds } })

it('allows no more signatures in any window than the grant says, whenever they come', () => {
  const grant = allowing(10, 60)
  const uses = createGrantUses(life)
  const given: number[] = []
  for (let now = 0; now < 400_000; now += 777) {
    const wanted = 1 + (now % 3)
    try {
      uses.spend(share, grant, wanted, now)
      given.push(...Array<number>(wanted).fill(now))
    } catch {
      // Used up for now.
    }
  }
  const most = Math.max(...given.map((at) => given.filter((other) => other > at - 60_000 && other <= at).length))
  expect(most).toBe(10)
  expect(given.length).toBeGreaterThan(50)
})

it('counts signatures, so that a request of many items is no way around it', () => {
  const uses = createGrantUses(life)
  expect(() => uses.spend(share, allowing(15, 60), 16, 1)).toThrow('allows no more')
  uses.spend(share, allowing(15, 60), 15, 1)
  expect(() => uses.spend(share, allowing(15, 60), 1, 60_000)).toThrow('allows no more')
})

it('takes no longer for the thousandth use than for the first', () => {
  const uses = createGrantUses(life)
  const grant = allowing(1_000_000, 31_536_000)
  // In time of the processor, µs: whatever else the machine does takes none of it.
  const begun = process.cpuUsage()
  for (let now = 0; now < 100_000; now += 1) uses.spend(share, grant, 1, now)
  expect(process.cpuUsage(begun).user).toBeLessThan(2_000_000)
})

it('does not take a life that began before the key for the one that knows its uses', () => {
  const clone = createGrantUses({ id: 'clone', startedAt: -1_000 })
  expect(() => clone.spend(share, allowing(2, 3_600), 1, 5_000)).toThrow('allows no more')
  createGrantUses(life).spend(share, allowing(2, 3_600), 1, 5_000)
})
