import { Refusal } from '@quorate/shared/errors'
import type { GrantId } from '@quorate/shared/wire/ids'
import type { Life } from '@quorate/shared/wire/identity'
import { MAX_TALLIES, type Past, type Tally } from '@quorate/shared/wire/recall'
import {
  countsOf,
  fit,
  joinCounts,
  knownOf,
  nameOf,
  type Counts,
  type TallyName,
  type Telling,
  type ToldUses,
} from './counts.ts'
import { admit, createHearing, speakers, type Hearing } from './hearing.ts'
import { createSeen, type Seen } from './seen-uses.ts'
import { fromTheStart, join, signaturesSince, type Known } from './tally.ts'

/** At most `count` signatures in any window of `seconds`. */
export type Limit = Readonly<{ count: number; seconds: number }>

/**
 * Of the share of `index`. `grant`: null for the registered one. `limits`: all have to hold. `maker`: the life that made this host's own share
 * of the key. `isOwn`: `index` is hosted here.
 */
export type Use = Readonly<{
  lineage: string
  index: number
  grant: GrantId | null
  limits: readonly Limit[]
  maker: string
  isOwn: boolean
}>

export type GrantUses = Readonly<{
  /**
   * Counts the signatures that a share is about to give under a grant of its owner, here or beside a share of this host: in the windows of
   * every limit, or in none. Throws `grant.exhausted` with its index, and `grant.unproven` as long as another life of this host may know more.
   */
  spend: (use: Use, signatures: number, now: number) => void
  /** What this host knows of the grants of these participants. `maker` as above. */
  tell: (lineage: string, indices: readonly number[], maker: string, now: number) => ToldUses
  /** Takes over what other hosts know, once the hosts of `needed` participants have said it. True when they have. */
  learn: (lineage: string, word: Telling, needed: number, now: number) => boolean
  /** Does this life know all uses? It made the share itself, or enough others have told. */
  isKnown: (lineage: string, maker: string) => boolean
  /**
   * The owner has said, naming this very life, that these grants count from now: nothing that was before this life counts for them. Throws
   * `grant.exhausted` with its index where the key has as many such grants as are remembered.
   */
  renew: (lineage: string, index: number, grants: Iterable<GrantId>) => void
  /** The owner has taken back all grants but these, and the registered one. Their ids never come back. */
  forget: (lineage: string, index: number, keep: ReadonlySet<GrantId>) => void
}>

/** About 100 MB where keys have few tallies. Then the key that others told of longest ago gives way, and is told of again. */
const MOST_KNOWN = 50_000

/** `known`: by lineage, what enough others have told. `renewed`: by lineage and index, the grants that count from this life on. */
type State = Readonly<{
  life: Life
  seen: Seen
  known: Map<string, Counts>
  renewed: Map<string, ReadonlyMap<number, ReadonlySet<GrantId>>>
  hearing: Hearing<Telling>
}>

type Share = Pick<Use, 'lineage' | 'maker'>

/** What others have told. A life that has made the share itself knows better. */
const toldOf = ({ life, known }: State, { lineage, maker }: Share): Counts | undefined =>
  maker === life.id ? undefined : known.get(lineage)

const isRenewed = (
  { renewed }: State,
  lineage: string,
  { index, grant }: Pick<TallyName, 'index' | 'grant'>,
): boolean => grant !== null && (renewed.get(lineage)?.get(index)?.has(grant) ?? false)

/** What was before this life, or before it was told. Null: who knows. */
function beforeOf(state: State, share: Share, name: TallyName): Known | null {
  if (share.maker === state.life.id || isRenewed(state, share.lineage, name)) return fromTheStart
  const told = toldOf(state, share)
  return told === undefined ? null : knownOf(told, name)
}

/** Of the limits for one window, the lowest. */
function lowest(limits: readonly Limit[]): Limit[] {
  const counts = new Map<number, number>()
  for (const { count, seconds } of limits) counts.set(seconds, Math.min(count, counts.get(seconds) ?? count))
  return [...counts].map(([seconds, count]) => ({ count, seconds }))
}

function spend(state: State, { limits, ...use }: Use, signatures: number, now: number): void {
  const { lineage, index, grant, isOwn } = use
  const names = lowest(limits).map(({ count, seconds }) => {
    const name = { index, grant, seconds }
    const before = beforeOf(state, use, name)
    if (before === null) throw new Refusal('grant.unproven', isOwn ? [index] : [])
    const since = Math.max(0, now - seconds * 1_000)
    const used = signaturesSince(before.parts, since) + signaturesSince(state.seen.partsOf(lineage, name), since)
    // Whether all uses are known, the host of the share says.
    if ((isOwn && before.since > since) || used + signatures > count) throw new Refusal('grant.exhausted', [index])
    return name
  })
  const told = [...(toldOf(state, use)?.uses.keys() ?? [])]
  const all = new Set([...told, ...state.seen.namesOf(lineage, now), ...names.map(nameOf)])
  if (all.size > MAX_TALLIES) throw new Refusal('grant.exhausted', [index])
  for (const name of names) state.seen.count(lineage, name, signatures, now)
}

