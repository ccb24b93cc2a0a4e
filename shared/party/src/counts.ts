import { CLOCK_SKEW } from '@quorate/shared/consent/times'
import type { GrantId } from '@quorate/shared/wire/ids'
import {
  MAX_KEY_PARTS,
  MAX_PARTS,
  MAX_TALLIES,
  type Past,
  type Remembered,
  type Tally,
} from '@quorate/shared/wire/recall'
import type { Word } from './hearing.ts'
import { fromTheStart, join, together, type Known } from './tally.ts'

/** Which tally: the share's index, its owner's grant (null: the registered one), and the window of a limit (s). */
export type TallyName = Pick<Tally, 'index' | 'grant' | 'seconds'>

/** How often the grants of one key were used. `uses`: by `nameOf`. `pasts`: by index, what is known of grants that no tally names. */
export type Counts = Readonly<{ uses: ReadonlyMap<string, Tally>; pasts: ReadonlyMap<number, Past> }>

/** What a host has told of the grants of one key. */
export type ToldUses = Pick<Remembered, 'uses' | 'pasts'>
export type Telling = Word & ToldUses

export const nameOf = ({ index, grant, seconds }: TallyName): string => `${index}/${grant ?? ''}/${seconds}`

export const countsOf = ({ uses, pasts }: ToldUses): Counts => ({
  uses: new Map(uses.map((use) => [nameOf(use), use])),
  pasts: new Map(pasts.map((past) => [past.index, past])),
})

/** Of a grant that no tally names. Null: nothing is known of it. */
function pastOf({ pasts }: Counts, index: number, grant: GrantId | null): Known | null {
  const past = pasts.get(index)
  if (past === undefined) return null
  return grant !== null && past.renewed.includes(grant) ? fromTheStart : { since: past.since, parts: [] }
}

/** Of one tally. Null: nothing is known of it. */
export const knownOf = (counts: Counts, name: TallyName): Known | null =>
  counts.uses.get(nameOf(name)) ?? pastOf(counts, name.index, name.grant)

/** What several hosts know together. Of what a host says nothing of, it knows what will be from `now` on. */
export function joinCounts(words: readonly Telling[], now: number): Counts {
  const told = words.map(({ from, ...said }) => ({ from, counts: countsOf(said) }))
  const joined = (index: number, of: (counts: Counts) => Known | null): Known =>
    together(
      index,
      told.map(({ from, counts }) => ({ from, known: of(counts) ?? { since: now, parts: [] } })),
      now,
    )
  const named = new Map(told.flatMap(({ counts }) => [...counts.uses]))
  const uses = [...named.values()].map(({ index, grant, seconds }) => {
    const name = { index, grant, seconds }
    const { since, parts } = joined(index, (counts) => knownOf(counts, name))
    return { ...name, since, parts: [...parts] }
  })
  const indices = new Set(told.flatMap(({ counts }) => [...counts.pasts.keys()]))
  const pasts = [...indices].map((index) => {
    const grants = new Set(told.flatMap(({ counts }) => counts.pasts.get(index)?.renewed ?? []))
    const sinceOf = (grant: GrantId | null) => joined(index, (counts) => pastOf(counts, index, grant)).since
    return { index, since: sinceOf(null), renewed: [...grants].filter((grant) => sinceOf(grant) === 0) }
  })
  return countsOf({ uses, pasts })
}

/** Does nothing of it count any more, whatever clock within the skew says so? */
const isOver = ({ since, parts, seconds }: Tally, now: number): boolean => {
  const begin = now - seconds * 1_000 - CLOCK_SKEW
  return since <= begin && parts.every(({ end }) => end <= begin)
}

/**
 * As much as is told of one key. Tallies that count no more are left out. Where there are too many, the past of a share whose tally was left
 * out is known from that tally's last use on only.
 */
export function fit({ uses, pasts }: Counts, now: number): ToldUses {
  const live = [...uses.values()].filter((use) => !isOver(use, now))
  const [kept, left] = [live.slice(0, MAX_TALLIES), live.slice(MAX_TALLIES)]
  const most = Math.min(MAX_PARTS, Math.floor(MAX_KEY_PARTS / kept.length))
  return {
    uses: kept.map((use) => ({ ...use, parts: join([use.parts], most) })),
    pasts: fitRenewed([...pasts.values()]).map((past) =>
      left
        .filter(({ index }) => index === past.index)
        .reduce(
          ({ index, since, renewed }, use) => ({
            index,
            since: Math.max(since, use.since, use.parts.at(-1)?.end ?? 0),
            renewed: renewed.filter((grant) => grant !== use.grant),
          }),
          past,
        ),
    ),
  }
}

/** Of renewed grants that are too many, the last ones are as any other. */
function fitRenewed(pasts: readonly Past[]): Past[] {
  let room = MAX_TALLIES
  return pasts.map(({ index, since, renewed }) => {
    const kept = renewed.slice(0, room)
    room -= kept.length
    return { index, since, renewed: kept }
  })
}
