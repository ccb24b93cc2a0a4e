/** What a host has said of a key. `from`: its participants there. `isOver`: a later life of that host is known by now. */
export type Word = Readonly<{ from: readonly number[]; isOver: () => boolean }>

/** The words of other hosts on each key, as long as there are too few of them. */
export type Hearing<W extends Word> = Readonly<{
  /** All words on this key that count, with this one: of each host its last, and none of a life that is over. */
  hear: (lineage: string, word: W) => readonly W[]
  /** No more has to be heard of this key. */
  end: (lineage: string) => void
}>

/** Keys of which some hosts have told, and not enough. The one heard of longest ago gives way. */
const MOST = 10_000

/** Sets this entry as the last, and keeps at most `most` of them. */
export function admit<V>(map: Map<string, V>, name: string, value: V, most: number): void {
  map.delete(name)
  map.set(name, value)
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}

const overlaps = (one: Word, other: Word): boolean => one.from.some((index) => other.from.includes(index))

/** The participants whose hosts these words are of. */
export const speakers = (words: readonly Word[]): number[] => words.flatMap(({ from }) => from)

export function createHearing<W extends Word>(most = MOST): Hearing<W> {
  const heard = new Map<string, readonly W[]>()
  return {
    hear(lineage, word) {
      const words = [...(heard.get(lineage) ?? []).filter((one) => !one.isOver() && !overlaps(one, word)), word]
      admit(heard, lineage, words, most)
      return words
    },
    end: (lineage) => void heard.delete(lineage),
  }
}
