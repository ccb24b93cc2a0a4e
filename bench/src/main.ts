import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { benchCrypto } from './crypto.ts'
import { single, type Figure } from './figures.ts'
import { benchNip46, nip46Names } from './nip46.ts'
import { batchNames } from './batches.ts'
import { besideKeymeld } from './keymeld.ts'
import { benchProfile, profileNames } from './profile.ts'
import { schemeNames } from './schemes.ts'
import { benchSigning } from './signing.ts'

const fleetNames = [
  'sign.frost-2of3',
  'sign.frost-2of3.inflight-1',
  'sign.frost-2of3.inflight-10',
  'sign.frost-2of3.inflight-50',
  'keygen.frost-2of3',
  'cpu.sign.frost-2of3',
  ...schemeNames,
  ...batchNames,
]

/** `ONLY=name` runs what has this name; a name that is none runs what begins with it: `crypto`, `sign`, … */
const only = process.env['ONLY'] ?? ''
const names: readonly string[] = [...fleetNames, ...profileNames, ...nip46Names]
const wanted = (name: string): boolean => name === only || (!names.includes(only) && name.startsWith(only))

/** What cryptography a signature 2-of-3 is: two commitments, two partials, one aggregation, one verification. And what all of it is by that. */
function cryptoShare(figures: readonly Figure[]): Figure[] {
  const of = (name: string) => figures.find((figure) => figure.name === name)?.value
  const part = (operation: string) => of(`crypto.frost-secp256k1-tr.${operation}`)
  const [commit, sign, aggregate, verify] = [part('commit'), part('sign'), part('aggregate'), part('verify')]
  if (!commit || !sign || !aggregate || !verify) return []
  const crypto = 2 * commit + 2 * sign + aggregate + verify
  const sequence = commit + sign + aggregate + verify
  const [total, all, p50] = [of('cpu.sign.frost-2of3'), of('cpu.sign.frost-2of3.all'), of('sign.frost-2of3')]
  return [
    ...(total ? [single('cpu.sign.frost-2of3.crypto', crypto, 'ms', 1)] : []),
    ...(total ? [single('cpu.sign.frost-2of3.rest', total - crypto, 'ms', 1)] : []),
    ...(all ? [single('cpu.sign.frost-2of3.ratio', all / crypto, '×', 1)] : []),
    ...(p50 ? [single('sign.frost-2of3.to-sequence', p50 / sequence, '×', 1)] : []),
  ]
}

function print(figures: readonly Figure[]): void {
  const rows = figures.map(({ name, value, unit, p50, p95, runs }) => [
    name,
    `${value.toPrecision(4)} ${unit}`,
    p50.toPrecision(4),
    p95.toPrecision(4),
    String(runs),
  ])
  const table = [['name', 'value', 'p50', 'p95', 'runs'], ...rows]
  const widths = table.reduce<number[]>((max, row) => row.map((cell, at) => Math.max(cell.length, max[at] ?? 0)), [])
  for (const row of table) process.stdout.write(`${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}\n`)
}

const figures: Figure[] = []
const isShared = wanted('cpu.sign.frost-2of3') || wanted('sign.frost-2of3')
if (wanted('crypto') || isShared) figures.push(...(await benchCrypto()).filter(({ name }) => wanted(name) || isShared))
if (fleetNames.some(wanted)) figures.push(...(await benchSigning(wanted)))
if (profileNames.some(wanted)) figures.push(...(await benchProfile()))
if (nip46Names.some(wanted)) figures.push(...(await benchNip46(wanted)))
figures.push(...cryptoShare(figures))
print(figures)
for (const line of besideKeymeld(figures)) process.stdout.write(`${line}\n`)

// A run of one name keeps what an earlier run measured of the others.
const path = 'bench/results.json'
const before = only !== '' && existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as object) : {}
const measured = Object.fromEntries(figures.map(({ name, ...figure }) => [name, figure]))
mkdirSync('bench', { recursive: true })
writeFileSync(path, `${JSON.stringify({ ...before, ...measured }, null, 2)}\n`)
