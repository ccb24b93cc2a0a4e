import type { Digest } from '@quorate/shared/wire/ids'

/** A line in the chain of one life of a host. `at`: where the gateway keeps it. */
export type Link = Readonly<{ at: number; seq: number; digest: Digest; previous: Digest | null }>

/**
 * What was read of the lines of one life: `known`, by `seq`, the lowest of which is `from`; `head`, the last one without a gap before it;
 * `ahead`, those that do not follow on it yet; `doubled`, those in whose place another was read.
 */
export type Chain = Readonly<{
  from: number
  head: Link
  known: ReadonlyMap<number, Digest>
  ahead: readonly Link[]
  doubled: readonly Link[]
}>

const bySeq = (a: Link, b: Link): number => a.seq - b.seq

const follows = (next: Link, last: Link): boolean => next.seq === last.seq + 1 && next.previous === last.digest

/** Those of the links that are new, by `at`; and those in whose place another one is known. */
function sort(known: Map<number, Digest>, from: number, links: readonly Link[]) {
  const [fresh, doubled]: [Link[], Link[]] = [[], []]
  for (const link of links) {
    const digest = known.get(link.seq)
    if (digest === link.digest || (digest === undefined && link.seq < from)) continue
    if (digest !== undefined) {
      doubled.push(link)
      continue
    }
    known.set(link.seq, link.digest)
    fresh.push(link)
  }
  return { fresh, doubled }
}

/**
 * Puts links onto a chain as far as they follow; the others wait for what is missing between. `fresh`: those that had not been read before. A
 * line that comes again is none of them, and one from before the chain's beginning is left alone.
 */
export function extend(
  before: Chain | undefined,
  links: readonly Link[],
): Readonly<{ chain: Chain; fresh: Link[] }> | null {
  const ordered = [...links].sort(bySeq)
  const [start] = ordered
  if (start === undefined) return null
  const from = before?.from ?? start.seq
  const known = new Map(before?.known)
  const { fresh, doubled } = sort(known, from, ordered)
  let head = before?.head ?? start
  const ahead: Link[] = []
  for (const link of [...(before?.ahead ?? []), ...fresh].sort(bySeq))
    if (follows(link, head)) head = link
    else if (link !== head) ahead.push(link)
  return { chain: { from, head, known, ahead, doubled: [...(before?.doubled ?? []), ...doubled] }, fresh }
}

/**
 * What is wrong with a chain: the first line after a gap of so many lines, or a line that does not follow on the one before it, of which
 * the host has then written two.
 */
export function breakOf({ head, ahead, doubled }: Chain): Readonly<{ next: Link; missing: number }> | null {
  const [next] = doubled.length > 0 ? doubled : ahead
  if (next === undefined) return null
  return { next, missing: Math.max(0, next.seq - head.seq - 1) }
}
