import { describe, expect, it } from 'vitest'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Version } from '@quorate/shared/wire/recall'
import {
  certify,
  install,
  learn,
  maySign,
  nothing,
  prepare,
  requiredVouchers,
  vouch,
  type Memory,
  type Recollection,
} from './epochs.ts'

const version = (epoch: number, name: string): Version => ({ epoch, digest: name as Digest })
const [old, next, rival, third] = [version(0, 'a'), version(1, 'b'), version(1, 'c'), version(2, 'd')]

const isAt = (current: Version): Memory => ({ ...nothing, current })

describe('what an enclave knows of a key that is made twice', () => {
  const [first, other] = [version(0, 'first'), version(0, 'other')]
  const worded = prepare(nothing, first, null, 'word') as Memory

  it('lets it sign with the one that it has installed, and with none before', () => {
    expect(worded).toEqual({ ...nothing, prepared: first, word: 'word' })
    expect(maySign(worded, first)).toBe(false)
    expect(install(worded, first, 'word')).toEqual({ ...nothing, current: first, word: 'word' })
    expect(prepare(nothing, next, null, 'w')).toBeNull()
  })

  it('lets it agree to one, and to another only after it has taken its word back, which it does where it certifies that', () => {
    expect(prepare(worded, other, null, 'w')).toBeNull()
    expect(certify(worded, first)).toBe(worded)
    const back = certify(worded, other) as Memory
    expect(back).toEqual(nothing)
    expect(install(prepare(back, first, null, 'again') as Memory, first, 'word')).toBeNull()
  })

  it('lets it certify none once it is at one, or has heard of a later one', () => {
    expect(certify(nothing, first)).toBe(nothing)
    expect(certify(isAt(first), first)).toEqual(isAt(first))
    expect(certify(isAt(first), other)).toBeNull()
    expect(prepare(isAt(first), other, null, 'w')).toBeNull()
    expect(certify({ ...nothing, prepared: next }, other)).toBeNull()
  })

  it('comes from as many peers as ever, of whom those that have prepared it count as being at it', () => {
    const hear = (memory: Memory, said: Recollection, from: number) => learn(memory, said, { from: [from], needed: 2 })
    const one = hear(nothing, { current: null, prepared: first }, 2)
    expect(one).toMatchObject({ current: null, prepared: null })
    expect(prepare(one, other, null, 'w')).not.toBeNull()
    expect(hear(one, { current: first, prepared: null }, 3)).toEqual(isAt(first))
  })
})

describe('what an enclave remembers of a key', () => {
  it('is nothing after a start, and then it signs with no version', () => {
    expect([old, next].some((one) => maySign(nothing, one))).toBe(false)
  })

  it('changes to the next version in two steps, and signs with one at a time', () => {
    const before = isAt(old)
    const prepared = prepare(before, next, old.digest, 'word') as Memory
    expect([maySign(prepared, old), maySign(prepared, next)]).toEqual([true, false])
    const installed = install(prepared, next, 'word') as Memory
    expect([maySign(installed, old), maySign(installed, next)]).toEqual([false, true])
  })

  it('skips no version, goes back to none, and installs nothing but what it gave its word for', () => {
    const at = isAt(next)
    expect(prepare(at, rival, old.digest, 'w')).toBeNull()
    expect(prepare(isAt(old), third, next.digest, 'w')).toBeNull()
    expect(prepare(nothing, next, old.digest, 'w')).toBeNull()
    expect(install(at, old, 'w')).toBeNull()
    expect(install(at, third, 'w')).toBeNull()
    const prepared = prepare(isAt(old), next, old.digest, 'w') as Memory
    expect(install(prepared, next, 'another')).toBeNull()
  })

  it('gives its word once, and takes it back when it prepares for another version', () => {
    const first = prepare(isAt(old), next, old.digest, 'first') as Memory
    expect(prepare(first, next, old.digest, 'later')).toBe(first)
    const second = prepare(first, rival, old.digest, 'second') as Memory
    expect(install(second, next, 'first')).toBeNull()
    const back = prepare(second, next, old.digest, 'third') as Memory
    expect(install(back, next, 'first')).toBeNull()
    expect(install(back, next, 'third')?.current).toBe(next)
  })

  it('gives its word for the version that it is at, so that the others can come after', () => {
    const at = prepare(isAt(next), next, old.digest, 'w') as Memory
    expect(install(at, next, 'w')).toBe(at)
    expect(install(at, next, 'v')).toBeNull()
  })

  const heardOf = (memory: Memory, said: Recollection, from: number, needed = 1) =>
    learn(memory, said, { from: [from], needed })

  it('learns from peers, and trusts no version that one of them may be about to leave', () => {
    expect(heardOf(nothing, { current: old, prepared: null }, 2)).toEqual(isAt(old))
    const warned = heardOf(nothing, { current: old, prepared: next }, 2)
    expect(warned).toMatchObject({ current: null, prepared: next, word: null })
    expect(install(warned, next, 'w')).toBeNull()
    expect(prepare(warned, rival, old.digest, 'w')).toBeNull()
    const worded = prepare(warned, next, old.digest, 'w') as Memory
    expect(heardOf(worded, { current: old, prepared: null }, 3)).toMatchObject({
      current: old,
      prepared: next,
      word: 'w',
    })
    expect(heardOf(warned, { current: next, prepared: null }, 3).current).toBe(next)
    expect(heardOf(isAt(next), { current: old, prepared: null }, 2).current).toBe(next)
    expect(heardOf(nothing, { current: null, prepared: null }, 2)).toBe(nothing)
  })

  it('believes no peer alone, nor one that speaks twice, and takes the newest of what enough of them say', () => {
    const behind: Recollection = { current: old, prepared: null }
    const once = heardOf(nothing, behind, 2, 2)
    expect([once.current, heardOf(once, behind, 2, 2).current]).toEqual([null, null])
    expect(heardOf(once, { current: null, prepared: next }, 3, 2).current).toBeNull()
    expect(heardOf(once, { current: next, prepared: null }, 3, 2).current).toBe(next)
    expect(heardOf(heardOf(nothing, { current: next, prepared: null }, 3, 2), behind, 2, 2).current).toBe(next)
    const both = learn(nothing, behind, { from: [2, 4], needed: 2 })
    expect(both.current).toBe(old)
  })

  it('takes the word of enough participants when no peer remembers', () => {
    expect(maySign(vouch(nothing, old), old)).toBe(true)
    const warned = heardOf(nothing, { current: null, prepared: next }, 2)
    expect(vouch(warned, next)).toEqual(isAt(next))
    expect(vouch(heardOf(nothing, { current: null, prepared: third }, 2), old).current).toBeNull()
    expect(vouch(isAt(next), old).current).toBe(next)
    expect([requiredVouchers(3, 2), requiredVouchers(5, 2), requiredVouchers(2, 2)]).toEqual([2, 4, 1])
  })
})
