import { expect } from 'vitest'
import type { ByIndex } from '../../mpc/src/index.ts'
import { Refusal } from '../../src/errors.ts'
import type { Made, Member, Protocol, Step } from '../../src/schemes/scheme.ts'
import { commitAll, eachOf, get, having, heard, heldBy, honest, indicesTo, makeKey, member, useOf } from './run.ts'
import { cheatedSize, expectRefused, type Subject } from './subject.ts'

/** One participant's step, the secrets that the module has given out for it, and what makes it go on. */
type Stand<I, R> = Readonly<{ step: Step<I, R>; secrets: Uint8Array[]; from: ByIndex; input: I }>

const isWiped = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** Takes a step and keeps what the module gave out meanwhile and was not said to all. */
function watch<I, R>(subject: Subject, take: () => Step<I, R>): { step: Step<I, R>; secrets: Uint8Array[] } {
  subject.given()
  const step = take()
  const said = Buffer.from('toAll' in step ? step.toAll : [])
  return { step, secrets: subject.given().filter((bytes) => !said.includes(bytes)) }
}

function expectSpent<I, R>({ step, from, input }: Stand<I, R>): void {
  let thrown: unknown
  try {
    heldBy(step).go(from, input)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(Refusal)
  expect(thrown).toMatchObject({ code: 'nonce.spent' })
}

/** What is held goes on once, whether that succeeds or not, and leaves no secret behind. What came to it alone is secret too. */
function expectOneUse<I, R>(stand: () => Stand<I, R>): void {
  const go = ({ step, from, input }: Stand<I, R>) => heldBy(step).go(from, input)
  const ends: readonly ((at: Stand<I, R>) => void)[] = [
    (at) => void go(at),
    (at) => {
      const from = new Map([...at.from].map(([index, bytes]) => [index, bytes.slice(0, -1)]))
      expectRefused(() => go({ ...at, from }))
      if ('toEach' in at.step) expect([...from.values()].every(isWiped)).toBe(true)
    },
    ({ step }) => heldBy(step).destroy(),
  ]
  for (const [nth, end] of ends.entries()) {
    const at = stand()
    expect(at.secrets.every(isWiped)).toBe(false)
    end(at)
    expect(at.secrets.every(isWiped)).toBe(true)
    if (nth === 0 && 'toEach' in at.step) expect([...at.from.values()].every(isWiped)).toBe(true)
    expectSpent(at)
    heldBy(at.step).destroy()
    expectSpent(at)
  }
}

/** Participant 1 before each round in turn: having begun, then having dealt to each. */
function makesOnce<I>(subject: Subject, protocol: Protocol<Member, I, Made>, input: (index: number) => I): void {
  const [participants, threshold] = cheatedSize(subject)
  const rest = indicesTo(participants).slice(1)
  const start = member(participants, threshold)
  const standing = (round: number, own: ReturnType<typeof watch<I, Made>>, others: Map<number, Step<I, Made>>) => {
    const from = heard(round, new Map([...others, [1, own.step]]), 1, honest)
    return { ...own, from, input: input(1) }
  }
  const begin = () => watch(subject, () => protocol(start(1)))
  expectOneUse(() =>
    standing(
      1,
      begin(),
      eachOf(rest, (index) => protocol(start(index))),
    ),
  )
  expectOneUse(() => {
    const said = eachOf(indicesTo(participants), (index) => protocol(start(index)))
    const go = (index: number) => heldBy(get(said, index)).go(heard(1, said, index, honest), input(index))
    const others = eachOf(rest, go)
    const own = watch(subject, () => go(1))
    return standing(2, own, others)
  })
}

export const dealsOnce = (subject: Subject): void => makesOnce(subject, having(subject.scheme.make.dkg), () => null)

export function refreshesOnce(subject: Subject): void {
  const key = makeKey(subject.scheme, ...cheatedSize(subject))
  makesOnce(subject, having(subject.scheme.make.refresh), (index) => get(key.made, index))
}

export function signsOnce(subject: Subject): void {
  const { scheme } = subject
  const key = makeKey(scheme, ...cheatedSize(subject))
  const quorum = [...key.made.keys()]
  const of = useOf(scheme, key, new TextEncoder().encode('once'))
  const input = { ...of, index: 1, share: get(key.made, 1).share }
  expectOneUse(() => {
    const others = commitAll(scheme, key, quorum.slice(1), of)
    const own = watch(subject, () => scheme.use.sign.begin(input))
    return { ...own, from: heard(1, new Map([...others, [1, own.step]]), 0, honest), input }
  })
}
