import type { Frost, Tweak } from '../src/frost-types.ts'

export type Key = { shares: Map<number, Uint8Array>; publicKeys: Map<number, Uint8Array> }

export const indices = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

/** `make(index)` for each. */
export function each<T>(of: Iterable<number>, make: (index: number) => T): Map<number, T> {
  return new Map([...of].map((index) => [index, make(index)]))
}

/** What all others sent, as it reached `own`. */
export function from<T>(sent: ReadonlyMap<number, T>, own: number, pick: (value: T) => Uint8Array) {
  return new Map([...sent].filter(([index]) => index !== own).map(([index, value]) => [index, pick(value)]))
}

export type Round1 = ReturnType<Frost['dkgPart1']>
export type Round2 = ReturnType<Frost['dkgPart2']>

export function round1(frost: Frost, participants: number, threshold: number): Map<number, Round1> {
  return each(indices(participants), (index) => frost.dkgPart1({ index, participants, threshold }))
}

export function round2(frost: Frost, first: ReadonlyMap<number, Round1>): Map<number, Round2> {
  return each(first.keys(), (index) =>
    frost.dkgPart2({ secret: first.get(index)!.secret, packages: from(first, index, (one) => one.package) }),
  )
}

export function finish(
  frost: Frost,
  first: ReadonlyMap<number, Round1>,
  second: ReadonlyMap<number, Round2>,
  index: number,
) {
  return frost.dkgPart3({
    secret: second.get(index)!.secret,
    round1: from(first, index, (one) => one.package),
    round2: from(second, index, (one) => one.packages.get(index)!),
  })
}

/** A key made by an honest DKG. */
export function dkg(frost: Frost, participants: number, threshold: number): Key {
  const first = round1(frost, participants, threshold)
  const second = round2(frost, first)
  const done = each(first.keys(), (index) => finish(frost, first, second, index))
  return {
    shares: each(done.keys(), (index) => done.get(index)!.share),
    publicKeys: each(done.keys(), (index) => done.get(index)!.publicKeys),
  }
}

/** Parts one and two of a refresh among `who`. */
export function refreshRounds(frost: Frost, who: number[], threshold: number) {
  const first = each(who, (index) => frost.refreshPart1({ index, participants: who.length, threshold }))
  const second = each(who, (index) =>
    frost.refreshPart2({ secret: first.get(index)!.secret, packages: from(first, index, (one) => one.package) }),
  )
  return { first, second }
}

type RefreshRounds = ReturnType<typeof refreshRounds>

/** Part three, of one participant. */
export function refreshed(frost: Frost, key: Key, { first, second }: RefreshRounds, index: number) {
  return frost.refreshPart3({
    secret: second.get(index)!.secret,
    round1: from(first, index, (one) => one.package),
    round2: from(second, index, (one) => one.packages.get(index)!),
    share: key.shares.get(index)!,
    publicKeys: key.publicKeys.get(index)!,
  })
}

/** New shares of the same key for `who`. */
export function refresh(frost: Frost, key: Key, who: number[], threshold: number): Key {
  const rounds = refreshRounds(frost, who, threshold)
  const done = each(who, (index) => refreshed(frost, key, rounds, index))
  return {
    shares: each(who, (index) => done.get(index)!.share),
    publicKeys: each(who, (index) => done.get(index)!.publicKeys),
  }
}

/** Round one of a signing and everybody's partial. */
export function partials(frost: Frost, key: Key, quorum: number[], message: Uint8Array, tweak: Tweak = null) {
  const round = each(quorum, (index) => frost.commit({ share: key.shares.get(index)! }))
  const commitments = each(quorum, (index) => round.get(index)!.commitments)
  const signed = each(quorum, (index) => {
    const { nonces } = round.get(index)!
    return frost.sign({ share: key.shares.get(index)!, nonces, commitments, message, tweak })
  })
  return { commitments, message, tweak, partials: signed }
}

export function sign(frost: Frost, key: Key, quorum: number[], message: Uint8Array, tweak: Tweak = null): Uint8Array {
  const publicKeys = key.publicKeys.get(quorum[0]!)!
  return frost.aggregate({ publicKeys, ...partials(frost, key, quorum, message, tweak) })
}

/** All subsets of at least `threshold` of 1…n. */
export function quorums(n: number, threshold: number): number[][] {
  const all = indices(2 ** n - 1).map((bits) => indices(n).filter((index) => bits & (1 << (index - 1))))
  return all.filter((quorum) => quorum.length >= threshold)
}
