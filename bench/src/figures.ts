/** One measured figure. p50 and p95 in the same unit as `value`. */
export type Figure = { name: string; value: number; unit: string; p50: number; p95: number; runs: number }

const round = (value: number): number => Number(value.toPrecision(4))

/** Linear interpolation between the two nearest ranks; `share` in 0…1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const rank = (sorted.length - 1) * share
  const low = sorted[Math.floor(rank)] ?? Number.NaN
  const high = sorted[Math.ceil(rank)] ?? Number.NaN
  return low + (high - low) * (rank - Math.floor(rank))
}

/** A figure of single durations: its value is the median. */
export function duration(name: string, values: readonly number[], unit = 'ms'): Figure {
  const p50 = round(quantile(values, 0.5))
  return { name, value: p50, unit, p50, p95: round(quantile(values, 0.95)), runs: values.length }
}

/** A rate per second over a whole run, beside the durations (ms) of its single calls. */
export function rate(name: string, seconds: number, durations: readonly number[]): Figure {
  const { p50, p95, runs } = duration(name, durations)
  return { name, value: round(durations.length / seconds), unit: '1/s', p50, p95, runs }
}
