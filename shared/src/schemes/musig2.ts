import { equalBytes } from '@noble/ciphers/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MpcError, type ByIndex, type KeyTweak, type Mpc, type MusigSession } from '../../mpc/src/index.ts'
import { indicesTo, isComplete } from './heard.ts'
import { orFalse } from './or-false.ts'
import { factsOf } from './table.ts'
import {
  hold,
  type Contribute,
  type Contributed,
  type Frame,
  type Held,
  type Made,
  type Scheme,
  type ShareInput,
  type Use,
  type UseInput,
} from './scheme.ts'

/*
 * MuSig2 (BIP-327): n of n, each with a key of its own. A share is a participant's secret key (32 bytes). The public keys are a byte
 * that says their order (1: KeySort, 0: as they stand), then those of all (33 bytes each), in the order of their indices. For a sub-group
 * 33 zeros stand in the place of everybody else.
 */

const KEY = 33
const { fits } = factsOf('musig2')

const tag = sha256(utf8ToBytes('quorate/musig2/contribute/v1'))

/** What the owner of a key signs (BIP-340's tagged hash): the session, how many take part, who it is, and its key. */
const possessionOf = ({ session, participants }: Frame, index: number, pubkey: Uint8Array): Uint8Array =>
  sha256(concatBytes(tag, tag, session, Uint8Array.of(participants, index), pubkey))

const isCompressed = (key: Uint8Array): boolean => key.length === KEY && (key[0] === 2 || key[0] === 3)

/** `participants`: of the whole key. `pubkeys`: of those who sign. */
type PublicKeys = Readonly<{ sorted: boolean; participants: number; pubkeys: ByIndex }>

const isThere = (key: Uint8Array): boolean => key.some((byte) => byte !== 0)

/** The keys by index, and their order. Throws `invalid_input` for what is no list of them. */
function readKeys(publicKeys: Uint8Array): PublicKeys {
  const [order] = publicKeys
  const participants = (publicKeys.length - 1) / KEY
  const at = (nth: number) => 1 + nth * KEY
  if (!Number.isInteger(participants) || (order !== 0 && order !== 1)) throw new MpcError('invalid_input')
  const listed = indicesTo(participants).map((index) => [index, publicKeys.subarray(at(index - 1), at(index))] as const)
  const pubkeys = new Map(listed.filter(([, key]) => isThere(key)))
  if (!fits(participants, participants) || !fits(pubkeys.size, pubkeys.size)) throw new MpcError('invalid_input')
  return { sorted: order === 1, participants, pubkeys }
}

const absent = new Uint8Array(KEY)

const writeKeys = ({ sorted, participants, pubkeys }: PublicKeys): Uint8Array =>
  concatBytes(Uint8Array.of(sorted ? 1 : 0), ...indicesTo(participants).map((index) => pubkeys.get(index) ?? absent))

function subgroupOf(publicKeys: Uint8Array, members: readonly number[]): Uint8Array {
  const keys = readKeys(publicKeys)
  const pubkeys = new Map([...keys.pubkeys].filter(([index]) => members.includes(index)))
  if (pubkeys.size !== members.length || !fits(pubkeys.size, pubkeys.size)) throw new MpcError('invalid_input')
  return writeKeys({ ...keys, pubkeys })
}

const occurs = (pubkeys: ByIndex, key: Uint8Array): number =>
  [...pubkeys.values()].filter((one) => equalBytes(one, key)).length

const tweaksOf = (tweak: Uint8Array | null): KeyTweak[] => (tweak === null ? [] : [{ kind: 'taproot', tweak }])

const sessionOf = ({ publicKeys, message, tweak }: UseInput): MusigSession => {
  const { sorted, pubkeys } = readKeys(publicKeys)
  return { sorted, pubkeys, tweaks: tweaksOf(tweak), message }
}

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

/** NonceGen, Sign and PartialSigAgg. A nonce is drawn for one message under one key, and for this session, and signs nothing else. */
const signWith = (mpc: Mpc): Use => ({
  takes: () => true,
  begin: (begun) => {
    const { session, index } = begun
    const extraIn = concatBytes(session, Uint8Array.of(index))
    const { secnonce, pubnonce } = mpc.musig2.nonceGen({ ...sessionOf(begun), secretKey: begun.share, extraIn })
    // Bytes that others may change until the next round are not kept.
    const drawnFor = digestOf(begun)
    const held: Held<ShareInput, Uint8Array> = hold([secnonce], ([secnonce], all, input) => {
      const signers = [...readKeys(input.publicKeys).pubkeys.keys()]
      const isSame = input.index === index && equalBytes(digestOf(input), drawnFor)
      if (!isSame || !isComplete(all, { index, signers }, pubnonce)) throw new MpcError('invalid_input')
      const aggnonce = mpc.musig2.nonceAgg({ pubnonces: all })
      return { done: mpc.musig2.sign({ ...sessionOf(input), secretKey: input.share, secnonce, aggnonce }) }
    })
    return { held, toAll: pubnonce }
  },
  join: (of, pubnonces, psigs) => mpc.musig2.partialSigAgg({ ...sessionOf(of), pubnonces, psigs }),
  verify: ({ publicKey, message }, signature) =>
    mpc.frost('frost-secp256k1-tr').verify({ publicKey, message, signature }),
})

/** What a nonce was drawn for. Each part is a digest or has one length, so that no two inputs are taken for one. */
const digestOf = ({ session, publicKeys, message, tweak }: UseInput): Uint8Array =>
  sha256(concatBytes(...[session, publicKeys, message, tweak ?? Uint8Array.of(0)].map((part) => sha256(part))))

/** MuSig2 over the operations of `shared/mpc`. */
export function createMusig2Scheme(mpc: Mpc): Scheme {
  const isShareOf = (index: number, { share, publicKeys }: Made): boolean => {
    const { pubkeys } = readKeys(publicKeys)
    const own = mpc.secp256k1.publicKey(share)
    const listed = pubkeys.get(index)
    return listed !== undefined && equalBytes(listed, own) && occurs(pubkeys, own) === 1
  }
  const point = (publicKeys: Uint8Array): Uint8Array => {
    const { sorted, pubkeys } = readKeys(publicKeys)
    return mpc.musig2.keyAgg({ sorted, pubkeys })
  }
  return {
    make: { contribute: contributeWith(mpc) },
    use: { sign: signWith(mpc) },
    describe: (publicKeys) => {
      const { pubkeys } = readKeys(publicKeys)
      return { groupKey: point(publicKeys).slice(1), verifyingShares: pubkeys, threshold: pubkeys.size }
    },
    point,
    isShareOf: (index, made) => orFalse(() => isShareOf(index, made)),
    // Whoever holds two of the keys signs for two.
    needsThreshold: (publicKeys) => {
      const { pubkeys } = readKeys(publicKeys)
      return [...pubkeys.values()].every((key) => occurs(pubkeys, key) === 1)
    },
    subgroup: subgroupOf,
    tweakedKey: (groupKey, tweak) => mpc.frost('frost-secp256k1-tr').tweakedKey({ groupKey, tweak }),
  }
}
