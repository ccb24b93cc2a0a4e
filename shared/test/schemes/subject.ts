import { readModule } from '../../mpc/src/load.ts'
import { expect } from 'vitest'
import { bindMpc, MpcError, type Mpc, type MpcErrorCode } from '../../mpc/src/index.ts'
import { createCall, type Call } from '../../mpc/src/instance.ts'
import type { Made, Scheme } from '../../src/schemes/scheme.ts'
import { factsOf, type SchemeFacts, type SchemeName } from '../../src/schemes/table.ts'

/** Shares that must not be loaded. What they are made of is the scheme's own. */
export type BadShares = Readonly<{
  /** The share without its secret: zero stands in its place. */
  zeroed: (made: Made) => Made
  /** Of participant 1, in public keys that belong together, but give two participants the same verifying share. Null: cannot be. */
  doubled: Made | null
  /** Public keys that belong together, and of which fewer shares than they say give the key. */
  lowered: readonly Uint8Array[]
}>

/** A scheme under test, over a module of its own whose answers the tests can see. */
export type Subject = Readonly<{
  facts: SchemeFacts
  scheme: Scheme
  badShares: BadShares
  /** All buffers that the module has given out since this was last asked. */
  given: () => Uint8Array[]
}>

const module = await readModule()

export function subjectOf(name: SchemeName, badShares: BadShares, make: (mpc: Mpc) => Scheme): Subject {
  const inner = createCall(module)
  let seen: Uint8Array[] = []
  const call: Call = (...asked) => {
    const answer = inner(...asked)
    seen.push(...answer)
    return answer
  }
  const given = () => {
    const last = seen
    seen = []
    return last
  }
  return { facts: factsOf(name), scheme: make(bindMpc(call)), badShares, given }
}

/** What a call throws, which must be an `MpcError`, or null. */
export function failureOf(call: () => unknown): MpcError | null {
  try {
    call()
  } catch (error) {
    if (error instanceof MpcError) return error
    throw error
  }
  return null
}

export function expectNamed(
  failure: MpcError | null,
  codes: readonly MpcErrorCode[],
  culprits: readonly number[],
): void {
  expect(failure).toBeInstanceOf(MpcError)
  expect(codes).toContain(failure?.code)
  expect(failure?.culprits).toEqual(culprits)
}

/** Refused without blame: the caller's own mistake. */
export const expectInvalid = (call: () => unknown): void => expect(failureOf(call)?.code).toBe('invalid_input')

/** Refused, for whichever reason, but not by a trap. */
export function expectRefused(call: () => unknown): void {
  const failure = failureOf(call)
  expect(failure).toBeInstanceOf(MpcError)
  expect(failure?.code).not.toBe('trapped')
}

/** The sizes to try a scheme in, as (participants, threshold). */
export const sizesOf = ({ facts }: Subject, upTo: number): [number, number][] => {
  const all = Array.from({ length: upTo }, (_, at) => at + 1)
  const sizes = all.flatMap((participants) => all.map((threshold): [number, number] => [participants, threshold]))
  return sizes.filter(([participants, threshold]) => facts.fits(participants, threshold))
}

/** The size to cheat in: with as many participants as the scheme fits, up to three or so many, and with one more than a quorum if it can. */
export function cheatedSize(subject: Subject, upTo = 3): [number, number] {
  const sizes = sizesOf(subject, upTo)
  const most = sizes.filter(([participants]) => participants === Math.max(...sizes.map(([n]) => n)))
  const size = most.findLast(([participants, threshold]) => threshold < participants) ?? most.at(-1)
  if (size === undefined) throw new Error('a scheme that fits nobody')
  return size
}

/** Who cheats, alone or together, among so many. */
export const cheatersAmong = (participants: number): number[][] =>
  [[2], [2, 3]].filter((cheaters) => cheaters.every((index) => index <= participants))
