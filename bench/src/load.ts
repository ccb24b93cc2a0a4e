/** Runs `act` so many times, so many at once, and gives the duration (ms) of each and of the whole (s). */
export async function runLoad(
  total: number,
  inFlight: number,
  act: (number: number) => Promise<void>,
): Promise<{ durations: number[]; seconds: number }> {
  const durations: number[] = []
  let next = 0
  const began = performance.now()
  async function work(): Promise<void> {
    for (let number = next++; number < total; number = next++) {
      const started = performance.now()
      await act(number)
      durations.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, work))
  return { durations, seconds: (performance.now() - began) / 1_000 }
}
