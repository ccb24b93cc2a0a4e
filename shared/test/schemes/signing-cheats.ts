import fc from 'fast-check'
import { expect } from 'vitest'
import type { ByIndex, MpcError } from '../../mpc/src/index.ts'
import type { UseInput } from '../../src/schemes/scheme.ts'
import { commitAll, doneBy, eachOf, get, heard, heldBy, honest, makeKey, signAll, useOf, type Key } from './run.ts'
import { flipped, misplaced, spoilt, unreadable, type Spoil } from './spoils.ts'
import { cheatedSize, cheatersAmong, expectInvalid, expectNamed, failureOf, type Subject } from './subject.ts'

type Scene = Readonly<{ subject: Subject; key: Key; quorum: number[]; of: UseInput }>

const RUNS = 12

/** All participants of a key are about to sign. */
function sceneOf(subject: Subject): Scene {
  const key = makeKey(subject.scheme, ...cheatedSize(subject))
  const of = useOf(subject.scheme, key, new TextEncoder().encode('pay 5 to carol'))
  return { subject, key, quorum: [...key.made.keys()], of }
}

const inputOf = ({ key, of }: Scene, index: number) => ({ ...of, index, share: get(key.made, index).share })

/**
 * A signing in which the cheaters' commitments are spoilt on their way to the honest ones. Gives what each honest one throws, if one does;
 * else what joining throws.
 */
function spoilCommitments(scene: Scene, cheaters: readonly number[], spoil: Spoil) {
  const { subject, key, quorum, of } = scene
  const said = commitAll(subject.scheme, key, quorum, of)
  const other = heard(1, commitAll(subject.scheme, key, quorum, of), 0, honest)
  const truth = heard(1, said, 0, honest)
  const seen = spoilt(truth, cheaters, spoil, other)
  const partials = new Map<number, Uint8Array>()
  const failures = new Map<number, MpcError | null>()
  for (const index of quorum) {
    const cheats = cheaters.includes(index)
    const go = () => doneBy(heldBy(get(said, index)).go(cheats ? truth : seen, inputOf(scene, index)))
    const failure = failureOf(() => partials.set(index, go()))
    if (cheats) expect(failure).toBeNull()
    else failures.set(index, failure)
  }
  if ([...failures.values()].some((failure) => failure !== null)) return { failures }
  return { joined: failureOf(() => subject.scheme.use.sign.join(of, seen, partials)) }
}

const codes = ['bad_package', 'bad_partial'] as const

export function namesWhoCommitsToNothing(subject: Subject): void {
  const scene = sceneOf(subject)
  for (const cheaters of cheatersAmong(scene.quorum.length))
    for (const spoil of Object.values(unreadable)) {
      const { failures } = spoilCommitments(scene, cheaters, spoil)
      expect(failures).toBeDefined()
      for (const failure of failures?.values() ?? []) expectNamed(failure, ['bad_package'], cheaters)
    }
}

/** Who takes another's commitment, or an old one, is named by the one it was taken from, or when the partials are joined. */
export function namesWhoCommitsAnew(subject: Subject): void {
  const scene = sceneOf(subject)
  const [cheaters] = cheatersAmong(scene.quorum.length)
  if (cheaters === undefined) return
  const expectNamedOnce = (spoil: Spoil) => {
    const { failures, joined } = spoilCommitments(scene, cheaters, spoil)
    const thrown = [...(failures?.values() ?? [joined ?? null])].filter((failure) => failure !== null)
    expect(thrown.length).toBeGreaterThan(0)
    for (const failure of thrown) expectNamed(failure, codes, cheaters)
  }
  for (const spoil of Object.values(misplaced)) expectNamedOnce(spoil)
  fc.assert(
    fc.property(fc.nat(), (at) => expectNamedOnce(flipped(at))),
    { numRuns: RUNS },
  )
}

