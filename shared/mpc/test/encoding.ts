import { ed25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import type { Scheme } from '../src/frost-types.ts'

// The crates' serialisations, written by hand, so that published scalars can be put through the door.

const HEADER: Record<Scheme, Uint8Array> = {
  'frost-secp256k1-tr': hexToBytes('00230f8ab3'),
  'frost-ed25519': hexToBytes('00b169f0da'),
}

const isTr = (scheme: Scheme) => scheme === 'frost-secp256k1-tr'

function varint(value: number): Uint8Array {
  return value < 128 ? Uint8Array.of(value) : concatBytes(Uint8Array.of((value & 127) | 128), varint(value >> 7))
}

function toNumber(scheme: Scheme, scalar: Uint8Array): bigint {
  const bigEndian = isTr(scheme) ? scalar : scalar.toReversed()
  return BigInt(`0x${Buffer.from(bigEndian).toString('hex')}`)
}

export function scalar(scheme: Scheme, value: bigint): Uint8Array {
  const bytes = hexToBytes(value.toString(16).padStart(64, '0'))
  return isTr(scheme) ? bytes : bytes.reverse()
}

/** scalar · generator, by the referee. */
export function pointOf(scheme: Scheme, bytes: Uint8Array): Uint8Array {
  const factor = toNumber(scheme, bytes)
  return isTr(scheme)
    ? secp256k1.Point.BASE.multiply(factor).toBytes(true)
    : ed25519.Point.BASE.multiply(factor).toBytes()
}

export function negated(scheme: Scheme, bytes: Uint8Array): Uint8Array {
  const order = (isTr(scheme) ? secp256k1 : ed25519).Point.Fn.ORDER
  return scalar(scheme, order - toNumber(scheme, bytes))
}

const identifier = (scheme: Scheme, index: number) => scalar(scheme, BigInt(index))

type KeyPackage = { index: number; secret: Uint8Array; verifyingKey: Uint8Array; threshold: number }

export function keyPackage(scheme: Scheme, a: KeyPackage): Uint8Array {
  const parts = [HEADER[scheme], identifier(scheme, a.index), a.secret, pointOf(scheme, a.secret), a.verifyingKey]
  return concatBytes(...parts, varint(a.threshold))
}

export function signingCommitments(scheme: Scheme, hiding: Uint8Array, binding: Uint8Array): Uint8Array {
  return concatBytes(HEADER[scheme], hiding, binding)
}

export function signingNonces(scheme: Scheme, hiding: Uint8Array, binding: Uint8Array): Uint8Array {
  const commitments = signingCommitments(scheme, pointOf(scheme, hiding), pointOf(scheme, binding))
  return concatBytes(HEADER[scheme], hiding, binding, commitments)
}

export function round1Package(scheme: Scheme, commitment: Uint8Array[], proof: Uint8Array): Uint8Array {
  return concatBytes(HEADER[scheme], varint(commitment.length), ...commitment, varint(proof.length), proof)
}

export function round2Package(scheme: Scheme, share: Uint8Array): Uint8Array {
  return concatBytes(HEADER[scheme], share)
}

type Round1Secret = { index: number; coefficients: Uint8Array[]; commitment: Uint8Array[]; participants: number }

export function round1Secret(scheme: Scheme, a: Round1Secret): Uint8Array {
  const threshold = a.coefficients.length
  return concatBytes(
    identifier(scheme, a.index),
    varint(threshold),
    ...a.coefficients,
    varint(a.commitment.length),
    ...a.commitment,
    varint(threshold),
    varint(a.participants),
  )
}

/** What a round-one package is made of; `pointLength` bytes a commitment. */
export function splitRound1(scheme: Scheme, bytes: Uint8Array): { commitment: Uint8Array[]; proof: Uint8Array } {
  const length = isTr(scheme) ? 33 : 32
  const count = bytes[5]!
  const commitment = Array.from({ length: count }, (_, i) => bytes.slice(6 + i * length, 6 + (i + 1) * length))
  return { commitment, proof: bytes.slice(6 + count * length + 1) }
}
