import { quantile } from '@quorate/local/quantile'

/** One measured figure. p50 and p95 in the same unit as `value`. */
export type Figure = { name: string; value: number; unit: string; p50: number; p95: number; runs: number }

export const round = (value: number): number => Number(value.toPrecision(4))

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

/** A figure of a whole run. */
export function single(name: string, value: number, unit: string, runs: number): Figure {
  return { name, value: round(value), unit, p50: round(value), p95: round(value), runs }
}
