import { paint } from '../paint.ts'

const { bold, cyan, dim, green, red, yellow } = paint

export type Person = Readonly<{ name: string; note: string }>
export type EnclaveMark = 'off' | 'starting' | 'running' | 'attested' | 'dead'
export type EnclaveFigure = Readonly<{ id: string; mark: EnclaveMark; note: string }>

/** Who there is, and what each holds. `gateway`: what it sees; null: it does not run. */
export type Picture = Readonly<{
  people: readonly Person[]
  enclaves: readonly EnclaveFigure[]
  gateway: string | null
}>

const marks: Readonly<Record<EnclaveMark, string>> = {
  off: dim('○'),
  starting: yellow('◌'),
  running: yellow('●'),
  attested: green('●'),
  dead: red('✗'),
}

/** Columns between the two junctions. */
const span = 22

/**
 * Three lines: people on the left, the gateway in the middle, enclaves on the right. `beat` counts frames, and moves what
 * travels; null: nothing does.
 */
export function drawPicture({ people, enclaves, gateway }: Picture, beat: number | null): string[] {
  const bends = [
    ['┐', '┌'],
    ['┼', '┼'],
    ['┘', '└'],
  ] as const
  const middle = [' '.repeat(span), wire(gateway !== null, beat), dim(centre(gateway ?? '', span))]
  return bends.map(([left, right], row) => {
    const { name, note } = people[row] ?? { name: '', note: '' }
    const person = `${name === '' ? ' '.repeat(6) : bold(name.padEnd(6))}${cyan(note.padEnd(9))}`
    return `  ${person}${dim(`─${left}`)}${middle[row] ?? ''}${dim(`${right}─`)} ${enclave(enclaves[row])}`
  })
}

function enclave(figure: EnclaveFigure | undefined): string {
  if (figure === undefined) return ''
  const { id, mark, note } = figure
  const name = mark === 'off' ? dim(id) : mark === 'dead' ? red(id) : bold(id)
  return `${marks[mark]} ${name}  ${mark === 'dead' ? red(note) : mark === 'off' ? dim(note) : note}`
}

function wire(up: boolean, beat: number | null): string {
  const name = ' gateway '
  const length = span - name.length
  const track = Array.from({ length }, () => dim(up ? '─' : '┄'))
  // There and back again.
  if (beat !== null && up) {
    const at = beat % (2 * length - 2)
    track[at < length ? at : 2 * length - 2 - at] = yellow('•')
  }
  const half = Math.floor(length / 2)
  return track.slice(0, half).join('') + (up ? bold(name) : dim(name)) + track.slice(half).join('')
}

function centre(text: string, width: number): string {
  const left = Math.max(0, Math.floor((width - text.length) / 2))
  return (' '.repeat(left) + text).padEnd(width)
}
