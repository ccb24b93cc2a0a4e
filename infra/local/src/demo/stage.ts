import { Canvas, inMs, type Output } from './canvas.ts'
import type { EnclaveFigure, Person } from './picture.ts'
import { paint } from '../paint.ts'

const { bold, cyan, dim, green, red } = paint

export type Timing = Readonly<{ what: string; ms: number }>

/** Where the tour is shown: finished lines above, and below them, on a terminal, a picture that lives. */
export type Stage = Readonly<{
  timings: Timing[]
  /** A numbered step with its title. The picture is left standing when it ends, if it has changed. */
  step: <T>(title: string, act: () => Promise<T>) => Promise<T>
  /** Waits for this under a moving picture, and then says how long it took. A line that starts with `what`. */
  timed: <T>(what: string, act: () => Promise<T>, about?: (result: T) => string) => Promise<T>
  /** Keeps a duration for the table at the end. */
  keep: (what: string, ms: number) => void
  say: (text: string) => void
  good: (text: string) => void
  bad: (text: string) => void
  person: (name: string, note: string) => void
  enclave: (id: string, figure: Partial<Omit<EnclaveFigure, 'id'>>) => void
  gateway: (sees: string | null) => void
  close: () => void
}>

/** Draws over itself on a terminal only; elsewhere it prints lines, and the picture once per step. */
export function openStage(output: Output, people: readonly string[], enclaves: readonly string[]): Stage {
  const timings: Timing[] = []
  const canvas = new Canvas(output, {
    people: people.map((name): Person => ({ name, note: '' })),
    enclaves: enclaves.map((id): EnclaveFigure => ({ id, mark: 'off', note: '' })),
    gateway: null,
  })
  let number = 0
  let lastStanding = ''
  return {
    timings,
    timed: (what, act, about) => timed(canvas, what, act, about),
    say: (text) => canvas.say(`    ${text}`),
    good: (text) => canvas.say(`  ${green('✓')} ${text}`),
    bad: (text) => canvas.say(`  ${red('✗')} ${red(text)}`),
    keep: (what, ms) => void timings.push({ what, ms }),
    step: async (title, act) => {
      number += 1
      canvas.say(`\n${bold(cyan(String(number)))} ${bold(title)}`)
      const result = await act()
      const standing = canvas.standing()
      if (standing !== lastStanding) canvas.say('\n' + standing)
      lastStanding = standing
      return result
    },
    person: (name, note) =>
      canvas.change(({ people }) => ({ people: people.map((one) => (one.name === name ? { ...one, note } : one)) })),
    enclave: (id, figure) =>
      canvas.change(({ enclaves }) => ({
        enclaves: enclaves.map((one) => (one.id === id ? { ...one, ...figure } : one)),
      })),
    gateway: (sees) => canvas.change(() => ({ gateway: sees })),
    close: () => canvas.close(),
  }
}

async function timed<T>(
  canvas: Canvas,
  what: string,
  act: () => Promise<T>,
  about: (result: T) => string = () => '',
): Promise<T> {
  const since = performance.now()
  const outer = canvas.waitFor({ what, since })
  try {
    const result = await act()
    const more = about(result)
    const text = more === '' ? what : `${what} ${more}`
    canvas.waitFor(outer)
    canvas.say(`  ${green('✓')} ${text} ${dim(inMs(performance.now() - since))}`)
    return result
  } finally {
    canvas.waitFor(outer)
    canvas.clear()
  }
}
