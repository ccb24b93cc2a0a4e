import { describe, expect, it } from 'vitest'
import { gather, type Reply } from '../src/signing/gather.ts'

/** Places for so many, whose questions are doubled together, and refused when odd. */
function doubling(callers: number) {
  const sent: (readonly number[])[] = []
  const places = gather<number, number>(callers, (questions) => {
    sent.push(questions)
    const replies = questions.map((one): Reply<number> => (one % 2 === 0 ? { answer: 2 * one } : { refused: 'odd' }))
    return Promise.resolve(replies)
  })
  return { places, sent }
}

describe('several callers', () => {
  it('ask together once each has asked or left, and each hears its own reply', async () => {
    const { places, sent } = doubling(4)
    const [first, second, third, fourth] = places
    const asked = [first!.ask(2), third!.ask(3)]
    expect(sent).toEqual([])
    second!.leave()
    second!.leave()
    const last = fourth!.ask(4)
    expect(await Promise.allSettled([...asked, last])).toEqual([
      { status: 'fulfilled', value: 4 },
      { status: 'rejected', reason: 'odd' },
      { status: 'fulfilled', value: 8 },
    ])
    expect(sent).toEqual([[2, 3, 4]])
  })

  it('ask together again, those that are still there', async () => {
    const { places, sent } = doubling(3)
    const [first, second, third] = places
    const twice = async (place: typeof first) => place!.ask(await place!.ask(2))
    const asked = [twice(first), twice(second), third!.ask(6).finally(third!.leave)]
    expect(await Promise.all(asked)).toEqual([8, 8, 12])
    expect(sent).toEqual([
      [2, 2, 6],
      [4, 4],
    ])
  })

  it('send nothing when all leave, and all hear of a call that fails', async () => {
    const { places, sent } = doubling(2)
    for (const place of places) place.leave()
    expect(sent).toEqual([])
    const failing = gather<number, number>(2, () => Promise.reject(new Error('gone')))
    const settled = await Promise.allSettled(failing.map((place) => place.ask(1)))
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})
