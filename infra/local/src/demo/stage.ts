import { drawPicture, type EnclaveFigure, type Person, type Picture } from './picture.ts'
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

const frameEvery = 80
const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

export const inMs = (ms: number): string => (ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`)

type Output = Readonly<{ write: (text: string) => unknown; isTTY?: boolean; columns?: number }>

/** Below so many columns the picture would wrap. */
const narrowest = 80

/** Draws over itself on a terminal only; elsewhere it prints lines, and the picture once per step. */
export function openStage(output: Output, people: readonly string[], enclaves: readonly string[]): Stage {
  const live = output.isTTY === true && (output.columns ?? narrowest) >= narrowest
  const timings: Timing[] = []
  let picture: Picture = {
    people: people.map((name): Person => ({ name, note: '' })),
    enclaves: enclaves.map((id): EnclaveFigure => ({ id, mark: 'off', note: '' })),
    gateway: null,
  }
  let [number, beat, height] = [0, 0, 0]
  let lastStanding = ''
  let waiting: Readonly<{ what: string; since: number }> | null = null

  const clear = () => {
    if (height > 0) output.write(`\u001b[${height}A\u001b[J`)
    height = 0
  }
  const draw = () => {
    if (!live || waiting === null) return
    const { what, since } = waiting
    const busy = `  ${cyan(spinner[beat % spinner.length] ?? '')} ${what.slice(0, narrowest - 14)} ${dim(inMs(performance.now() - since))}`
    const lines = [busy, '', ...drawPicture(picture, beat)]
    clear()
    output.write(lines.join('\n') + '\n')
    height = lines.length
  }
  const say = (text: string) => {
    clear()
    output.write(text + '\n')
    draw()
  }
  const tick = () => {
    beat += 1
    draw()
  }
  const timer = live ? setInterval(tick, frameEvery) : undefined
  if (live) output.write('\u001b[?25l')

  const timed: Stage['timed'] = async (what, act, about = () => '') => {
    const outer = waiting
    const since = performance.now()
    waiting = { what, since }
    try {
      const result = await act()
      const more = about(result)
      const text = more === '' ? what : `${what} ${more}`
      waiting = outer
      say(`  ${green('✓')} ${text} ${dim(inMs(performance.now() - since))}`)
      return result
    } finally {
      waiting = outer
      clear()
    }
  }

  return {
    timings,
    timed,
    say: (text) => say(`    ${text}`),
    good: (text) => say(`  ${green('✓')} ${text}`),
    bad: (text) => say(`  ${red('✗')} ${red(text)}`),
    keep: (what, ms) => void timings.push({ what, ms }),
    step: async (title, act) => {
      number += 1
      say(`\n${bold(cyan(String(number)))} ${bold(title)}`)
      const result = await act()
      const standing = drawPicture(picture, null).join('\n')
      if (standing !== lastStanding) say('\n' + standing)
      lastStanding = standing
      return result
    },
    person: (name, note) => {
      picture = { ...picture, people: picture.people.map((one) => (one.name === name ? { ...one, note } : one)) }
      draw()
    },
    enclave: (id, figure) => {
      picture = { ...picture, enclaves: picture.enclaves.map((one) => (one.id === id ? { ...one, ...figure } : one)) }
      draw()
    },
    gateway: (sees) => {
      picture = { ...picture, gateway: sees }
      draw()
    },
    close: () => {
      clearInterval(timer)
      clear()
      if (live) output.write('\u001b[?25h')
    },
  }
}
