import fc from 'fast-check'
import { expect } from 'vitest'
import type { MpcError } from '../../mpc/src/index.ts'
import { type ByIndex } from '../../mpc/src/index.ts'
import type { Made, Member, Protocol, Step } from '../../src/schemes/scheme.ts'
import {
  doneBy,
  eachOf,
  get,
  heard,
  heldBy,
  honest,
  indicesTo,
  makeKey,
  makingOf,
  member,
  nextRound,
  type Tampering,
} from './run.ts'
import { flipped, misplaced, spoilt, unreadable, type Spoil } from './spoils.ts'
import { cheatedSize, cheatersAmong, expectInvalid, expectNamed, failureOf, type Subject } from './subject.ts'

type Said<I> = Map<number, Step<I, Made>>
type Making<I> = Readonly<{
  protocol: Protocol<Member, I, Made>
  size: [number, number]
  input: (index: number) => I
  /** What was said in each round of another session, the first as 0. */
  other: readonly Said<I>[]
}>

/** How a key is made, and the refresh of one that was made before, where there is one. */
function makings(subject: Subject, upTo?: number): { make: Making<null>; refresh: Making<Made> | null } {
  const { scheme } = subject
  const size = cheatedSize(subject, upTo)
  const key = makeKey(scheme, ...size)
  const making = <I>(protocol: Protocol<Member, I, Made>, input: (index: number) => I): Making<I> => {
    const alone = { protocol, size, input, other: [] }
    return { ...alone, other: transcript(alone) }
  }
  return {
    make: making(makingOf(scheme), () => null),
    refresh: scheme.make.refresh === undefined ? null : making(scheme.make.refresh, (index) => get(key.made, index)),
  }
}

const begun = <I>({ protocol, size: [participants, threshold] }: Making<I>): Said<I> =>
  eachOf(indicesTo(participants), (index) => protocol(member(participants, threshold)(index)))

/** What was said in each round of an honest run. */
function transcript<I>(making: Making<I>): Said<I>[] {
  const all = [begun(making)]
  for (let said = all[0]; said !== undefined; said = all.at(-1)) {
    if ([...said.values()].every((step) => 'done' in step)) break
    all.push(nextRound(all.length, said, making.input))
  }
  return all
}

/** How it ends for the honest ones, when these cheat: the failure of each, in the round in which one fails first, or what they made. */
function endingOf<I>(making: Making<I>, cheaters: readonly number[], tamper: Tampering) {
  let said = begun(making)
  for (let round = 1; [...said.values()].some((step) => !('done' in step)); round += 1) {
    const next: Said<I> = new Map()
    const failures = new Map<number, MpcError | null>()
    for (const [index, step] of said) {
      const lied = heard(round, said, index, cheaters.includes(index) ? honest : tamper)
      const failure = failureOf(() => next.set(index, heldBy(step).go(lied, making.input(index))))
      if (cheaters.includes(index)) expect(failure).toBeNull()
      else failures.set(index, failure)
    }
    if ([...failures.values()].some((failure) => failure !== null)) return { round, failures }
    said = next
  }
  return { made: eachOf(said.keys(), (index) => doneBy(get(said, index))) }
}

/** Spoils what the cheaters say in this round, to each of the others alike. */
const cheating = <I>(making: Making<I>, round: number, cheaters: readonly number[], spoil: Spoil): Tampering => {
  const other = making.other[round - 1] ?? new Map<number, never>()
  return (now, sent, to) => (now === round ? spoilt(sent, cheaters, spoil, heard(round, other, to ?? 0, honest)) : sent)
}

function namedByAll<I>(
  making: Making<I>,
  round: number,
  spoils: Readonly<Record<string, Spoil>>,
  inThis: boolean,
): void {
  for (const cheaters of cheatersAmong(making.size[0]))
    for (const spoil of Object.values(spoils)) {
      const ending = endingOf(making, cheaters, cheating(making, round, cheaters, spoil))
      if (inThis) expect(ending.round).toBe(round)
      expect(ending.failures).toBeDefined()
      for (const failure of ending.failures?.values() ?? []) expectNamed(failure, ['bad_package'], cheaters)
    }
}

