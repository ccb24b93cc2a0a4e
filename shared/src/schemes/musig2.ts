import { equalBytes } from '@noble/ciphers/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MpcError, type KeyTweak, type Mpc } from '../../mpc/src/index.ts'
import { childTweaks } from './children.ts'
import { indicesTo } from './heard.ts'
import { KEY, occurs, readKeys, subgroupOf, writeKeys } from './musig2-keys.ts'
import { usesWith } from './musig2-use.ts'
import { orFalse } from './or-false.ts'
import { factsOf } from './table.ts'
import type { Contribute, Contributed, Frame, Made, Scheme } from './scheme.ts'

/*
 * MuSig2 (BIP-327): n of n, each with a key of its own. A share is a participant's secret key (32 bytes).
 */

const { fits } = factsOf('musig2')

const tag = sha256(utf8ToBytes('quorate/musig2/contribute/v1'))

/** What the owner of a key signs (BIP-340's tagged hash): the session, how many take part, who it is, and its key. */
const possessionOf = ({ session, participants }: Frame, index: number, pubkey: Uint8Array): Uint8Array =>
  sha256(concatBytes(tag, tag, session, Uint8Array.of(participants, index), pubkey))

const isCompressed = (key: Uint8Array): boolean => key.length === KEY && (key[0] === 2 || key[0] === 3)

function requireFrame({ session, participants, threshold }: Frame): void {
  if (!fits(participants, threshold) || session.length !== 32) throw new MpcError('invalid_input')
}

/** Each says its key and proves that it has the secret. Whoever does not is named, and so are all with the same key. */
function contributeWith(mpc: Mpc): Contribute {
  const verifier = mpc.frost('frost-secp256k1-tr')
  const proves = (of: Frame, index: number, { publicKey, proof: signature }: Contributed): boolean =>
    isCompressed(publicKey) &&
    verifier.verify({ publicKey: publicKey.slice(1), message: possessionOf(of, index, publicKey), signature })
  return {
    begin({ secretKey, index, ...of }) {
      requireFrame(of)
      if (!Number.isInteger(index) || index < 1 || index > of.participants) throw new MpcError('invalid_input')
      const publicKey = mpc.secp256k1.publicKey(secretKey)
      const proof = mpc.secp256k1.sign(secretKey, possessionOf(of, index, publicKey))
      return { publicKey, proof, share: secretKey.slice() }
    },
    join(of, all) {
      requireFrame(of)
      const indices = indicesTo(of.participants)
      if (all.size !== indices.length || !indices.every((index) => all.has(index))) throw new MpcError('invalid_input')
      const inOrder = [...all].sort(([a], [b]) => a - b)
      const pubkeys = new Map(inOrder.map(([index, { publicKey }]) => [index, publicKey]))
      const liars = inOrder.filter(([index, one]) => !proves(of, index, one))
      const twice = inOrder.filter(([, { publicKey }]) => occurs(pubkeys, publicKey) > 1)
      const culprits = (liars.length > 0 ? liars : twice).map(([index]) => index)
      if (culprits.length > 0) throw new MpcError('bad_package', culprits)
      return writeKeys({ sorted: of.sorted, participants: of.participants, pubkeys })
    },
  }
}

/** MuSig2 over the operations of `shared/mpc`. */
export function createMusig2Scheme(mpc: Mpc): Scheme {
  const isShareOf = (index: number, { share, publicKeys }: Made): boolean => {
    const { pubkeys } = readKeys(publicKeys)
    const own = mpc.secp256k1.publicKey(share)
    const listed = pubkeys.get(index)
    return listed !== undefined && equalBytes(listed, own) && occurs(pubkeys, own) === 1
  }
  const point = (publicKeys: Uint8Array, tweaks: readonly KeyTweak[] = []): Uint8Array => {
    const { sorted, pubkeys } = readKeys(publicKeys)
    return mpc.musig2.keyAgg({ sorted, pubkeys, tweaks })
  }
  return {
    make: { contribute: contributeWith(mpc) },
    use: usesWith(mpc),
    describe: (publicKeys) => {
      const { pubkeys } = readKeys(publicKeys)
      return { groupKey: point(publicKeys).slice(1), verifyingShares: pubkeys, threshold: pubkeys.size }
    },
    point: (publicKeys) => point(publicKeys),
    isShareOf: (index, made) => orFalse(() => isShareOf(index, made)),
    // Whoever holds two of the keys signs for two.
    needsThreshold: (publicKeys) => {
      const { pubkeys } = readKeys(publicKeys)
      return [...pubkeys.values()].every((key) => occurs(pubkeys, key) === 1)
    },
    subgroup: subgroupOf,
    childTweaks: (publicKeys, path) => childTweaks((tweaks) => point(publicKeys, tweaks), path),
    // One that is x-only does not ask for the Y of the aggregate key.
    tweakedKey: ({ groupKey, publicKeys }, tweaks) => {
      const [tweak, ...others] = tweaks
      return tweak === undefined || tweak.kind === 'plain' || others.length > 0
        ? point(publicKeys, tweaks).slice(1)
        : mpc.frost('frost-secp256k1-tr').tweakedKey({ groupKey, tweak })
    },
  }
}
