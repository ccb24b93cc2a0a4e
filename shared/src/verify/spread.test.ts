import { describe, expect, it } from 'vitest'
import { maySitTogether, mostAtOneHost } from './spread.ts'

const at = (signKey: string) => ({ host: { identity: { signKey } } })

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
    expect(maySitTogether({ threshold }, shares)).toBe(may)
    expect(maySitTogether({ threshold, spread: 'quorum_in_one_host' }, shares)).toBe(true)
  })
})