const RUNS = 12

/** One bit of one message: who sent it is named by all others, or it has made no difference. */
function namedForABit<I>(subject: Subject, making: Making<I>, round: number): void {
  const [cheaters] = cheatersAmong(making.size[0])
  if (cheaters === undefined) return
  fc.assert(
    fc.property(fc.nat(), (at) => {
      const ending = endingOf(making, cheaters, cheating(making, round, cheaters, flipped(at)))
      for (const failure of ending.failures?.values() ?? []) expectNamed(failure, ['bad_package'], cheaters)
      const all = ending.made ?? new Map<number, Made>()
      for (const [index, made] of all) {
        expect(subject.scheme.isShareOf(index, made)).toBe(true)
        expect(made.publicKeys).toEqual(get(all, 1).publicKeys)
      }
    }),
    { numRuns: RUNS },
  )
}

/** Whoever gets what was meant for another names the sender, and nobody else has anything to say. */
function namedForSwapping<I>(making: Making<I>): void {
  const [participants] = making.size
  if (participants < 3) return
  const swap = new Map([
    [1, 3],
    [3, 1],
  ])
  const swapped: Tampering = (_, sent, to, elsewhere) => {
    const receiver = to === null ? undefined : swap.get(to)
    return receiver === undefined ? sent : new Map(sent).set(2, get(elsewhere(receiver), 2))
  }
  const { failures = new Map<number, null>() } = endingOf(making, [2], swapped)
  for (const index of indicesTo(participants).filter((one) => one !== 2)) {
    const failure = get(failures, index)
    if (swap.has(index)) expectNamed(failure, ['bad_package'], [2])
    else expect(failure).toBeNull()
  }
}

/** Too few, too many, a stranger's, or one's own message not as it was said: nobody is to blame for that. */
function refusesOtherLists<I>(making: Making<I>, round: number): void {
  const [participants] = making.size
  const lists: readonly ((sent: ByIndex) => ByIndex)[] = [
    () => new Map(),
    (sent) => new Map([...sent].slice(1)),
    (sent) => new Map([...sent].slice(0, -1)),
    (sent) => new Map(sent).set(participants + 1, new Uint8Array(1)),
    (sent) => new Map([...sent].map(([from, bytes]) => [from === participants ? from + 1 : from, bytes])),
    (sent) => new Map(sent).set(1, flipped(0)(new Map([[1, sent.get(1) ?? new Uint8Array(1)]]), 1, sent)),
  ]
  for (const list of lists) {
    const fresh = begun(making)
    const before = round === 1 ? fresh : nextRound(1, fresh, making.input)
    const sent = heard(round, before, 1, honest)
    const given = list(sent)
    if (given.size === sent.size && [...given].every(([from, bytes]) => sent.get(from) === bytes)) continue
    expectInvalid(() => heldBy(get(before, 1)).go(given, making.input(1)))
  }
}

/** In each round in which something is said. */
function inEach<I>(making: Making<I>, check: (making: Making<I>, round: number) => void): void {
  for (let round = 1; round < making.other.length; round += 1) check(making, round)
}

const inBoth = (subject: Subject, check: <I>(making: Making<I>, round: number) => void): void => {
  const { make, refresh } = makings(subject)
  inEach(make, check)
  if (refresh !== null) inEach(refresh, check)
}

export const namesWhoCannotBeRead = (subject: Subject): void =>
  inBoth(subject, (making, round) => namedByAll(making, round, unreadable, true))

export const namesWhoSendsOthersMessages = (subject: Subject): void =>
  inBoth(subject, (making, round) => namedByAll(making, round, misplaced, false))

export const namesWhoFlipsABit = (subject: Subject): void =>
  inBoth(subject, (making, round) => namedForABit(subject, making, round))

export const namesWhoSwapsReceivers = (subject: Subject): void => {
  const { make, refresh } = makings(subject, 4)
  namedForSwapping(make)
  if (refresh !== null) namedForSwapping(refresh)
}

export const refusesOtherListsOfMessages = (subject: Subject): void => inBoth(subject, refusesOtherLists)
