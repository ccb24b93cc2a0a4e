import colors from 'yoctocolors'

type Paint = (text: string) => string
type Name = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow'

const plain: Paint = (text) => text
// yoctocolors heeds NO_COLOR and FORCE_COLOR, but does not ask whether a terminal reads what is printed.
const { FORCE_COLOR = '' } = process.env
const coloured = process.stdout.isTTY || FORCE_COLOR !== ''
const of = (name: Name): Paint => (coloured ? colors[name] : plain)

export const paint: Readonly<Record<Name, Paint>> = {
  bold: of('bold'),
  cyan: of('cyan'),
  dim: of('dim'),
  green: of('green'),
  red: of('red'),
  yellow: of('yellow'),
}
