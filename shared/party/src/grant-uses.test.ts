import type { GrantId } from '@quorate/shared/wire/ids'
import { MAX_KEY_PARTS, MAX_TALLIES, MAX_WINDOW } from '@quorate/shared/wire/recall'
import { describe, expect, it } from 'vitest'
import { createGrantUses, type GrantUses, type Limit } from './grant-uses.ts'

const life = { id: 'first', startedAt: 0 }
const share = { lineage: 'k', index: 2, maker: life.id, isOwn: true }
const id = (name: string | number) => `grant ${name}` as GrantId
const limited = (grant: GrantId | null, ...limits: Limit[]) => ({ ...share, grant, limits })
const allowing = (count: number, seconds: number) => limited(null, { count, seconds })

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
  const tally = { index: 2, grant: null, seconds: 3_600 }
  const word = (from: number[], signatures: number, since = 0, isOver = () => false) => ({
    from,
    pasts: [{ index: 2, since, renewed: [] }],
    uses: signatures === 0 ? [] : [{ ...tally, since, parts: [{ end: 90_000, signatures }] }],
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
    const nothing = { index: 2, since: 100_000, renewed: [] }
    expect(uses.tell('k', [2], 'first', 100_000)).toEqual({ uses: [], pasts: [nothing] })
    uses.learn('k', word([1, 3], 2, 7), 2, 100_000)
    uses.spend({ ...grant, isOwn: false }, 1, 100_000)
    const told = uses.tell('k', [2], 'first', 100_000)
    expect(told.pasts).toEqual([{ ...nothing, since: 7 }])
    expect(told.uses).toMatchObject([{ ...tally, since: 7 }])
    expect(told.uses[0]!.parts.map(({ signatures }) => signatures)).toEqual([2, 1])
  })

  it('takes a grant that nobody has told of for unused, as far back as they know', () => {
    const uses = createGrantUses(later)
    uses.learn('k', word([1, 3], 2, 50_000), 2, 100_000)
    const day = limited(id('a'), { count: 1, seconds: 40 })
    uses.spend(day, 1, 100_000)
    expect(() => uses.spend(limited(id('a'), { count: 9, seconds: MAX_WINDOW }), 1, 100_000)).toThrow('allows no more')
  })

  it('hears again of a key of which a host has seen nothing yet', () => {
    const uses = createGrantUses(later)
    expect(uses.learn('k', { from: [1, 3], uses: [], pasts: [], isOver: () => false }, 2, 100_000)).toBe(false)
    expect(uses.isKnown('k', 'first')).toBe(false)
    expect(uses.isKnown('k', later.id)).toBe(true)
    expect(uses.learn('k', word([1, 3], 0), 2, 100_000)).toBe(true)
    expect(uses.isKnown('k', 'first')).toBe(true)
  })
})

describe('a grant of several limits', () => {
  const both = (grant = id('a')) => limited(grant, { count: 2, seconds: 60 }, { count: 3, seconds: MAX_WINDOW })

  it('gives while all of them hold, and counts for none what one of them refuses', () => {
    const uses = createGrantUses(life)
    uses.spend(both(), 2, 1)
    expect(() => uses.spend(both(), 1, 2)).toThrow('allows no more')
    expect(() => uses.spend(both(), 2, 100_000)).toThrow('allows no more')
    uses.spend(both(), 1, 100_000)
    expect(() => uses.spend(both(), 1, 3e11)).toThrow('allows no more')
  })

  it('is as strict as the stricter of two limits for one window', () => {
    const uses = createGrantUses(life)
    const twice = limited(id('a'), { count: 1, seconds: 60 }, { count: 5, seconds: 60 })
    uses.spend(twice, 1, 1)
    expect(() => uses.spend(twice, 1, 2)).toThrow('allows no more')
    expect(uses.tell('k', [2], life.id, 2).uses).toMatchObject([{ parts: [{ signatures: 1 }] }])
  })

  it('takes nothing from another grant of the same owner', () => {
    const uses = createGrantUses(life)
    uses.spend(both(id('a')), 2, 1)
    uses.spend(both(id('b')), 2, 1)
    uses.spend(allowing(2, 60), 2, 1)
    const told = uses.tell('k', [2], life.id, 2)
    expect(told.uses.map(({ grant, seconds }) => [grant, seconds])).toEqual([
      ['grant a', 60],
      ['grant a', MAX_WINDOW],
      ['grant b', 60],
      ['grant b', MAX_WINDOW],
      [null, 60],
    ])
  })
})

