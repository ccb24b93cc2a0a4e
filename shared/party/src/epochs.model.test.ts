import { describe, expect, it } from 'vitest'
import { explore, keygen, type Options, type Rules } from '../test/epochs-model.ts'
import * as rules from './epochs.ts'

describe('after a refresh, the old version', () => {
  it('signs nowhere any more, in whatever order hosts crashed, were rolled back, asked and answered', () => {
    const { over, broken } = explore({ rivals: 1, depth: 12 })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(200)
  })

  it('signs nowhere either when the gateway began two refreshes at once', () => {
    const { over, broken } = explore({ depth: 10 })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(30)
  })

  it('signs with no quorum when one host was cloned before, and the clone stayed away from the refresh', () => {
    const { over, broken } = explore({ rivals: 1, clone: true, depth: 9 })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(20)
  })

  const trusting: Rules['learn'] = (memory, said, by) =>
    memory.current === null && said.current !== null
      ? { ...memory, ...said, word: null }
      : rules.learn(memory, said, by)
  const credulous: Rules['learn'] = (memory, said, { from }) => rules.learn(memory, said, { from, needed: 1 })
  const open: Rules['maySign'] = rules.remembers
  const convinced: Rules['vouch'] = (memory, version) => rules.vouch({ ...memory, current: null }, version)
  const old = { ...rules.nothing, current: { epoch: 0, digest: 'old' } } as Rules['nothing']

  it.each<[string, Options]>([
    ['took what a peer may be about to leave for what is in force', { rules: { learn: trusting } }],
    ['believed one peer alone, which may be a clone', { clone: true, rules: { learn: credulous } }],
    ['signed with whatever version it remembers something of', { rules: { maySign: open } }],
    [
      'let participants talk it out of the version that it knows, by words from before that',
      { relearns: true, rules: { vouch: convinced } },
    ],
    ['believed its sealed state after a restart', { rules: { nothing: old } }],
    ['installed on a word that it does not stand by any more', { onAnyWord: true }],
    ['asked participants who cannot know of the refresh', { afterAgreement: true }],
  ])(
    'would sign again if a host %s',
    (_, without) => {
      expect(explore({ rivals: 1, depth: 14, ...without }).broken).not.toBeNull()
      // A clone makes many worlds: 20 s of CPU on an idle machine.
    },
    240_000,
  )
})

describe('of two attempts of one keygen, the key', () => {
  it('is one at most, in whatever order hosts crashed, were rolled back, asked and answered', () => {
    const { over, broken } = explore({ story: keygen, attempted: true })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(200)
  })

  it('is one at most when the second attempt begins while hosts agree to the first', () => {
    const { over, broken } = explore({ story: keygen, depth: 10 })
    expect(broken).toBeNull()
    expect(over).toBeGreaterThan(30)
  })

  const fickle: Rules['prepare'] = (_, version, __, word) => ({ ...rules.nothing, prepared: version, word })
  const forgetful: Rules['certify'] = () => rules.nothing

  it.each<[string, Options]>([
    [
      'agreed to another while it stands by its word for one, or is at it',
      { attempted: true, rules: { prepare: fickle } },
    ],
    ['certified another after it has installed one', { rules: { certify: forgetful } }],
  ])('would be two if a host %s', (_, without) => {
    expect(explore({ story: keygen, crashless: true, ...without }).broken).not.toBeNull()
  })
})
