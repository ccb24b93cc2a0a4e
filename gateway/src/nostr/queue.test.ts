import { describe, expect, it } from 'vitest'
import { turn } from '../../../shared/test/noticing.js'
import { Queue, type QueueBounds } from './queue.ts'

const bounds: QueueBounds = {
  client: { waiting: 3, characters: 100, running: 1 },
  strangers: { waiting: 2, characters: 100, running: 1 },
  all: { waiting: 6, characters: 150, running: 2 },
}

/** Work that goes on until the test ends it, and notes when it begins. */
function setUp(with_: Partial<QueueBounds> = {}) {
  const queue = new Queue({ ...bounds, ...with_ })
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const add = (client: string | null, name: string, characters = 1) =>
    queue.add(client, {
      characters,
      run: () =>
        new Promise<void>((resolve) => {
          begun.push(name)
          ends.set(name, resolve)
        }),
    })
  const end = async (name: string) => {
    ends.get(name)!()
    await turn()
  }
  return { queue, add, begun, end }
}

describe('a queue', () => {
  it('serves the clients in turn, and each in its order', async () => {
    const { add, begun, end } = setUp({ all: { ...bounds.all, running: 1 } })
    for (const name of ['a1', 'a2', 'a3']) expect(add('a', name)).toBe(true)
    expect(add('b', 'b1')).toBe(true)
    for (const name of ['a1', 'b1', 'a2', 'a3']) {
      expect(begun.at(-1)).toBe(name)
      await end(name)
    }
    expect(begun).toEqual(['a1', 'b1', 'a2', 'a3'])
  })

  it('has so many of one client under way, and of all, and the others wait', async () => {
    const { add, begun, end } = setUp()
    for (const [client, name] of [
      ['a', 'a1'],
      ['a', 'a2'],
      ['b', 'b1'],
      ['c', 'c1'],
    ] as const)
      add(client, name)
    expect(begun).toEqual(['a1', 'b1'])
    await end('a1')
    expect(begun).toHaveLength(3)
  })

  it('drops what is too much for its client, and takes what others bring', () => {
    const { add } = setUp()
    expect(['a1', 'a2', 'a3', 'a4', 'a5'].map((name) => add('a', name))).toEqual([true, true, true, true, false])
    expect(add('b', 'b1')).toBe(true)
  })

  it('has one small bound for all strangers together', () => {
    const { add } = setUp()
    expect(['1', '2', '3', '4'].map((name) => add(null, name))).toEqual([true, true, true, false])
    expect(add('a', 'a1')).toBe(true)
  })

  it('counts characters, of a client and of all', async () => {
    const { add, end } = setUp()
    expect(add('a', 'a1', 90)).toBe(true)
    expect(add('a', 'a2', 90)).toBe(true)
    expect(add('a', 'a3', 20)).toBe(false)
    expect(add('b', 'b1', 1)).toBe(true)
    expect(add('b', 'b2', 70)).toBe(false)
    await end('a1')
    expect(add('b', 'b3', 70)).toBe(true)
  })

  it('begins nothing once it is closed', async () => {
    const { queue, add, begun, end } = setUp()
    add('a', 'a1')
    add('a', 'a2')
    queue.close()
    await end('a1')
    expect(begun).toEqual(['a1'])
    expect(add('a', 'a3')).toBe(false)
  })
})