describe('the tallies of one key', () => {
  const one = (at: number, seconds = 3_600) => limited(id(at), { count: 1_000, seconds })
  const full = (uses: GrantUses) => {
    for (let at = 0; at < MAX_TALLIES; at += 1) uses.spend(one(at), 1, 1)
  }

  it('are so many at most, until some count no more or are taken back', () => {
    const uses = createGrantUses(life)
    full(uses)
    expect(() => uses.spend(one(-1), 1, 2)).toThrow('allows no more')
    uses.spend({ ...one(-1), lineage: 'another' }, 1, 2)
    uses.spend(one(7), 1, 2)
    uses.forget('k', 2, new Set(Array.from({ length: MAX_TALLIES - 1 }, (_, at) => id(at))))
    uses.spend(one(-1), 1, 3)
    expect(() => uses.spend(one(-2), 1, 4)).toThrow('allows no more')
    uses.spend(one(-2), 1, 9_000_000)
  })

  it('are told with as many parts as one key has room for, and none counts shorter', () => {
    const uses = createGrantUses(life)
    full(uses)
    for (let now = 1; now < 3_000_000; now += 60_000) uses.spend(one(3), 1, now)
    const { uses: told } = uses.tell('k', [2], life.id, 3_000_000)
    expect(told).toHaveLength(MAX_TALLIES)
    const parts = told[3]!.parts
    expect(parts.length).toBeGreaterThan(1)
    expect(parts.length).toBeLessThanOrEqual(MAX_KEY_PARTS / MAX_TALLIES)
    expect(parts.reduce((sum, { signatures }) => sum + signatures, 0)).toBe(51)
  })

  it('that others know, and are too many together, leave what is not told unknown until their last use', () => {
    const uses = createGrantUses({ id: 'later', startedAt: 500 })
    const tallies = (from: number) =>
      Array.from({ length: MAX_TALLIES }, (_, at) => ({
        ...{ index: 2, grant: id(from + at), seconds: 3_600, since: 0 },
        parts: [{ end: 400, signatures: 1 }],
      }))
    const pasts = [{ index: 2, since: 0, renewed: [id(5), id(MAX_TALLIES)] }]
    uses.learn('k', { from: [1], uses: tallies(0), pasts, isOver: () => false }, 2, 600)
    uses.learn('k', { from: [3], uses: tallies(MAX_TALLIES), pasts, isOver: () => false }, 2, 600)
    const told = uses.tell('k', [2], 'first', 600)
    expect(told.uses).toHaveLength(MAX_TALLIES)
    expect(told.pasts).toEqual([{ index: 2, since: 400, renewed: [id(5)] }])
    uses.forget('k', 2, new Set())
    const left = limited(id(MAX_TALLIES), { count: 1, seconds: 3_600 })
    expect(() => uses.spend(left, 1, 600)).toThrow('allows no more')
    uses.spend(left, 1, 3_600_400)
  })
})

describe('a tally that counts no more', () => {
  it('is told of no more, when no clock within the skew says otherwise', () => {
    const uses = createGrantUses(life)
    uses.spend(allowing(9, 64), 1, 0)
    const told = (now: number) => uses.tell('k', [2], life.id, now).uses.length
    expect([64_000, 124_999, 125_000].map(told)).toEqual([1, 1, 0])
  })
})

