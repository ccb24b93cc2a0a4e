import { equalBytes } from '@noble/ciphers/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MpcError, type ByIndex, type Mpc, type MusigSession } from '../../mpc/src/index.ts'
import { PRE_SIGNATURE, preSignaturesIn } from './adaptors.ts'
import { isComplete } from './heard.ts'
import { readKeys } from './musig2-keys.ts'
import { createNonceAgg, type NonceAgg } from './musig2-nonce-agg.ts'
import { orFalse } from './or-false.ts'
import { hold, type Held, type Scheme, type ShareInput, type Use, type UseInput } from './scheme.ts'

/*
 * NonceGen, Sign and PartialSigAgg. A nonce is drawn for one message under one key, with one adaptor or none, and for this session, and
 * signs nothing else. What several adaptors ask for is signed with nonces of its own for each; messages of a round stand one behind the other.
 */

const PUBNONCE = 66
const PARTIAL = 32

const sessionOf = ({ publicKeys, message, tweaks }: UseInput): MusigSession => {
  const { sorted, pubkeys } = readKeys(publicKeys)
  return { sorted, pubkeys, tweaks, message }
}

/** One for each adaptor. */
function preSessionsOf(input: UseInput): MusigSession[] {
  const { adaptors = [] } = input
  if (adaptors.length === 0) throw new MpcError('invalid_input')
  const session = sessionOf(input)
  return adaptors.map((adaptor) => ({ ...session, adaptor }))
}

/** What nonces were drawn for. Each part is a digest or has one length, so that no two inputs are taken for one. */
const digestOf = ({ session, publicKeys, message, tweaks, adaptors = [] }: UseInput): Uint8Array => {
  const tweaked = concatBytes(...tweaks.map(({ kind, tweak }) => sha256(concatBytes(utf8ToBytes(`${kind} `), tweak))))
  const parts = [session, publicKeys, message, tweaked, ...adaptors]
  return sha256(concatBytes(...parts.map((part) => sha256(part))))
}

/** Part `nth` of so many. The last one has what is left over, so that it shows where there is too much. */
function partOf(all: ByIndex, nth: number, count: number, length: number): ByIndex {
  const end = nth === count - 1 ? undefined : (nth + 1) * length
  return new Map([...all].map(([from, bytes]) => [from, bytes.subarray(nth * length, end)]))
}

/** The answers of all calls, one behind the other. Throws one failure that names the culprits of all. */
function joined(calls: readonly (() => Uint8Array)[]): Uint8Array {
  const failures: MpcError[] = []
  const answers = calls.map((call) => {
    try {
      return call()
    } catch (error) {
      if (!(error instanceof MpcError) || error.culprits.length === 0) throw error
      failures.push(error)
      return new Uint8Array(0)
    }
  })
  const [first] = failures
  if (first === undefined) return concatBytes(...answers)
  const culprits = new Set(failures.filter(({ code }) => code === first.code).flatMap((failure) => failure.culprits))
  throw new MpcError(
    first.code,
    [...culprits].sort((a, b) => a - b),
  )
}

const wipe = (secrets: readonly Uint8Array[]): void => {
  for (const secret of secrets) secret.fill(0)
}

type Drawn = Readonly<{ secnonces: Uint8Array[]; pubnonces: Uint8Array }>

/** The nonces of all sessions, or none. */
function draw({ musig2 }: Mpc, sessions: readonly MusigSession[], { session, index, share }: ShareInput): Drawn {
  const secnonces: Uint8Array[] = []
  try {
    const pubnonces = sessions.map((one, nth) => {
      const extraIn = concatBytes(session, Uint8Array.of(index, nth))
      const { secnonce, pubnonce } = musig2.nonceGen({ ...one, secretKey: share, extraIn })
      secnonces.push(secnonce)
      return pubnonce
    })
    return { secnonces, pubnonces: concatBytes(...pubnonces) }
  } catch (error) {
    wipe(secnonces)
    throw error
  }
}

type Rounds = Pick<Use, 'begin' | 'join'>

/** `sessionsOf`: what is to be signed, one after the other. */
const roundsWith = (mpc: Mpc, nonceAgg: NonceAgg, sessionsOf: (input: UseInput) => MusigSession[]): Rounds => ({
  begin: (begun) => {
    const { index } = begun
    const { secnonces, pubnonces } = draw(mpc, sessionsOf(begun), begun)
    // Bytes that others may change until the next round are not kept.
    const drawnFor = digestOf(begun)
    const held: Held<ShareInput, Uint8Array> = hold(secnonces, (secnonces, all, input) => {
      const signers = [...readKeys(input.publicKeys).pubkeys.keys()]
      const isSame = input.index === index && equalBytes(digestOf(input), drawnFor)
      if (!isSame || !isComplete(all, { index, signers }, pubnonces)) throw new MpcError('invalid_input')
      const sessions = sessionsOf(input)
      const aggregates = sessions.map((_, nth) => () => nonceAgg(partOf(all, nth, sessions.length, PUBNONCE)))
      const aggnonces = joined(aggregates)
      const partials = sessions.map((session, nth) => {
        const aggnonce = aggnonces.subarray(nth * PUBNONCE, (nth + 1) * PUBNONCE)
        const secnonce = secnonces[nth] ?? new Uint8Array(0)
        return mpc.musig2.sign({ ...session, secretKey: input.share, secnonce, aggnonce })
      })
      return { done: concatBytes(...partials) }
    })
    return { held, toAll: pubnonces }
  },
  join: (of, commitments, partials) => {
    const sessions = sessionsOf(of)
    const count = sessions.length
    const signatures = sessions.map((session, nth) => () => {
      const pubnonces = partOf(commitments, nth, count, PUBNONCE)
      return mpc.musig2.partialSigAgg({ ...session, pubnonces, psigs: partOf(partials, nth, count, PARTIAL) })
    })
    return joined(signatures)
  },
})

const isPreSigned = ({ musig2 }: Mpc, { publicKey, message, adaptors = [] }: UseInput, result: Uint8Array): boolean =>
  adaptors.length > 0 &&
  result.length === adaptors.length * PRE_SIGNATURE &&
  preSignaturesIn(result).every((preSignature, nth) => {
    const adaptor = adaptors[nth] ?? new Uint8Array(0)
    return orFalse(() => musig2.verifyPreSignature({ publicKey, message, adaptor, preSignature }))
  })

/** What the shares of a key of MuSig2 do. A pre-signature of each adaptor is not verified as a signature is: see `isPreSigned`. */
export function usesWith(mpc: Mpc): Scheme['use'] {
  const nonceAgg = createNonceAgg(mpc)
  return {
    sign: {
      takes: () => true,
      ...roundsWith(mpc, nonceAgg, (input) => [sessionOf(input)]),
      verify: ({ publicKey, message }, signature) =>
        mpc.frost('frost-secp256k1-tr').verify({ publicKey, message, signature }),
    },
    presign: {
      takes: () => true,
      ...roundsWith(mpc, nonceAgg, preSessionsOf),
      verify: (of, result) => isPreSigned(mpc, of, result),
    },
  }
}
