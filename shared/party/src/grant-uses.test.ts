import { describe, expect, it } from 'vitest'
import { createGrantUses, type GrantUses } from './grant-uses.ts'

const life = { id: 'first', startedAt: 0 }
const share = { lineage: 'k', index: 2, maker: life.id, isOwn: true }
const allowing = (count: number, seconds: number) => ({ ...share, limit: { count, seconds } })

describe('the life that made a key', () => {
  it('allows no more signatures in any window than the grant says, whenever they come', () => {
    const uses = createGrantUses(life)
    const given: number[] = []
    for (let now = 0; now < 400_000; now += 777) {
      const wanted = 1 + (now % 3)
      try {
        uses.spend(allowing(10, 60), wanted, now)
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
    expect(() => uses.spend(allowing(15, 60), 16, 1)).toThrow('allows no more')
    uses.spend(allowing(15, 60), 15, 1)
    expect(() => uses.spend(allowing(15, 60), 1, 60_000)).toThrow('allows no more')
  })

  it('takes no longer for the thousandth use than for the first', () => {
    const uses = createGrantUses(life)
    // In time of the processor, µs: whatever else the machine does takes none of it.
    const begun = process.cpuUsage()
    for (let now = 0; now < 100_000; now += 1) uses.spend(allowing(1_000_000, 31_536_000), 1, now)
    expect(process.cpuUsage(begun).user).toBeLessThan(2_000_000)
  })

  it('counts what the shares of others give beside its own', () => {
    const uses = createGrantUses(life)
    const witnessed = { ...allowing(2, 60), isOwn: false }
    uses.spend(witnessed, 2, 1)
    expect(() => uses.spend(witnessed, 1, 2)).toThrow('allows no more')
    uses.spend({ ...witnessed, index: 3 }, 1, 2)
  })
})

describe('a later life', () => {
  const later = { id: 'later', startedAt: 100_000 }
  const grant = allowing(5, 3_600)
  const word = (from: number[], signatures: number, since = 0, isOver = () => false) => ({
    from,
    uses: [{ index: 2, since, parts: signatures === 0 ? [] : [{ end: 90_000, signatures }] }],
    isOver,
  })
  const spend = (uses: GrantUses, signatures: number) => () => uses.spend(grant, signatures, 100_001)

  it('knows no uses, neither of its own grants nor of others, before enough hosts have told', () => {
    const uses = createGrantUses(later)
    expect(spend(uses, 1)).toThrow('too few others')
    expect(() => uses.spend({ ...grant, isOwn: false }, 1, 100_001)).toThrow('too few others')
    expect(uses.learn('k', word([1], 2), 2, 100_000)).toBe(false)
    expect(spend(uses, 1)).toThrow('too few others')
    // The same host again is no second one.
    expect(uses.learn('k', word([1], 2), 2, 100_000)).toBe(false)
    expect(uses.learn('k', word([3], 1), 2, 100_000)).toBe(true)
    expect(spend(uses, 3)).toThrow('allows no more')
    spend(uses, 2)()
    expect(spend(uses, 1)).toThrow('allows no more')
  })

  it('takes no word of a host that is over', () => {
    const uses = createGrantUses(later)
    let isOver = false
    uses.learn(
      'k',
      word([1], 0, 0, () => isOver),
      2,
      100_000,
    )
    isOver = true
    expect(uses.learn('k', word([3], 0), 2, 100_000)).toBe(false)
    expect(uses.learn('k', word([1], 4), 2, 100_000)).toBe(true)
    expect(spend(uses, 2)).toThrow('allows no more')
  })

  it('believes the host of the share, which counted each use once, where that one knows as much', () => {
    const uses = createGrantUses(later)
    uses.learn('k', word([2], 3), 2, 100_000)
    uses.learn('k', word([3], 3), 2, 100_000)
    uses.spend({ ...grant, isOwn: false }, 2, 100_001)
  })

  it('waits for the window where those who told have not been there long enough', () => {
    const uses = createGrantUses(later)
    uses.learn('k', word([1, 3], 0, 50_000), 2, 100_000)
    expect(spend(uses, 1)).toThrow('allows no more')
    uses.spend(grant, 5, 50_000 + 3_600_000)
  })

  it('passes on what it was told with what it has seen', () => {
    const uses = createGrantUses(later)
    expect(uses.tell('k', [2], 'first')).toEqual([{ index: 2, since: 100_000, parts: [] }])
    uses.learn('k', word([1, 3], 2, 7), 2, 100_000)
    uses.spend({ ...grant, isOwn: false }, 1, 100_000)
    const [told] = uses.tell('k', [2], 'first')
    expect(told).toMatchObject({ index: 2, since: 7 })
    expect(told!.parts.map(({ signatures }) => signatures)).toEqual([2, 1])
  })
})
