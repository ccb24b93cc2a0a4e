import { createHash } from 'node:crypto'

export type Range = readonly [least: number, most: number]

/** Chance that comes again: what is drawn follows from a seed and a purpose alone. */
export type Draw = Readonly<{
  between: (range: Range) => number
  /** Throws when there is nothing to pick from. */
  pick: <T>(from: readonly T[]) => T
  /** The same, each once, in another order. */
  shuffle: <T>(list: readonly T[]) => T[]
}>

/** Each purpose has its own chance, so that what one part draws does not depend on how fast another was. */
export function createDraw(seed: string, purpose: string): Draw {
  let drawn = 0
  /** From 0 up to 1, which it never is. */
  const next = () => {
    drawn += 1
    return createHash('sha256').update(`${seed}\n${purpose}\n${drawn}`).digest().readUInt32BE() / 2 ** 32
  }
  const below = (end: number) => Math.floor(next() * end)
  return {
    between: ([least, most]) => least + next() * (most - least),
    pick: (from) => {
      const [picked] = from.slice(below(from.length))
      if (picked === undefined) throw new Error('there is nothing to pick from')
      return picked
    },
    shuffle: (list) =>
      list.reduce<(typeof list)[number][]>((mixed, one) => mixed.toSpliced(below(mixed.length + 1), 0, one), []),
  }
}
