import { describe, expect, it } from 'vitest'
import { holdsQuorum, maySitTogether, mostAtOneHost } from './spread.ts'

const at = (signKey: string) => ({ host: { identity: { signKey } } })
const upTo = (most: number) => Array.from({ length: most }, (_, nth) => nth + 1)

describe('the shares of a key at its hosts', () => {
  it('are counted by the key under which a host signs', () => {
    expect(mostAtOneHost({ participants: [at('a'), at('b'), at('a'), at('c'), at('a')] })).toBe(3)
    expect(mostAtOneHost({ participants: [at('a'), at('b')] })).toBe(1)
  })

  it.each([
    [1, 2, true],
    [2, 2, false],
    [3, 2, false],
    [1, 1, false],
  ])('%i of them, of which %i sign, may sit together without a word in the frame: %s', (shares, threshold, may) => {
    expect(maySitTogether({ threshold }, upTo(shares))).toBe(may)
    expect(maySitTogether({ threshold, spread: 'quorum_in_one_host' }, upTo(shares))).toBe(true)
  })

  it('that are all of a sub-group sit together only by a word in the frame', () => {
    const key = { threshold: 4, subgroups: [{ id: 'pair', members: [1, 3] }] }
    expect(maySitTogether(key, [1, 2])).toBe(true)
    expect(maySitTogether(key, [1, 2, 3])).toBe(false)
    expect(maySitTogether({ ...key, spread: 'quorum_in_one_host' }, [1, 2, 3])).toBe(true)
    expect(holdsQuorum({ ...key, participants: [at('a'), at('b'), at('a'), at('b')] })).toBe(true)
    expect(holdsQuorum({ ...key, participants: [at('a'), at('a'), at('b'), at('b')] })).toBe(false)
    expect(holdsQuorum({ threshold: 2, participants: [at('a'), at('a'), at('b'), at('b')] })).toBe(true)
  })
})
