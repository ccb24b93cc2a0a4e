import type { Digest } from '@quorate/shared/wire/ids'
import { describe, expect, it } from 'vitest'
import { createFloors } from './floors.ts'

const life = { id: 'later', startedAt: 100_000 }
const floor = (index: number, serial: number, digest = 'd') => ({ index, serial, digest: digest as Digest })
const hosted = { indices: [1, 2, 3], others: [1, 3], needed: 2 }
const word = (from: number[], complete: number[], ...books: ReturnType<typeof floor>[]) => ({
  ...{ from, books, complete },
  isOver: () => false,
})

describe('the newest book of an owner', () => {
  it('never goes down, in whatever order books come', () => {
    const books = [floor(1, 3), floor(1, 7), floor(1, 5), floor(2, 1)]
    for (const order of [books, [...books].reverse()]) {
      const known = createFloors(life)
      for (const book of order) known.note('k', book)
      expect(known.floorsOf('k')).toEqual([floor(1, 7), floor(2, 1)])
      expect(known.floorsOf('another')).toEqual([])
    }
  })

  it('is the same one for all hosts where an owner has signed two under one serial', () => {
    const books = [floor(1, 3, 'a'), floor(1, 3, 'b')]
    for (const order of [books, [...books].reverse()]) {
      const known = createFloors(life)
      for (const book of order) known.note('k', book)
      expect(known.floorsOf('k')).toEqual([floor(1, 3, 'b')])
    }
  })

  it('is known to the life that made the key, and else when enough hosts that know have told', () => {
    const known = createFloors(life)
    const isComplete = () => [1, 2, 3].map((index) => known.isComplete('k', 'first', index))
    expect(known.isComplete('k', life.id, 1)).toBe(true)
    expect(known.learn('k', word([1], [1, 2], floor(2, 4)), hosted)).toBe(false)
    // What one host has seen has been.
    expect(known.floorsOf('k')).toEqual([floor(2, 4)])
    expect(isComplete()).toEqual([false, false, false])
    // The same host again is no second one, and all others have told now, of whom one does not know of the third owner.
    expect(known.learn('k', word([1], [1, 2]), hosted)).toBe(false)
    expect(known.learn('k', word([3], [1, 2, 3], floor(2, 3)), hosted)).toBe(true)
    expect(isComplete()).toEqual([true, true, false])
    expect(known.floorsOf('k')).toEqual([floor(2, 4)])
    known.assure('k', 3)
    expect(known.tell('k', [1, 2, 3], 'first')).toEqual({ books: [floor(2, 4)], complete: [1, 2, 3] })
  })

  it('is not known by the word of a life that is over', () => {
    const known = createFloors(life)
    let isOver = false
    known.learn('k', { ...word([1], [1, 2, 3]), isOver: () => isOver }, hosted)
    isOver = true
    expect(known.learn('k', word([3], [1, 2, 3]), hosted)).toBe(false)
    expect(known.isComplete('k', 'first', 1)).toBe(false)
    expect(known.learn('k', word([1], [1, 2, 3]), hosted)).toBe(true)
    expect(known.isComplete('k', 'first', 1)).toBe(true)
  })

  it('is remembered of so many keys, and none is forgotten', () => {
    const known = createFloors(life, 2)
    known.note('a', floor(1, 1))
    known.learn('b', word([1], [], floor(1, 1)), hosted)
    for (const attempt of [
      () => known.note('c', floor(1, 1)),
      () => known.assure('c', 1),
      () => void known.learn('c', word([1], []), hosted),
    ])
      expect(attempt).toThrow('as many sessions')
    known.note('a', floor(1, 2))
    expect([known.floorsOf('a'), known.floorsOf('b')]).toEqual([[floor(1, 2)], [floor(1, 1)]])
  })
})
