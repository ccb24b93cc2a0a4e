import { equalBytes } from '@noble/ciphers/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { MpcError, type ByIndex, type Mpc, type PreSigned } from '../../mpc/src/index.ts'
import { orFalse } from './or-false.ts'

/*
 * Several adaptors of one signature, as DLC's specification joins the points of several oracles (dlcspecs, "MultiOracle"): all
 * secrets are asked for by the sum of their points, and one of several by a pre-signature for each.
 */

/** A point (33 bytes), and BIP-340's signature by its own secret that there is one who knows it. */
export type ProvedPoint = Readonly<{ point: Uint8Array; proof: Uint8Array }>

/**
 * What turns a pre-signature into the signature. `one`: the secret of a point. `any`: that of one of these. `all`: those of all of
 * these, each with a proof. Without one, whoever names the last point could choose it so that the others cancel out.
 */
export type AdaptorTerms =
  | Readonly<{ kind: 'one'; point: Uint8Array }>
  | Readonly<{ kind: 'any'; points: readonly Uint8Array[] }>
  | Readonly<{ kind: 'all'; points: readonly ProvedPoint[] }>

/** Bytes of a pre-signature: the signers' nonce, and s. */
export const PRE_SIGNATURE = 65

/** The pre-signatures (65 bytes each) that a result holds, in the order of its adaptors. */
export const preSignaturesIn = (result: Uint8Array): Uint8Array[] =>
  Array.from({ length: Math.ceil(result.length / PRE_SIGNATURE) }, (_, nth) =>
    result.slice(nth * PRE_SIGNATURE, (nth + 1) * PRE_SIGNATURE),
  )

const tag = sha256(utf8ToBytes('quorate/adaptor/v1'))

/** BIP-340's tagged hash of the point, 32 bytes. */
const possessionOf = (point: Uint8Array): Uint8Array => sha256(concatBytes(tag, tag, point))

/** The point of a secret, which is borrowed, with its proof. */
export function proveAdaptor(mpc: Mpc, secret: Uint8Array): ProvedPoint {
  const point = mpc.secp256k1.publicKey(secret)
  return { point, proof: mpc.secp256k1.sign(secret, possessionOf(point)) }
}

const counted = <T>(list: readonly T[]): Map<number, T> => new Map(list.map((one, at) => [at + 1, one]))

/** Throws `bad_package` with the places, from 1, of those that are no points, and `invalid_input` when one stands there twice. */
function distinct(mpc: Mpc, points: readonly Uint8Array[]): ByIndex {
  const all = counted(points)
  const isPoint = (point: Uint8Array) =>
    orFalse(() => equalBytes(mpc.musig2.sumAdaptors({ adaptors: new Map([[1, point]]) }), point))
  const unread = [...all].filter(([, point]) => !isPoint(point)).map(([at]) => at)
  if (unread.length > 0) throw new MpcError('bad_package', unread)
  const twice = points.some((point, at) => points.findIndex((one) => equalBytes(one, point)) !== at)
  if (points.length === 0 || twice) throw new MpcError('invalid_input')
  return all
}

/**
 * The adaptors that these terms need pre-signatures for: one, or for `any` one for each point, each signed with nonces of its own.
 * Throws `bad_package` with the places, from 1, of those that are no points or whose proof does not hold.
 */
export function adaptorsOf(mpc: Mpc, terms: AdaptorTerms): readonly Uint8Array[] {
  if (terms.kind === 'one') return [...distinct(mpc, [terms.point]).values()]
  if (terms.kind === 'any') return [...distinct(mpc, terms.points).values()]
  const adaptors = distinct(
    mpc,
    terms.points.map(({ point }) => point),
  )
  const verifier = mpc.frost('frost-secp256k1-tr')
  const holds = ({ point, proof }: ProvedPoint): boolean =>
    verifier.verify({ publicKey: point.slice(1), message: possessionOf(point), signature: proof })
  const unproved = [...counted(terms.points)].filter(([, one]) => !holds(one)).map(([at]) => at)
  if (unproved.length > 0) throw new MpcError('bad_package', unproved)
  return [mpc.musig2.sumAdaptors({ adaptors })]
}

/** The signature (64 bytes) of a pre-signature, and of the secret of its point, which is borrowed. Throws `invalid_input` for another secret. */
export const adapt = (mpc: Mpc, of: PreSigned, secret: Uint8Array): Uint8Array => mpc.musig2.adapt({ ...of, secret })

/** The secret of a pre-signature's point, by the signature that was made of it. Throws `invalid_input` for another signature. */
export const extract = (mpc: Mpc, of: PreSigned, signature: Uint8Array): Uint8Array =>
  mpc.musig2.extract({ ...of, signature })

/** The sum of secrets, which are borrowed; or what is left of `of` without them. Throws `invalid_input` for what is no secret. */
export const sumSecrets = (mpc: Mpc, secrets: readonly Uint8Array[], of?: Uint8Array): Uint8Array =>
  mpc.musig2.sumSecrets({ secrets: counted(secrets), ...(of === undefined ? {} : { of }) })
