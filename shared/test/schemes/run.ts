import { concatBytes } from '@noble/hashes/utils.js'
import { MpcError, type ByIndex, type KeyTweak } from '../../mpc/src/index.ts'
import { others } from '../../src/schemes/heard.ts'
import {
  hold,
  type Contribute,
  type Held,
  type Made,
  type Member,
  type Protocol,
  type Scheme,
  type Step,
  type UseInput,
} from '../../src/schemes/scheme.ts'

/** A key as its participants hold it. */
export type Key = Readonly<{ participants: number; threshold: number; made: ReadonlyMap<number, Made> }>

/**
 * Changes what `to` hears in a round, which counts from 1. `to` is null in a round to all. `elsewhere`: what another participant hears in it.
 */
export type Tampering = (
  round: number,
  sent: ByIndex,
  to: number | null,
  elsewhere: (receiver: number) => ByIndex,
) => ByIndex

export const honest: Tampering = (_, sent) => sent

export const indicesTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1)

export const eachOf = <T>(who: Iterable<number>, make: (index: number) => T): Map<number, T> =>
  new Map([...who].map((index) => [index, make(index)]))

export const copy = (bytes: Uint8Array): Uint8Array => bytes.slice()

/** An entry that the test knows to be there. */
export function get<T>(map: ReadonlyMap<number, T>, index: number): T {
  const value = map.get(index)
  if (value === undefined) throw new Error(`nothing of ${index}`)
  return value
}

/** What `to` hears in this round. Copies: who hears it may wipe it. */
export function heard<I, R>(
  round: number,
  said: ReadonlyMap<number, Step<I, R>>,
  to: number,
  tamper: Tampering,
): ByIndex {
  const sent = new Map<number, Uint8Array>()
  let isToEach = false
  for (const [from, step] of said) {
    if ('toAll' in step) sent.set(from, copy(step.toAll))
    if ('toEach' in step && from !== to) {
      isToEach = true
      sent.set(from, copy(get(step.toEach, to)))
    }
  }
  return tamper(round, sent, isToEach ? to : null, (receiver) => heard(round, said, receiver, honest))
}

export function heldBy<I, R>(step: Step<I, R>): Held<I, R> {
  if ('done' in step) throw new Error('there is no further round')
  return step.held
}

export function doneBy<I, R>(step: Step<I, R>): R {
  if (!('done' in step)) throw new Error('there are further rounds')
  return step.done
}

/** The next round of all. A participant who throws ends it. */
export const nextRound = <I, R>(
  round: number,
  said: ReadonlyMap<number, Step<I, R>>,
  input: (index: number) => I,
  tamper: Tampering = honest,
): Map<number, Step<I, R>> =>
  eachOf(said.keys(), (index) => heldBy(get(said, index)).go(heard(round, said, index, tamper), input(index)))

/** All rounds of all participants. */
export function runAll<S, I, R>(
  protocol: Protocol<S, I, R>,
  who: Iterable<number>,
  start: (index: number) => S,
  input: (index: number) => I,
  tamper: Tampering = honest,
): Map<number, R> {
  let said = eachOf(who, (index) => protocol(start(index)))
  for (let round = 1; [...said.values()].some((step) => !('done' in step)); round += 1)
    said = nextRound(round, said, input, tamper)
  return eachOf(said.keys(), (index) => doneBy(get(said, index)))
}

export const member =
  (participants: number, threshold: number) =>
  (index: number): Member => ({ index, participants, threshold })

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

/** Each contributes a key of its own, which is new, or that of `secretKeys`. As a protocol, so that it is cheated in as any other. */
export function contributing(
  contribute: Contribute,
  secretKeys: ByIndex = new Map(),
  sorted = true,
): Protocol<Member, null, Made> {
  let session = random(32)
  return (member) => {
    // In every run, participant 1 is the first to begin.
    if (member.index === 1) session = random(32)
    const { index, ...size } = member
    const frame = { ...size, session, sorted }
    const { share, publicKey, proof } = contribute.begin({
      ...frame,
      index,
      secretKey: secretKeys.get(index) ?? random(32),
    })
    const said = concatBytes(publicKey, proof)
    const held: Held<null, Made> = hold([share], ([share], all) => {
      others(all, member, said)
      const contributed = [...all].map(
        ([from, bytes]) => [from, { publicKey: bytes.slice(0, 33), proof: bytes.slice(33) }] as const,
      )
      return { done: { share: share.slice(), publicKeys: contribute.join(frame, new Map(contributed)) } }
    })
    return { held, toAll: said }
  }
}

/** How a key of this scheme is made. */
export function makingOf({ make }: Scheme): Protocol<Member, null, Made> {
  if (make.dkg !== undefined) return make.dkg
  if (make.contribute !== undefined) return contributing(make.contribute)
  throw new MpcError('invalid_input')
}

/** What a scheme has whose facts say so. */
export function having<T>(made: T | undefined): T {
  if (made === undefined) throw new Error('this scheme does not make keys so')
  return made
}

export function makeKey(scheme: Scheme, participants: number, threshold: number): Key {
  const start = member(participants, threshold)
  return { participants, threshold, made: runAll(makingOf(scheme), indicesTo(participants), start, () => null) }
}

export function refreshKey({ make }: Scheme, { participants, threshold, made }: Key): Key {
  const start = member(participants, threshold)
  const refreshed = runAll(having(make.refresh), indicesTo(participants), start, (index) => get(made, index))
  return { participants, threshold, made: refreshed }
}

export const publicKeysOf = ({ made }: Key): Uint8Array => get(made, 1).publicKeys

/** What a signing is about: under the group key, or with tweaks under what they make of it. */
export function useOf(scheme: Scheme, key: Key, message: Uint8Array, ...tweaks: KeyTweak[]): UseInput {
  const publicKeys = publicKeysOf(key)
  const { groupKey } = scheme.describe(publicKeys)
  const publicKey = scheme.tweakedKey({ groupKey, publicKeys }, tweaks)
  return { session: new Uint8Array(32).fill(7), publicKeys, publicKey, message, tweaks }
}

/** Round one of a signing. */
export const commitAll = ({ use }: Scheme, { made }: Key, quorum: readonly number[], of: UseInput) =>
  eachOf(quorum, (index) => use.sign.begin({ ...of, index, share: get(made, index).share }))

/** All rounds of a signing but the last. */
export function signAll(scheme: Scheme, key: Key, quorum: readonly number[], of: UseInput) {
  const said = commitAll(scheme, key, quorum, of)
  const commitments = heard(1, said, 0, honest)
  const partials = eachOf(quorum, (index) => {
    const input = { ...of, index, share: get(key.made, index).share }
    const step = heldBy(get(said, index)).go(new Map(commitments), input)
    return doneBy(step)
  })
  return { commitments, partials }
}

export function sign(scheme: Scheme, key: Key, quorum: readonly number[], of: UseInput): Uint8Array {
  const { commitments, partials } = signAll(scheme, key, quorum, of)
  return scheme.use.sign.join(of, commitments, partials)
}

/** All quorums of at least `threshold` of 1…n. */
export const quorumsOf = ({ participants, threshold }: Key): number[][] =>
  indicesTo(2 ** participants - 1)
    .map((bits) => indicesTo(participants).filter((index) => bits & (1 << (index - 1))))
    .filter((quorum) => quorum.length >= threshold)
