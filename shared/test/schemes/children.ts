import { expect } from 'vitest'
import { makeKey, sign, useOf } from './run.ts'
import { referees } from './published.ts'
import { cheatedSize, type Subject } from './subject.ts'

/** Children of its extended public key, one after the other, each of which signs. */
export function hasChildrenIfItSays(subject: Subject): void {
  const { scheme, facts } = subject
  expect(scheme.childTweaks !== undefined).toBe(facts.children)
  expect(scheme.point !== undefined).toBe(facts.children)
  if (scheme.childTweaks === undefined) return
  const key = makeKey(scheme, ...cheatedSize(subject))
  const quorum = [...key.made.keys()]
  const message = new Uint8Array(32).fill(5)
  const { publicKeys } = useOf(scheme, key, message)
  const seen = new Set<string>()
  for (const path of [[0], [1], [0, 1]]) {
    const of = useOf(scheme, key, message, ...scheme.childTweaks(publicKeys, path))
    const signature = sign(scheme, key, quorum, of)
    expect(referees[facts.verification]({ ...of, signature })).toBe(true)
    seen.add(of.publicKey.join())
  }
  expect(seen.size).toBe(3)
}
