import { UsageError } from './usage.ts'

/** Numbers 1… as people write them, ascending: `1,3-5`. Throws `UsageError` for anything else, and for one above `most`. */
export function readNumbers(text: string, most: number): number[] {
  const numbers = text.split(',').flatMap((part) => {
    const [, first, last = first] = /^\s*([0-9]{1,6})(?:\s*-\s*([0-9]{1,6}))?\s*$/.exec(part) ?? []
    const [from, to] = [Number(first), Number(last)]
    if (!(from >= 1 && from <= to && to <= most))
      throw new UsageError(`"${text}": numbers of items from 1 to ${most}, such as 1,3-5`)
    return Array.from({ length: to - from + 1 }, (_, at) => from + at)
  })
  return [...new Set(numbers)].sort((a, b) => a - b)
}

/** The inverse, of ascending numbers. */
export function writeNumbers(numbers: readonly number[]): string {
  const runs: [number, number][] = []
  for (const number of numbers) {
    const run = runs.at(-1)
    if (run !== undefined && run[1] === number - 1) run[1] = number
    else runs.push([number, number])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}