function expectPartialNamed({ subject, key, quorum, of }: Scene, cheaters: readonly number[], spoil: Spoil): void {
  const { commitments, partials } = signAll(subject.scheme, key, quorum, of)
  const other = signAll(subject.scheme, key, quorum, of).partials
  const wrong = spoilt(partials, cheaters, spoil, other)
  expectNamed(
    failureOf(() => subject.scheme.use.sign.join(of, commitments, wrong)),
    ['bad_partial'],
    cheaters,
  )
}

export function namesWhoSendsWrongPartials(subject: Subject): void {
  const scene = sceneOf(subject)
  const [alone, together] = cheatersAmong(scene.quorum.length)
  for (const cheaters of [alone, together])
    for (const spoil of [...Object.values(unreadable), ...Object.values(misplaced)])
      if (cheaters !== undefined) expectPartialNamed(scene, cheaters, spoil)
  // Of two, the same bit can go up in one and down in the other: their sum is right, and so is the signature.
  if (alone !== undefined)
    fc.assert(
      fc.property(fc.nat(), (at) => expectPartialNamed(scene, alone, flipped(at))),
      { numRuns: RUNS },
    )
}

/**
 * Who signs another message is named when the partials are joined, as far as its nonce signs another at all: where it was drawn for one,
 * whoever cheats draws it for the other.
 */
export function namesWhoSignsAnother(subject: Subject): void {
  const scene = sceneOf(subject)
  const { key, quorum, of } = scene
  const [cheaters] = cheatersAmong(quorum.length)
  if (cheaters === undefined) return
  const other = useOf(subject.scheme, key, new TextEncoder().encode('pay 500 to carol'))
  const whatOf = (index: number) => (cheaters.includes(index) ? other : of)
  const said = eachOf(quorum, (index) => get(commitAll(subject.scheme, key, [index], whatOf(index)), index))
  const commitments = heard(1, said, 0, honest)
  const partials = eachOf(quorum, (index) => {
    const what = whatOf(index)
    return doneBy(heldBy(get(said, index)).go(commitments, { ...what, index, share: get(key.made, index).share }))
  })
  const { join } = subject.scheme.use.sign
  expectNamed(
    failureOf(() => join(of, commitments, partials)),
    ['bad_partial'],
    cheaters,
  )
  const everybody = failureOf(() => join({ ...of, message: new Uint8Array(0) }, commitments, partials))
  expectNamed(everybody, ['bad_partial'], quorum)
}

/** A participant signs nothing with a list that is not of a quorum, or that has not its own commitment as it was said. */
export function refusesOtherCommitments(subject: Subject): void {
  const scene = sceneOf(subject)
  const { key, quorum, of } = scene
  const { scheme } = subject
  const other = heard(1, commitAll(scheme, key, quorum, of), 0, honest)
  const lists: readonly ((all: ByIndex) => ByIndex)[] = [
    () => new Map(),
    (all) => new Map([...all].filter(([index]) => index !== 1)),
    (all) => new Map(all).set(1, get(other, 1)),
    (all) => new Map([...all].slice(0, key.threshold - 1)),
  ]
  for (const list of lists) {
    const said = commitAll(scheme, key, quorum, of)
    const given = list(heard(1, said, 0, honest))
    expectInvalid(() => heldBy(get(said, 1)).go(given, inputOf(scene, 1)))
  }
}

export function joinsQuorumsOnly(subject: Subject): void {
  const { key, quorum, of } = sceneOf(subject)
  const { scheme } = subject
  const { commitments, partials } = signAll(scheme, key, quorum, of)
  const first = (all: ByIndex, count: number) => new Map([...all].slice(0, count))
  const few = key.threshold - 1
  const stranger = quorum.length + 1
  const joining = (some: ByIndex, their: ByIndex) => () => scheme.use.sign.join(of, some, their)
  expectInvalid(joining(first(commitments, few), first(partials, few)))
  expectInvalid(joining(commitments, first(partials, quorum.length - 1)))
  expectInvalid(joining(new Map(), new Map()))
  const some = new Map(commitments).set(stranger, get(commitments, 1))
  expectInvalid(joining(some, new Map(partials).set(stranger, get(partials, 1))))
}
