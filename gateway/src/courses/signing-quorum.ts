import type { HostId } from '@quorate/shared/wire/host'
import type { Course } from '../engine/course.ts'
import { consentsOf, couldSign, neededFor, placesOf, spoken, willingTo, withNewHosts } from './signing-consent.ts'
import type { SigningSession, SigningTerms } from './signing-terms.ts'

/** A participant whose host can be asked, and the items (0…) that it wants to sign. */
type Candidate = Readonly<{ index: number; items: ReadonlySet<number> }>

const candidatesOf = (s: SigningSession, available: readonly HostId[], now: number): Candidate[] =>
  available.flatMap((id) =>
    s.seats.flatMap(({ host, index }) => {
      const items = host === id ? willingTo(s.own, index, now) : new Set<number>()
      return items.size > 0 ? [{ index, items }] : []
    }),
  )

/**
 * So few that each item (0…) has as many as it needs who want it: the first who want all, when they are enough. Else one after the other whoever
 * wants most of what has too few, the first of equals. Every item has enough candidates.
 */
function cover(candidates: readonly Candidate[], needed: ReadonlyMap<number, number>): number[] {
  const items = [...needed.keys()]
  const most = Math.max(...needed.values())
  const whole = candidates.filter((candidate) => items.every((at) => candidate.items.has(at))).slice(0, most)
  const chosen = whole.map(({ index }) => index)
  const lacking = new Map([...needed].flatMap(([at, many]) => (many > whole.length ? [[at, many - whole.length]] : [])))
  const left = new Set(candidates.filter((candidate) => !whole.includes(candidate)))
  const use = (candidate: Candidate) => [...lacking.keys()].filter((at) => candidate.items.has(at)).length
  while (lacking.size > 0) {
    const [first, ...others] = left
    if (first === undefined) break
    const best = others.reduce((one, other) => (use(other) > use(one) ? other : one), first)
    left.delete(best)
    chosen.push(best.index)
    for (const [at, wanted] of lacking) {
      if (!best.items.has(at)) continue
      if (wanted === 1) lacking.delete(at)
      else lacking.set(at, wanted - 1)
    }
  }
  return chosen.sort((a, b) => a - b)
}

/**
 * Who signs at `now` (ms), on the hosts that come first in `available`, in the order of indices. Exactly as many as are needed where so many want every
 * item that can be signed; else as few as give each of these items enough. Null while there are too few; and, until the request is
 * about to end, while an item waits for a word that could decide it.
 */
export function chooseQuorum(s: SigningSession, available: readonly HostId[], now: number): number[] | null {
  const { closing = false } = s.own
  const candidates = candidatesOf(s, available, now)
  const places = placesOf(s.own)
  const signable = places.filter((at) => candidates.filter(({ items }) => items.has(at)).length >= neededFor(s.own, at))
  const isDecided = (at: number) => signable.includes(at) || !couldSign(s, at)
  if (signable.length === 0 || !(closing || places.every(isDecided))) return null
  return cover(candidates, new Map(signable.map((at) => [at, neededFor(s.own, at)])))
}

/** Where all of the quorum have committed ahead, the attempt begins with their partials. */
export function choose(
  before: SigningSession,
  available: readonly HostId[],
  now: number,
  ready?: SigningTerms['ready'],
): ReturnType<Course<SigningTerms>['choose']> {
  const s = { ...before, own: withNewHosts(before.own, available) }
  const quorum = chooseQuorum(s, available, now)
  if (quorum === null) return { own: s.own, quorum }
  const own = { ...s.own, askable: available, spoken: spoken(s) }
  if (ready === undefined) return { own, quorum }
  const { commitments, said = {} } = ready
  const isWhole = String(commitments.map(({ body }) => body.index)) === String(quorum)
  if (!isWhole) return { own, quorum }
  return { own, quorum, first: { round: 'partial', given: { commitments, consents: consentsOf(own, quorum) }, said } }
}
