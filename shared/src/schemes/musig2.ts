import { equalBytes } from '@noble/ciphers/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MpcError, type ByIndex, type KeyTweak, type Mpc, type MusigSession } from '../../mpc/src/index.ts'
import { isComplete, others } from './heard.ts'
import { orFalse } from './or-false.ts'
import {
  hold,
  type Held,
  type Made,
  type Member,
  type Protocol,
  type Scheme,
  type ShareInput,
  type Use,
  type UseInput,
} from './scheme.ts'

/*
 * MuSig2 (BIP-327): n of n, each with a key of its own. A share is a participant's secret key (32 bytes). The public keys are
 * those of all (33 bytes each), in the order of their indices; the aggregate key is of the keys sorted (KeySort).
 */

const KEY = 33
const MOST = 100

/** Who brings a key. `session` names the making (32 bytes). `secretKey` is borrowed; null: a key is drawn. */
export type Contributor = Member & Readonly<{ session: Uint8Array; secretKey: Uint8Array | null }>

/** A key is made in one round, of what each brings, and is never dealt or refreshed. The rest is as in any scheme. */
export type Musig2Scheme = Omit<Scheme, 'make' | 'deal'> &
  Readonly<{ make: Readonly<{ contribute: Protocol<Contributor, null, Made> }> }>

/** Can so many participants hold a key, of whom `threshold` sign? */
export const musig2Fits = (participants: number, threshold: number): boolean =>
  participants >= 2 && participants <= MOST && threshold === participants

const tag = sha256(utf8ToBytes('quorate/musig2/contribute/v1'))

/** What the owner of a key signs (BIP-340's tagged hash): the session, how many take part, who it is, and its key. */
const possessionOf = ({ session, participants }: Contributor, index: number, pubkey: Uint8Array): Uint8Array =>
  sha256(concatBytes(tag, tag, session, Uint8Array.of(participants, index), pubkey))

/** What a contributor says: its key and the proof. Wipes the secret if that fails. */
function proofOf(mpc: Mpc, member: Contributor, secret: Uint8Array): Uint8Array {
  try {
    const pubkey = mpc.secp256k1.publicKey(secret)
    return concatBytes(pubkey, mpc.secp256k1.sign(secret, possessionOf(member, member.index, pubkey)))
  } catch (error) {
    secret.fill(0)
    throw error
  }
}

/** The keys by index. Throws `invalid_input` for what is no list of them. */
function readKeys(publicKeys: Uint8Array): ByIndex {
  const count = publicKeys.length / KEY
  if (!musig2Fits(count, count) || !Number.isInteger(count)) throw new MpcError('invalid_input')
  return new Map(Array.from({ length: count }, (_, at) => [at + 1, publicKeys.subarray(at * KEY, (at + 1) * KEY)]))
}

const occurs = (pubkeys: ByIndex, key: Uint8Array): number =>
  [...pubkeys.values()].filter((one) => equalBytes(one, key)).length

const tweaksOf = (tweak: Uint8Array | null): KeyTweak[] => (tweak === null ? [] : [{ kind: 'taproot', tweak }])

function sessionOf({ publicKeys, message, tweak }: UseInput): MusigSession {
  return { pubkeys: readKeys(publicKeys), sorted: true, tweaks: tweaksOf(tweak), message }
}

/** Each says its key and proves that it has the secret. Whoever does not is named, and so are two with the same key. */
const contributeWith =
  (mpc: Mpc): Musig2Scheme['make']['contribute'] =>
  (member) => {
    const { index, participants, threshold, secretKey } = member
    const isMember = Number.isInteger(index) && index >= 1 && index <= participants
    if (!musig2Fits(participants, threshold) || !isMember) throw new MpcError('invalid_input')
    const secret = secretKey?.slice() ?? crypto.getRandomValues(new Uint8Array(32))
    const said = proofOf(mpc, member, secret)
    const verifier = mpc.frost('frost-secp256k1-tr')
    const proves = ([from, bytes]: [number, Uint8Array]): boolean => {
      const [theirs, signature] = [bytes.slice(0, KEY), bytes.slice(KEY)]
      if ((theirs[0] !== 2 && theirs[0] !== 3) || theirs.length !== KEY) return false
      return verifier.verify({ publicKey: theirs.slice(1), message: possessionOf(member, from, theirs), signature })
    }
    const held: Held<null, Made> = hold([secret], ([secret], all) => {
      const rest = [...others(all, member, said)]
      const liars = rest.filter((one) => !proves(one))
      const pubkeys = new Map([...all].sort(([a], [b]) => a - b).map(([from, bytes]) => [from, bytes.slice(0, KEY)]))
      const twice = rest.filter(([, bytes]) => occurs(pubkeys, bytes.slice(0, KEY)) > 1)
      const culprits = (liars.length > 0 ? liars : twice).map(([from]) => from)
      if (culprits.length > 0) throw new MpcError('bad_package', culprits)
      return { done: { share: secret.slice(), publicKeys: concatBytes(...pubkeys.values()) } }
    })
    return { held, toAll: said }
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
      const participants = input.publicKeys.length / KEY
      const isSame = input.index === index && equalBytes(digestOf(input), drawnFor)
      if (!isSame || !isComplete(all, { index, participants }, pubnonce)) throw new MpcError('invalid_input')
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
export function createMusig2Scheme(mpc: Mpc): Musig2Scheme {
  const isShareOf = (index: number, { share, publicKeys }: Made): boolean => {
    const pubkeys = readKeys(publicKeys)
    const own = mpc.secp256k1.publicKey(share)
    const listed = pubkeys.get(index)
    return listed !== undefined && equalBytes(listed, own) && occurs(pubkeys, own) === 1
  }
  return {
    make: { contribute: contributeWith(mpc) },
    use: { sign: signWith(mpc) },
    describe: (publicKeys) => {
      const pubkeys = readKeys(publicKeys)
      const groupKey = mpc.musig2.keyAgg({ pubkeys, sorted: true }).slice(1)
      return { groupKey, verifyingShares: pubkeys, threshold: pubkeys.size }
    },
    isShareOf: (index, made) => orFalse(() => isShareOf(index, made)),
    // Whoever holds two of the keys signs for two.
    needsThreshold: (publicKeys) => {
      const pubkeys = readKeys(publicKeys)
      return [...pubkeys.values()].every((key) => occurs(pubkeys, key) === 1)
    },
    tweakedKey: (groupKey, tweak) => mpc.frost('frost-secp256k1-tr').tweakedKey({ groupKey, tweak }),
  }
}
