import { inMs } from '../canvas.ts'
import type { Stage, Timing } from '../stage.ts'
import { paint } from '../../paint.ts'

const { bold, cyan, dim, green, red } = paint

/** The timings, the verdict, and where to go from here. */
export function farewell(
  stage: Stage,
  verdict: Readonly<{ verified: number; expected: number; sound: boolean }>,
): void {
  const { verified, expected, sound } = verdict
  stage.say('')
  for (const line of table(stage.timings)) stage.say(line)
  stage.say('')
  const text = `${verified} of ${expected} signatures verified independently`
  if (sound) stage.say(green(bold(text)))
  else stage.say(red(bold(`${text}: something above went wrong`)))
  stage.say('')
  for (const line of next) stage.say(line)
}

const next = [
  `Next:  ${cyan('make fleet')}   ${dim('a fleet that stays; it says how to use the quorate command with it')}`,
  `       ${cyan('docs/')}        ${dim('how it works, and what it holds against whom')}`,
]

function table(timings: readonly Timing[]): string[] {
  const width = Math.max(...timings.map(({ what }) => what.length))
  return timings.map(({ what, ms }) => `${what.padEnd(width)}  ${bold(inMs(ms).padStart(8))}`)
}
