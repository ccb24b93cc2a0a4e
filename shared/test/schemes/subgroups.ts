import { expect } from 'vitest'
import { referees } from './published.ts'
import { indicesTo, makeKey, publicKeysOf, quorumsOf, sign, signAll, useOf } from './run.ts'
import { expectInvalid, expectNamed, failureOf, sizesOf, type Subject } from './subject.ts'

const message = new TextEncoder().encode('of some of us')

/** The members of every sub-group sign under a key of their own, in their own places, and nobody else does. */
export function hasSubgroupsIfItSays(subject: Subject): void {
  const { scheme, facts } = subject
  expect(scheme.subgroup !== undefined).toBe(facts.subgroups)
  if (scheme.subgroup === undefined) return
  const [participants, threshold] = sizesOf(subject, 4).at(-1) ?? [0, 0]
  const key = makeKey(scheme, participants, threshold)
  const groups = quorumsOf({ ...key, threshold: 2 })
  const keys = groups.map((members) => {
    const publicKeys = scheme.subgroup?.(publicKeysOf(key), members) ?? new Uint8Array(0)
    const { groupKey: publicKey, verifyingShares, threshold: needed } = scheme.describe(publicKeys)
    expect([[...verifyingShares.keys()], needed]).toEqual([members, members.length])
    const of = { ...useOf(scheme, key, message), publicKeys, publicKey }
    const signature = sign(scheme, key, members, of)
    expect(referees[facts.verification]({ ...of, signature })).toBe(true)
    return publicKey.join()
  })
  expect(new Set(keys).size).toBe(groups.length)
  expect(keys.at(-1)).toBe(scheme.describe(publicKeysOf(key)).groupKey.join())
}

/** No part of a sub-group signs, nor somebody else in its place; and a partial for the whole key is none for a sub-group. */
export function signsWithAllOfASubgroup(subject: Subject): void {
  const { scheme } = subject
  if (scheme.subgroup === undefined) return
  const [participants, threshold] = sizesOf(subject, 4).at(-1) ?? [0, 0]
  const key = makeKey(scheme, participants, threshold)
  const whole = useOf(scheme, key, message)
  const publicKeys = scheme.subgroup(whole.publicKeys, [1, 2, 3])
  const of = { ...whole, publicKeys, publicKey: scheme.describe(publicKeys).groupKey }
  for (const others of [[1, 2], [1, 2, 4], indicesTo(participants)]) expectInvalid(() => sign(scheme, key, others, of))
  const mine = signAll(scheme, key, [1, 2, 3], of)
  const theirs = signAll(scheme, key, indicesTo(participants), whole)
  const mixed = new Map(mine.partials).set(3, theirs.partials.get(3) ?? new Uint8Array(0))
  const failure = failureOf(() => scheme.use.sign.join(of, mine.commitments, mixed))
  expectNamed(failure, ['bad_partial'], [3])
  for (const nobody of [[], [1], [1, 1], [0, 1], [1, participants + 1]])
    expectInvalid(() => scheme.subgroup?.(whole.publicKeys, nobody))
  expectInvalid(() => scheme.subgroup?.(publicKeys, [3, 4]))
}
