import type { ByIndex } from '../../mpc/src/index.ts'
import { get } from './run.ts'

/** A message in place of the cheater's own. `other`: what was said in the same round of another session. */
export type Spoil = (sent: ByIndex, cheater: number, other: ByIndex) => Uint8Array

/** The first of the others' messages. Of two participants, one hears nobody but the cheater. */
const another: Spoil = (sent, cheater, other) => {
  const [first = get(other, cheater)] = [...sent].filter(([from]) => from !== cheater).map(([, bytes]) => bytes)
  return first
}

/** What nobody can read. */
export const unreadable: Readonly<Record<string, Spoil>> = {
  truncated: (sent, cheater) => get(sent, cheater).slice(0, -1),
  extended: (sent, cheater) => Uint8Array.of(...get(sent, cheater), 0),
  empty: () => new Uint8Array(0),
  'all zero': (sent, cheater) => new Uint8Array(get(sent, cheater).length),
}

/** What can be read, but is of somebody else or of another time. */
export const misplaced: Readonly<Record<string, Spoil>> = {
  'of another session': (_, cheater, other) => get(other, cheater),
  'of another participant': another,
}

export const flipped =
  (at: number): Spoil =>
  (sent, cheater) => {
    const bytes = get(sent, cheater)
    const byte = Math.floor(at / 8) % bytes.length
    return bytes.with(byte, (bytes[byte] ?? 0) ^ (1 << (at % 8)))
  }

/** The messages of a round with those of the cheaters spoilt. */
export const spoilt = (sent: ByIndex, cheaters: readonly number[], spoil: Spoil, other: ByIndex): ByIndex =>
  new Map([...sent].map(([from, bytes]) => [from, cheaters.includes(from) ? spoil(sent, from, other) : bytes]))

/** Another length than the right one. */
export const resized = (bytes: Uint8Array): Uint8Array[] => [
  bytes.slice(0, -1),
  Uint8Array.of(...bytes, 0),
  new Uint8Array(0),
  new Uint8Array(2 * bytes.length),
]
