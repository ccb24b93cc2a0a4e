import { describe, expect, it } from 'vitest'
import { MpcError, type Mpc } from '../../mpc/src/index.ts'
import { schemeOf } from '../../src/schemes/cryptography.ts'
import type { Held, Scheme, Use } from '../../src/schemes/scheme.ts'
import { defaultScheme } from '../../src/schemes/table.ts'
import { badShares } from './bad-shares.ts'
import { failedChecks, type CheckName } from './check-scheme.ts'
import { having, heldBy } from './run.ts'
import { subjectOf } from './subject.ts'

/*
 * Schemes with one fault each. The checks that look for it fail, and honest runs still hold: a check that fails for any reason would be
 * of no use.
 */
type Input = Parameters<Use['begin']>[0]

const withSign = (scheme: Scheme, change: (sign: Use) => Partial<Use>): Scheme => {
  const { sign } = scheme.use
  return { ...scheme, use: { sign: { ...sign, ...change(sign) } } }
}

/** Signs with its own commitment, whatever stands in its place. */
const signsWhateverIsListed = (scheme: Scheme): Scheme =>
  withSign(scheme, ({ begin }) => ({
    begin: (input) => {
      const step = begin(input)
      if (!('toAll' in step)) return step
      const { index } = shareOwner(scheme, input)
      const held: Held<Input, Uint8Array> = {
        go: (from, of) => step.held.go(new Map(from).set(index, step.toAll), of),
        destroy: () => step.held.destroy(),
      }
      return { held, toAll: step.toAll }
    },
  }))

/** Whose share this is: the one whom it is a share of. */
function shareOwner(scheme: Scheme, { share, publicKeys }: Input): { index: number } {
  const { verifyingShares } = scheme.describe(publicKeys)
  const [index = 0] = [...verifyingShares.keys()].filter((one) => scheme.isShareOf(one, { share, publicKeys }))
  return { index }
}

/** Gives out something of the right length when partials do not add up. */
const joinsWhateverComes = (scheme: Scheme): Scheme =>
  withSign(scheme, ({ join }) => ({
    join: (of, commitments, partials) => {
      try {
        return join(of, commitments, partials)
      } catch (error) {
        if (error instanceof MpcError && error.code === 'bad_partial') return new Uint8Array(64)
        throw error
      }
    },
  }))

/** Names one culprit of several. */
const namesTheFirst = (scheme: Scheme): Scheme =>
  withSign(scheme, ({ join }) => ({
    join: (of, commitments, partials) => {
      try {
        return join(of, commitments, partials)
      } catch (error) {
        throw error instanceof MpcError ? new MpcError(error.code, error.culprits.slice(0, 1)) : error
      }
    },
  }))

/** Keeps its nonces, and signs with them as often as it is asked. */
const signsAgain = (scheme: Scheme, mpc: Mpc): Scheme => {
  const frost = mpc.frost('frost-secp256k1-tr')
  return withSign(scheme, () => ({
    begin: ({ share }) => {
      const { nonces, commitments } = frost.commit({ share })
      const held: Held<Input, Uint8Array> = {
        go: (all, of) => ({ done: frost.sign({ ...of, nonces, commitments: all }) }),
        destroy: () => undefined,
      }
      return { held, toAll: commitments }
    },
  }))
}

/** Loads a share that is of these public keys, whoever has the same. */
const loadsAnybodysShare = (scheme: Scheme, mpc: Mpc): Scheme => ({
  ...scheme,
  isShareOf: (_, made) => {
    try {
      return mpc.frost('frost-secp256k1-tr').verifyShare(made)
    } catch {
      return false
    }
  },
})

/** Loads a share under its own index, though another participant has the same. */
const loadsSharesThatTwoHave = (scheme: Scheme, mpc: Mpc): Scheme => ({
  ...scheme,
  isShareOf: (index, made) => {
    const anybodys = loadsAnybodysShare(scheme, mpc).isShareOf(index, made)
    const own = anybodys ? scheme.describe(made.publicKeys).verifyingShares.get(index) : undefined
    return own !== undefined && Buffer.from(made.share).includes(own)
  },
})

/** Believes a dealer how many shares give the key. */
const takesAnyThreshold = (scheme: Scheme): Scheme => ({ ...scheme, needsThreshold: () => true })

/** Leaves what was dealt to it where it was. */
const leavesDealtMessages = (scheme: Scheme): Scheme => ({
  ...scheme,
  make: {
    ...scheme.make,
    dkg: (member) => {
      const step = having(scheme.make.dkg)(member)
      if (!('toAll' in step)) return step
      const go: typeof step.held.go = (from, input) => {
        const dealt = step.held.go(from, input)
        const last = heldBy(dealt)
        if (!('toEach' in dealt)) return dealt
        const copied: typeof last = {
          go: (sent, also) => last.go(new Map([...sent].map(([index, bytes]) => [index, bytes.slice()])), also),
          destroy: () => last.destroy(),
        }
        return { held: copied, toEach: dealt.toEach }
      }
      return { held: { go, destroy: () => step.held.destroy() }, toAll: step.toAll }
    },
  },
})

const planted: readonly (readonly [string, (scheme: Scheme, mpc: Mpc) => Scheme, readonly CheckName[]])[] = [
  ['signs whatever list of commitments comes', signsWhateverIsListed, ['refuses other lists of commitments']],
  [
    'joins whatever partials come',
    joinsWhateverComes,
    [
      'refreshes shares so that no earlier one signs',
      'names who commits to what is not its own',
      'names who sends a wrong partial',
      'names who signs another message',
    ],
  ],
  [
    'names one culprit of several',
    namesTheFirst,
    ['names who sends a wrong partial', 'names who signs another message'],
  ],
  ['signs twice with a nonce', signsAgain, ['signs once with a nonce']],
  ['loads anybody’s share', loadsAnybodysShare, ['loads no share but a participant’s own']],
  ['loads a share that two have', loadsSharesThatTwoHave, ['loads no share but a participant’s own']],
  ['takes whatever threshold a dealer says', takesAnyThreshold, ['takes no key that needs fewer shares than it says']],
  ['leaves what was dealt to it', leavesDealtMessages, ['makes a key once of what it drew once']],
]

describe('the suite finds the scheme that', () => {
  it.each(planted)('%s', (_, plant, expected) => {
    const faulty = (mpc: Mpc) => plant(schemeOf(mpc, defaultScheme), mpc)
    const subject = subjectOf(defaultScheme, badShares[defaultScheme], faulty)
    const held: CheckName = 'has keys and signatures of the lengths that it says'
    expect(failedChecks(subject, [held, ...expected])).toEqual(expected)
  })
})