describe('a grant that counts anew', () => {
  const later = { id: 'later', startedAt: 100_000 }
  const inAll = (grant: GrantId) => limited(grant, { count: 2, seconds: MAX_WINDOW })
  const before = (name: string) => ({ ...inAll(id(name)), seconds: MAX_WINDOW, since: 0 })

  it('has what this life has seen of it, and nothing from before, whoever tells of it', () => {
    const uses = createGrantUses(later)
    expect(() => uses.spend(inAll(id('a')), 1, 100_001)).toThrow('too few others')
    uses.renew('k', 2, [id('a')])
    uses.spend(inAll(id('a')), 1, 100_001)
    expect(() => uses.spend(inAll(id('b')), 1, 100_001)).toThrow('too few others')
    const told = ['a', 'b'].map((name) => {
      const { index, grant, seconds, since } = before(name)
      return { index, grant, seconds, since, parts: [{ end: 90_000, signatures: 2 }] }
    })
    const pasts = [{ index: 2, since: 0, renewed: [] }]
    expect(uses.learn('k', { from: [1, 3], uses: told, pasts, isOver: () => false }, 2, 100_002)).toBe(true)
    expect(() => uses.spend(inAll(id('b')), 1, 100_003)).toThrow('allows no more')
    uses.spend(inAll(id('a')), 1, 100_003)
    expect(() => uses.spend(inAll(id('a')), 1, 100_004)).toThrow('allows no more')
  })

  it('is told of to a later life, also when it was not used', () => {
    const [uses, last] = [createGrantUses(later), createGrantUses({ id: 'last', startedAt: 200_000 })]
    uses.renew('k', 2, [id('a'), id('b')])
    uses.spend(inAll(id('a')), 1, 100_001)
    const told = uses.tell('k', [1, 2], 'first', 150_000)
    expect(told.pasts[1]).toEqual({ index: 2, since: 100_000, renewed: [id('a'), id('b')] })
    last.learn('k', { ...told, from: [1, 3], isOver: () => false }, 2, 200_000)
    last.spend(inAll(id('b')), 2, 200_001)
    last.spend(inAll(id('a')), 1, 200_001)
    expect(() => last.spend(inAll(id('a')), 1, 200_002)).toThrow('allows no more')
    expect(() => last.spend(inAll(id('c')), 1, 200_002)).toThrow('allows no more')
  })

  it('does not for a later life, where one of those who told has not heard so', () => {
    const [uses, last] = [createGrantUses(later), createGrantUses({ id: 'last', startedAt: 200_000 })]
    uses.renew('k', 2, [id('a')])
    const unheard = createGrantUses(later).tell('k', [2], 'first', 150_000)
    last.learn('k', { ...uses.tell('k', [2], 'first', 150_000), from: [1], isOver: () => false }, 2, 200_000)
    last.learn('k', { ...unheard, from: [3], isOver: () => false }, 2, 200_000)
    expect(() => last.spend(inAll(id('a')), 1, 200_001)).toThrow('allows no more')
  })

  it('is one of so many, and forgotten when it is taken back', () => {
    const uses = createGrantUses(later)
    const many = Array.from({ length: MAX_TALLIES }, (_, at) => id(at))
    uses.renew('k', 2, many)
    expect(() => uses.renew('k', 3, [id('a')])).toThrow('allows no more')
    expect(() => uses.spend({ ...inAll(id('a')), index: 3 }, 1, 100_001)).toThrow('too few others')
    uses.forget('k', 2, new Set([id(1)]))
    uses.renew('k', 3, [id('a')])
    expect(uses.tell('k', [2, 3], 'first', 100_001).pasts.map(({ renewed }) => renewed)).toEqual([[id(1)], [id('a')]])
    expect(() => uses.spend(inAll(id(0)), 1, 100_001)).toThrow('too few others')
  })
})

describe('grants that count anew', () => {
  it('are told of as long as an answer has room, and those left out count as unknown', () => {
    const uses = createGrantUses({ id: 'later', startedAt: 100_000 })
    const many = (from: number) => Array.from({ length: MAX_TALLIES }, (_, at) => id(from + at))
    const told = [2, 3].map((index) => ({ index, since: 50_000, renewed: index === 2 ? [] : many(MAX_TALLIES) }))
    uses.renew('k', 2, many(0))
    uses.learn('k', { from: [1, 3], uses: [], pasts: told, isOver: () => false }, 2, 100_000)
    const { pasts } = uses.tell('k', [2, 3], 'first', 100_000)
    expect(pasts).toEqual([
      { index: 2, since: 50_000, renewed: many(0) },
      { index: 3, since: 50_000, renewed: [] },
    ])
  })
})

describe('a grant that was taken back', () => {
  it('is told of no more, and no other is forgotten with it', () => {
    const uses = createGrantUses(life)
    for (const grant of [null, id('a'), id('b')]) uses.spend(limited(grant, { count: 9, seconds: 60 }), 1, 1)
    uses.spend({ ...limited(id('a'), { count: 9, seconds: 60 }), index: 3 }, 1, 1)
    uses.forget('k', 2, new Set([id('b')]))
    const { uses: told } = uses.tell('k', [2, 3], life.id, 2)
    expect(told.map(({ index, grant }) => [index, grant])).toEqual([
      [2, null],
      [2, id('b')],
      [3, id('a')],
    ])
  })
})
