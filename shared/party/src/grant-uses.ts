import { Refusal } from '@quorate/shared/errors'
import type { StandingScope } from '@quorate/shared/wire/consent'
import type { Life } from '@quorate/shared/wire/identity'
import type { Remembered } from '@quorate/shared/wire/recall'
import { fromTheStart, join, signaturesSince, together, type Known, type Part } from './tally.ts'

type Limit = Pick<StandingScope, 'limit'>

/** Whose grant: of the share of `index`. `maker`: the life that made this host's own share of the key. `isOwn`: `index` is hosted here. */
type GrantOf = Readonly<{ lineage: string; index: number; maker: string; isOwn: boolean }>

/** What the host of participants `from` has told of each grant. `isOver`: a later life of that host is known by now. */
export type Telling = Readonly<{ from: readonly number[]; uses: Remembered['uses']; isOver: () => boolean }>

export type GrantUses = Readonly<{
  /**
   * Counts the signatures that a share is about to give under its owner's grant, here or beside a share of this host. Throws
   * `grant.exhausted` with its index, and `grant.unproven` as long as another life of this host may know more.
   */
  spend: (grant: GrantOf & Limit, signatures: number, now: number) => void
  /** What this host knows of the grants of these participants. `maker` as above. */
  tell: (lineage: string, indices: readonly number[], maker: string) => Remembered['uses']
  /** Takes over what other hosts know, once the hosts of `needed` participants have said it. True when they have. */
  learn: (lineage: string, word: Telling, needed: number, now: number) => boolean
}>

/** Uses are summed up over a part of the window this small, so that a grant costs little memory however much it allows. */
const PARTS = 64
/** Keys of which some hosts have told, and not enough. The one begun with longest ago gives way. */
const MOST_HEARD = 10_000
/** About 100 MB. Then the key that others told of longest ago gives way, and is told of again. */
const MOST_KNOWN = 50_000

/** The signatures that this life has seen itself. They count no more from `forgetAt` (ms) on. */
type Seen = Readonly<{ parts: readonly Part[]; forgetAt: number }>

/** `seen`: by grant, the one used longest ago first. `known`, `heard`: by lineage, what others have told, enough of them or not yet. */
type Book = Readonly<{
  life: Life
  seen: Map<string, Seen>
  known: Map<string, ReadonlyMap<number, Known>>
  heard: Map<string, readonly Telling[]>
}>

const nameOf = (lineage: string, index: number) => `${lineage}/${index}`

/** Sets this entry as the last, and keeps at most `most` of them. */
function admit<V>(map: Map<string, V>, name: string, value: V, most: number): void {
  map.delete(name)
  map.set(name, value)
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}

/** What was before this life, or before it was told. Null: who knows. */
const pastOf = ({ life, known }: Book, { lineage, index, maker }: Omit<GrantOf, 'isOwn'>): Known | null =>
  maker === life.id ? fromTheStart : (known.get(lineage)?.get(index) ?? null)

function forgetOld({ seen }: Book, now: number): void {
  for (const [name, { forgetAt }] of seen) {
    if (forgetAt > now) break
    seen.delete(name)
  }
}

function spend(book: Book, { limit, ...of }: GrantOf & Limit, signatures: number, now: number): void {
  const { index, isOwn } = of
  const past = pastOf(book, of)
  if (past === null) throw new Refusal('grant.unproven', isOwn ? [index] : [])
  const window = limit.seconds * 1_000
  const since = Math.max(0, now - window)
  const name = nameOf(of.lineage, index)
  const parts = (book.seen.get(name)?.parts ?? []).filter(({ end }) => end > since)
  const used = signaturesSince(past.parts, since) + signaturesSince(parts, since)
  // Whether all uses are known, the host of the share says.
  if ((isOwn && past.since > since) || used + signatures > limit.count) throw new Refusal('grant.exhausted', [index])

  const last = parts.at(-1)
  const goesOn = last !== undefined && now < last.end
  const part = goesOn
    ? { ...last, signatures: last.signatures + signatures }
    : { end: Math.ceil(now + window / PARTS), signatures }
  book.seen.delete(name)
  forgetOld(book, now)
  book.seen.set(name, { parts: [...(goesOn ? parts.slice(0, -1) : parts), part], forgetAt: part.end + window })
}

function learn({ known, heard }: Book, lineage: string, word: Telling, needed: number, now: number): boolean {
  if (known.has(lineage)) return true
  const words = [...(heard.get(lineage) ?? []).filter((one) => !one.isOver() && !overlaps(one, word)), word]
  if (words.flatMap(({ from }) => from).length < needed) {
    admit(heard, lineage, words, MOST_HEARD)
    return false
  }
  heard.delete(lineage)
  const indices = new Set(words.flatMap(({ uses }) => uses.map(({ index }) => index)))
  const told = (index: number) =>
    words.map(({ from, uses }) => ({ from, known: uses.find((use) => use.index === index) ?? unknown(now) }))
  admit(known, lineage, new Map([...indices].map((index) => [index, together(index, told(index), now)])), MOST_KNOWN)
  return true
}

/**
 * How often standing grants were used, in the memory of one life. The life in which a key was made knows all uses of its grants, and each
 * host also counts those of others that it takes part in. A later life takes the counts from the key's other hosts, which take no word of
 * the life before any more. Where too few of those remember, a grant counts as used up until its window has gone by. Its owner can
 * approve each signing meanwhile.
 */
export function createGrantUses(life: Life): GrantUses {
  const book: Book = { life, seen: new Map(), known: new Map(), heard: new Map() }
  return {
    spend: (grant, signatures, now) => spend(book, grant, signatures, now),
    tell: (lineage, indices, maker) =>
      indices.map((index) => {
        const past = pastOf(book, { lineage, index, maker }) ?? { since: life.startedAt, parts: [] }
        const parts = join(past.parts, book.seen.get(nameOf(lineage, index))?.parts ?? [])
        return { index, since: past.since, parts }
      }),
    learn: (lineage, word, needed, now) => learn(book, lineage, word, needed, now),
  }
}

/** Of a grant that a host says nothing of. */
const unknown = (now: number): Known => ({ since: now, parts: [] })

const overlaps = (one: Telling, other: Telling): boolean => one.from.some((index) => other.from.includes(index))
