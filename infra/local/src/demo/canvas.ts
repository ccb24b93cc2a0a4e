import { paint } from '../paint.ts'
import { drawPicture, type Picture } from './picture.ts'

const { cyan, dim } = paint

const frameEvery = 80
const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** Below so many columns the picture would wrap. */
const narrowest = 80

export const inMs = (ms: number): string => (ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`)

export type Output = Readonly<{ write: (text: string) => unknown; isTTY?: boolean; columns?: number }>

/** What is waited for, and since when (ms). */
type Waiting = Readonly<{ what: string; since: number }>

/** Lines, and below them on a terminal a picture that moves while something is waited for. */
export class Canvas {
  readonly #output: Output
  readonly #live: boolean
  readonly #timer: NodeJS.Timeout | undefined
  #picture: Picture
  #beat = 0
  #height = 0
  #waiting: Waiting | null = null

  constructor(output: Output, picture: Picture) {
    this.#output = output
    this.#picture = picture
    this.#live = output.isTTY === true && (output.columns ?? narrowest) >= narrowest
    if (!this.#live) return
    this.#timer = setInterval(() => this.#tick(), frameEvery)
    output.write('\u001b[?25l')
  }

  say(text: string): void {
    this.clear()
    this.#output.write(text + '\n')
    this.#draw()
  }

  change(to: (picture: Picture) => Partial<Picture>): void {
    this.#picture = { ...this.#picture, ...to(this.#picture) }
    this.#draw()
  }

  /** Gives what was waited for before. */
  waitFor(waiting: Waiting | null): Waiting | null {
    const before = this.#waiting
    this.#waiting = waiting
    return before
  }

  /** The picture at rest. */
  standing(): string {
    return drawPicture(this.#picture, null).join('\n')
  }

  clear(): void {
    if (this.#height > 0) this.#output.write(`\u001b[${this.#height}A\u001b[J`)
    this.#height = 0
  }

  close(): void {
    clearInterval(this.#timer)
    this.clear()
    if (this.#live) this.#output.write('\u001b[?25h')
  }

  #tick(): void {
    this.#beat += 1
    this.#draw()
  }

  #draw(): void {
    if (!this.#live || this.#waiting === null) return
    const { what, since } = this.#waiting
    const busy = `  ${cyan(spinner[this.#beat % spinner.length] ?? '')} ${what.slice(0, narrowest - 14)} ${dim(inMs(performance.now() - since))}`
    const lines = [busy, '', ...drawPicture(this.#picture, this.#beat)]
    this.clear()
    this.#output.write(lines.join('\n') + '\n')
    this.#height = lines.length
  }
}
