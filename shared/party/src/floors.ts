import { Refusal } from '@quorate/shared/errors'
import type { Life } from '@quorate/shared/wire/identity'
import type { Floor, Remembered } from '@quorate/shared/wire/recall'
import { createHearing, speakers, type Hearing, type Word } from './hearing.ts'

/** What a host has told of the books of one key. */
export type ToldBooks = Pick<Remembered, 'books' | 'complete'>
type Telling = Word & ToldBooks

/** Whose books, and of how many participants the hosts must have spoken. `others`: the participants that other hosts have. */
export type Hosted = Readonly<{ indices: readonly number[]; others: readonly number[]; needed: number }>

/**
 * The newest book of grants that this life knows of each owner, by lineage and index. A book below its floor is an old one, which somebody has brought
 * back. Of two books under one serial, the one with the higher digest is the newer one, so that all hosts come to the same.
 */
export type Floors = Readonly<{
  /** The owner has signed this book. Throws `enclave.busy` for a new key when there is no more room. */
  note: (lineage: string, floor: Floor) => void
  /** The owner has said, naming this very life, that the newest book is the one noted, or that there is none. Throws as `note`. */
  assure: (lineage: string, index: number) => void
  /** Ascending by index. */
  floorsOf: (lineage: string) => readonly Floor[]
  /** What this life knows of these participants' books. `maker`: the life that made this host's own share of the key. */
  tell: (lineage: string, indices: readonly number[], maker: string) => ToldBooks
  /**
   * Takes over what another host knows. Of an owner no newer book is left once the hosts of `needed` participants have said that they know
   * of none. True when there is no more to hear: that is so of all owners, or all other hosts have spoken. Throws as `note`.
   */
  learn: (lineage: string, word: Telling, of: Hosted) => boolean
  /** Does this life know that there is no newer book of this owner? `maker` as above. */
  isComplete: (lineage: string, maker: string, index: number) => boolean
}>

/** `complete`: the owners of whom there is no newer book. */
type Known = Readonly<{ floors: Map<number, Floor>; complete: Set<number> }>

/** Keys; about 100 MB of those with a few owners. */
const MOST = 200_000

const isAbove = (one: Floor, other: Floor | undefined): boolean =>
  other === undefined || one.serial > other.serial || (one.serial === other.serial && one.digest > other.digest)

type State = Readonly<{ life: Life; keys: Map<string, Known>; hearing: Hearing<Telling>; most: number }>

function at({ keys, most }: State, lineage: string): Known {
  const known = keys.get(lineage)
  if (known !== undefined) return known
  if (keys.size >= most) throw new Refusal('enclave.busy')
  const begun: Known = { floors: new Map(), complete: new Set() }
  keys.set(lineage, begun)
  return begun
}

function note(state: State, lineage: string, { index, serial, digest }: Floor): void {
  const { floors } = at(state, lineage)
  const floor = { index, serial, digest }
  if (isAbove(floor, floors.get(index))) floors.set(index, floor)
}

function learn(state: State, lineage: string, word: Telling, { indices, others, needed }: Hosted): boolean {
  const { complete } = at(state, lineage)
  for (const floor of word.books) note(state, lineage, floor)
  const isDone = () => indices.every((index) => complete.has(index))
  if (isDone()) return true
  const words = state.hearing.hear(lineage, word)
  for (const index of indices) {
    const sure = words.filter((one) => one.complete.includes(index))
    if (speakers(sure).length >= needed) complete.add(index)
  }
  if (isDone()) state.hearing.end(lineage)
  const spoken = new Set(speakers(words))
  return isDone() || others.every((index) => spoken.has(index))
}

/** A floor never goes down, and nothing is forgotten before the end of this life: who can make keys could make it forget. */
export function createFloors(life: Life, most = MOST): Floors {
  const state: State = { life, keys: new Map(), hearing: createHearing(), most }
  const floorsOf = (lineage: string): Floor[] =>
    [...(state.keys.get(lineage)?.floors.values() ?? [])].sort((one, other) => one.index - other.index)
  const isComplete = (lineage: string, maker: string, index: number): boolean =>
    maker === life.id || (state.keys.get(lineage)?.complete.has(index) ?? false)
  return {
    note: (lineage, floor) => note(state, lineage, floor),
    assure: (lineage, index) => void at(state, lineage).complete.add(index),
    floorsOf,
    tell: (lineage, indices, maker) => ({
      books: floorsOf(lineage),
      complete: indices.filter((index) => isComplete(lineage, maker, index)),
    }),
    learn: (lineage, word, of) => learn(state, lineage, word, of),
    isComplete,
  }
}