function pastOf(state: State, share: Share, index: number): Past {
  const past = toldOf(state, share)?.pasts.get(index)
  const since = share.maker === state.life.id ? 0 : (past?.since ?? state.life.startedAt)
  const own = state.renewed.get(share.lineage)?.get(index) ?? []
  return { index, since, renewed: [...new Set([...own, ...(past?.renewed ?? [])])] }
}

function tell(state: State, share: Share, indices: readonly number[], now: number): ToldUses {
  const told = [...(toldOf(state, share)?.uses.values() ?? [])]
  const names = new Map([...state.seen.of(share.lineage), ...told].map((name) => [nameOf(name), name]))
  const uses = [...names.values()]
    .filter(({ index }) => indices.includes(index))
    .map(({ index, grant, seconds }): Tally => {
      const name = { index, grant, seconds }
      const { since, parts } = beforeOf(state, share, name) ?? { since: state.life.startedAt, parts: [] }
      return { ...name, since, parts: join([parts, state.seen.partsOf(share.lineage, name)]) }
    })
  return fit(countsOf({ uses, pasts: indices.map((index) => pastOf(state, share, index)) }), now)
}

function learn({ known, hearing }: State, lineage: string, word: Telling, needed: number, now: number): boolean {
  if (known.has(lineage)) return true
  // It has seen nothing of the key yet, and may later.
  if (word.pasts.length === 0) return false
  const words = hearing.hear(lineage, word)
  if (speakers(words).length < needed) return false
  hearing.end(lineage)
  admit(known, lineage, countsOf(fit(joinCounts(words, now), now)), MOST_KNOWN)
  return true
}

function renew({ renewed }: State, lineage: string, index: number, grants: Iterable<GrantId>): void {
  const before = renewed.get(lineage) ?? new Map<number, ReadonlySet<GrantId>>()
  const after = new Map([...before, [index, new Set([...(before.get(index) ?? []), ...grants])]])
  const size = [...after.values()].reduce((sum, of) => sum + of.size, 0)
  if (size > MAX_TALLIES) throw new Refusal('grant.exhausted', [index])
  if (size > 0) renewed.set(lineage, after)
}

function forget({ seen, known, renewed }: State, lineage: string, index: number, keep: ReadonlySet<GrantId>): void {
  const stays = (name: Pick<TallyName, 'index' | 'grant'>) =>
    name.index !== index || name.grant === null || keep.has(name.grant)
  seen.keep(lineage, stays)
  const told = known.get(lineage)
  if (told !== undefined)
    known.set(lineage, {
      uses: new Map([...told.uses].filter(([, use]) => stays(use))),
      pasts: new Map(
        [...told.pasts].map(([of, { since, renewed: grants }]) => [
          of,
          { index: of, since, renewed: grants.filter((grant) => stays({ index: of, grant })) },
        ]),
      ),
    })
  const own = renewed.get(lineage)
  if (own === undefined) return
  const kept = [...(own.get(index) ?? [])].filter((grant) => keep.has(grant))
  renewed.set(lineage, new Map([...own, [index, new Set(kept)]]))
}

/**
 * How often grants were used, in the memory of one life. The life in which a key was made knows all uses of its grants, and each host also
 * counts those of others that it takes part in. A later life takes the counts from the key's other hosts, which take no word of the life
 * before any more. Where too few of those remember, a grant counts as used up until its window has gone by. Its owner can approve each
 * signing meanwhile, or say that a grant counts from now.
 */
export function createGrantUses(life: Life): GrantUses {
  const [known, renewed] = [new Map<string, Counts>(), new Map<string, ReadonlyMap<number, ReadonlySet<GrantId>>>()]
  const state: State = { life, seen: createSeen(), known, renewed, hearing: createHearing() }
  return {
    spend: (use, signatures, now) => spend(state, use, signatures, now),
    tell: (lineage, indices, maker, now) => tell(state, { lineage, maker }, indices, now),
    learn: (lineage, word, needed, now) => learn(state, lineage, word, needed, now),
    isKnown: (lineage, maker) => maker === life.id || state.known.has(lineage),
    renew: (lineage, index, grants) => renew(state, lineage, index, grants),
    forget: (lineage, index, keep) => forget(state, lineage, index, keep),
  }
}
