/** ms, of calls that all began in one run. */
export type Figures = Readonly<{ count: number; p50: number; p95: number; p99: number; perSecond: number }>

/** The smallest time that so many parts of a hundred do not exceed. */
export function percentile(sorted: readonly number[], percent: number): number {
  const at = Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)
  return sorted[at] ?? NaN
}

export function figuresOf(times: readonly number[], elapsed: number): Figures {
  const sorted = [...times].sort((one, other) => one - other)
  const [p50, p95, p99] = [50, 95, 99].map((percent) => percentile(sorted, percent)) as [number, number, number]
  return { count: sorted.length, p50, p95, p99, perSecond: (sorted.length / elapsed) * 1_000 }
}

/** Does `count` pieces of work, never more than `inFlight` at a time. The first that fails ends it. */
export async function runInFlight(count: number, inFlight: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) await work(n)
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, worker))
}
