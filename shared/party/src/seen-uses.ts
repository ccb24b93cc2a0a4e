import { nameOf, type TallyName } from './counts.ts'
import type { Part } from './tally.ts'

/** The signatures that one life has seen itself, by key and tally. */
export type Seen = Readonly<{
  of: (lineage: string) => readonly TallyName[]
  /** The names of the tallies of a key that still count. */
  namesOf: (lineage: string, now: number) => readonly string[]
  partsOf: (lineage: string, name: TallyName) => readonly Part[]
  count: (lineage: string, name: TallyName, signatures: number, now: number) => void
  /** Forgets the other tallies of this key. */
  keep: (lineage: string, stays: (name: TallyName) => boolean) => void
}>

/** Uses are summed up over a part of the window this small, so that a grant costs little memory however much it allows. */
const PARTS = 64
/** So many keys are looked at with each use, one after the other, for tallies that count no more. */
const LOOKED_AT = 2

/** Counts no more from `forgetAt` (ms) on. */
type Entry = Readonly<{ name: TallyName; parts: readonly Part[]; forgetAt: number }>
type Entries = Map<string, Entry>

function dropOld(entries: Entries, now: number): void {
  for (const [name, { forgetAt }] of entries) if (forgetAt <= now) entries.delete(name)
}

/** Those looked at go to the end, so that every key has its turn. */
function lookForOld(keys: Map<string, Entries>, now: number): void {
  let left = LOOKED_AT
  for (const [lineage, entries] of keys) {
    dropOld(entries, now)
    keys.delete(lineage)
    if (entries.size > 0) keys.set(lineage, entries)
    left -= 1
    if (left === 0) break
  }
}

function after(entry: Entry | undefined, name: TallyName, signatures: number, now: number): Entry {
  const window = name.seconds * 1_000
  const parts = (entry?.parts ?? []).filter(({ end }) => end > now - window)
  const last = parts.at(-1)
  const goesOn = last !== undefined && now < last.end
  const part = goesOn
    ? { end: last.end, signatures: last.signatures + signatures }
    : { end: Math.ceil(now + window / PARTS), signatures }
  return { name, parts: [...(goesOn ? parts.slice(0, -1) : parts), part], forgetAt: part.end + window }
}

export function createSeen(): Seen {
  const keys = new Map<string, Entries>()
  const entriesOf = (lineage: string) => keys.get(lineage)
  return {
    of: (lineage) => [...(entriesOf(lineage)?.values() ?? [])].map(({ name }) => name),
    namesOf(lineage, now) {
      const entries = entriesOf(lineage)
      if (entries) dropOld(entries, now)
      return [...(entries?.keys() ?? [])]
    },
    partsOf: (lineage, name) => entriesOf(lineage)?.get(nameOf(name))?.parts ?? [],
    count(lineage, name, signatures, now) {
      lookForOld(keys, now)
      const entries: Entries = entriesOf(lineage) ?? new Map<string, Entry>()
      entries.set(nameOf(name), after(entries.get(nameOf(name)), name, signatures, now))
      keys.set(lineage, entries)
    },
    keep(lineage, stays) {
      const entries = entriesOf(lineage)
      for (const [key, { name }] of entries ?? []) if (!stays(name)) entries?.delete(key)
    },
  }
}
