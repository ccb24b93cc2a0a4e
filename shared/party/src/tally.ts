import { CLOCK_SKEW } from '@quorate/shared/consent/times'
import { MAX_PARTS, type Tally } from '@quorate/shared/wire/recall'

/** Signatures until `end` (ms). They count until the window has gone by since then, never for a shorter time. */
export type Part = Tally['parts'][number]

/** How often a grant was used: all that a host can know of, from `since` (ms) on. */
export type Known = Readonly<{ since: number; parts: readonly Part[] }>

/** Nothing has been before. */
export const fromTheStart: Known = { since: 0, parts: [] }

/** Signatures that count after `since`. */
export const signaturesSince = (parts: readonly Part[], since: number): number =>
  parts.reduce((sum, { end, signatures }) => (end > since ? sum + signatures : sum), 0)

/** All of them, ascending, in at most `most`: where there are too many, two neighbours count as long as the later one. */
export function join(lists: readonly (readonly Part[])[], most = MAX_PARTS): Part[] {
  let parts = lists.flat().sort((one, other) => one.end - other.end)
  while (parts.length > most)
    parts = parts.flatMap((part, at) => {
      const next = parts[at + 1]
      if (at % 2 === 1) return []
      return next === undefined ? [part] : [{ end: next.end, signatures: part.signatures + next.signatures }]
    })
  return parts
}

/** What the hosts `from` have told of one tally. */
export type Told = Readonly<{ from: readonly number[]; known: Known }>

/**
 * What several hosts know together of one tally of the share of `index`. Any n − t + 1 participants' hosts have one of every quorum among
 * them, so that all uses are in what they saw, some of them several times; the host of `index` saw all of its own, once. A use was before
 * `now`, whatever they say.
 */
export function together(index: number, told: readonly Told[], now: number): Known {
  const all = combine(told, now)
  const own = told.filter(({ from }) => from.includes(index))
  if (own.length === 0) return all
  const itself = combine(own, now)
  return itself.since <= all.since ? itself : all
}

function combine(told: readonly Told[], now: number): Known {
  const parts = join(told.map(({ known }) => known.parts))
  return {
    since: Math.max(...told.map(({ known }) => known.since)),
    parts: parts.map(({ end, signatures }) => ({ end: Math.min(end, now + CLOCK_SKEW), signatures })),
  }
}
