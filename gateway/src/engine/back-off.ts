/** Milliseconds, and the longest ones. */
export type BackOff = Readonly<{ first: number; longest: number }>

/** Doubles from `first` to `longest`. */
export const ceilingAfter = (failures: number, { first, longest }: BackOff): number =>
  Math.min(longest, first * 2 ** Math.min(failures - 1, 30))

/**
 * How long to wait before attempt `failures` + 1: doubles from `first` to `longest`, with full jitter in its upper half,
 * so that the connections that one restart broke do not come back all at once. `random` gives [0, 1).
 */
export function delayAfter(failures: number, { first, longest }: BackOff, random = Math.random): number {
  const ceiling = ceilingAfter(failures, { first, longest })
  return ceiling / 2 + (ceiling / 2) * random()
}
