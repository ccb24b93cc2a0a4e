import type { Draw, Range } from './draw.ts'

/** One kill, and what comes before it. Times in ms since the kill before. */
export type Disruption = Readonly<{
  freeze: Readonly<{ process: string; after: number }> | null
  kill: Readonly<{ process: string; after: number }>
}>

/** The first kill of so many has a freeze before it. */
const freezeEvery = 3
/** The part of the time up to the kill after which the freeze begins. */
const freezeAfter = 0.1

/** What is done to these processes, without end. Each is killed once before any is killed again, and frozen so too. */
export function* planDisruptions(
  processes: readonly string[],
  betweenKills: Range,
  draw: Draw,
): Generator<Disruption, never> {
  const kills = inTurns(processes, draw)
  const freezes = inTurns(processes, draw)
  for (let number = 0; ; number += 1) {
    const after = draw.between(betweenKills)
    const freeze = number % freezeEvery === 0 ? { process: freezes.next().value, after: after * freezeAfter } : null
    yield { freeze, kill: { process: kills.next().value, after } }
  }
}

function* inTurns(processes: readonly string[], draw: Draw): Generator<string, never> {
  for (;;) yield* draw.shuffle(processes)
}
