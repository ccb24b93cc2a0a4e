import { expect, it } from 'vitest'
import { createGrantUses } from './grant-uses.ts'

const share = { keyId: 'k', index: 2, knownSince: 0 }
const allowing = (count: number, seconds: number) => ({ limit: { count, seconds } })

it('allows no more signatures in any window than the grant says, whenever they come', () => {
  const grant = allowing(10, 60)
  const uses = createGrantUses(0)
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
  const uses = createGrantUses(0)
  expect(() => uses.spend(share, allowing(15, 60), 16, 1)).toThrow('allows no more')
  uses.spend(share, allowing(15, 60), 15, 1)
  expect(() => uses.spend(share, allowing(15, 60), 1, 60_000)).toThrow('allows no more')
})

it('takes no longer for the thousandth use than for the first', () => {
  const uses = createGrantUses(0)
  const grant = allowing(1_000_000, 31_536_000)
  // In time of the processor, µs: whatever else the machine does takes none of it.
  const begun = process.cpuUsage()
  for (let now = 0; now < 100_000; now += 1) uses.spend(share, grant, 1, now)
  expect(process.cpuUsage(begun).user).toBeLessThan(2_000_000)
})
