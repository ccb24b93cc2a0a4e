import { equalBytes } from '@noble/ciphers/utils.js'
import { MpcError, type Frost, type KeyTweak, type Mpc, type Scheme as FrostName } from '../../mpc/src/index.ts'
import { others } from './heard.ts'
import {
  hold,
  holdReceived,
  type Held,
  type Made,
  type Member,
  type Protocol,
  type Scheme,
  type ShareInput,
  type Use,
} from './scheme.ts'
import { orFalse } from './or-false.ts'

/** The three parts of a DKG or a refresh, whose rounds are the same. `I` is what the last part needs beside the messages. */
type Parts<I> = Readonly<{
  part1: Frost['dkgPart1']
  part2: Frost['dkgPart2']
  part3: (parts: Parameters<Frost['dkgPart3']>[0], input: I) => Made
}>

/** Pedersen's DKG with proofs of possession: one message to all, then one to each, then the share. */
const inThreeParts =
  <I>({ part1, part2, part3 }: Parts<I>): Protocol<Member, I, Made> =>
  (member) => {
    // The layer takes any index in a refresh, for keys that participants have left.
    if (member.index > member.participants) throw new MpcError('invalid_input')
    const { secret, package: said } = part1(member)
    const held: Held<I, Made> = hold([secret], ([secret], all) => {
      const round1 = others(all, member, said)
      const dealt = part2({ secret, packages: round1 })
      const last: Held<I, Made> = holdReceived([dealt.secret], ([secret], round2, input) => ({
        done: part3({ secret, round1, round2 }, input),
      }))
      return { held: last, toEach: dealt.packages }
    })
    return { held, toAll: said }
  }

/** The layer takes one tweak, or none. */
function onlyOf([tweak, ...others]: readonly KeyTweak[]): KeyTweak | null {
  if (others.length > 0) throw new MpcError('invalid_input')
  return tweak ?? null
}

function commitWith(frost: Frost, share: Uint8Array) {
  const { nonces, commitments } = frost.commit({ share })
  const held: Held<ShareInput, Uint8Array> = hold([nonces], ([nonces], all, { share, message, tweaks }) => ({
    done: frost.sign({ share, nonces, commitments: all, message, tweak: onlyOf(tweaks) }),
  }))
  return { held, toAll: commitments }
}

/** RFC 9591 section 5: the commitments to a pair of nonces (5.1), the partial signature (5.2), the signature (5.3). */
const signWith = (frost: Frost): Use => ({
  takes: () => true,
  begin: ({ share }) => commitWith(frost, share),
  ahead: (share) => commitWith(frost, share),
  join: ({ publicKeys, message, tweaks }, commitments, partials) =>
    frost.aggregate({ publicKeys, commitments, partials, message, tweak: onlyOf(tweaks) }),
  verify: ({ publicKey, message }, signature) => frost.verify({ publicKey, message, signature }),
})

/** A share is the crates' `KeyPackage`: header (5 bytes), identifier (32), secret (32), verifying share, and the rest. */
const VERIFYING_SHARE = 69

function isShareOf(frost: Frost, index: number, { share, publicKeys }: Made): boolean {
  const { verifyingShares } = frost.describe({ publicKeys })
  const own = verifyingShares.get(index)
  if (own === undefined || !frost.verifyShare({ share, publicKeys })) return false
  const listed = [...verifyingShares].filter(([, of]) => equalBytes(of, own)).map(([at]) => at)
  return listed.length === 1 && equalBytes(share.subarray(VERIFYING_SHARE, VERIFYING_SHARE + own.length), own)
}

/** Is the polynomial of the degree t−1, and of no lower one? The layer checks that it is of no higher one. */
function needsThreshold(frost: Frost, publicKeys: Uint8Array): boolean {
  const { groupKey, verifyingShares, threshold } = frost.describe({ publicKeys })
  const [first, ...others] = verifyingShares.values()
  // The layer knows no threshold of 1, under which all shares are the key.
  if (threshold === 2) return first !== undefined && others.every((one) => !equalBytes(one, first))
  return !orFalse(() => frost.publicKeysFrom({ groupKey, verifyingShares, threshold: threshold - 1 }).length > 0)
}

/** FROST (RFC 9591) in one of its two suites, over the operations of `shared/mpc`. `more`: what else its shares do together. */
export function createFrostScheme(mpc: Mpc, name: FrostName, more: Partial<Scheme['use']> = {}): Scheme {
  const frost = mpc.frost(name)
  return {
    make: {
      deal: (key) => frost.dealerSplit(key),
      dkg: inThreeParts<null>({
        part1: (a) => frost.dkgPart1(a),
        part2: (a) => frost.dkgPart2(a),
        part3: (parts) => frost.dkgPart3(parts),
      }),
      refresh: inThreeParts<Made>({
        part1: (a) => frost.refreshPart1(a),
        part2: (a) => frost.refreshPart2(a),
        part3: (parts, { share, publicKeys }) => frost.refreshPart3({ ...parts, share, publicKeys }),
      }),
    },
    use: { sign: signWith(frost), ...more },
    describe: (publicKeys) => frost.describe({ publicKeys }),
    isShareOf: (index, made) => orFalse(() => isShareOf(frost, index, made)),
    needsThreshold: (publicKeys) => needsThreshold(frost, publicKeys),
    tweakedKey: ({ groupKey }, tweaks) => {
      const tweak = onlyOf(tweaks)
      return tweak === null ? groupKey : frost.tweakedKey({ groupKey, tweak })
    },
  }
}
