import { decode, encode } from '../crypto/cbor.ts'
import { fromHex } from '../wire/bytes.ts'
import { equalBytes, refuse } from './der.ts'

/** A COSE_Sign1 message (RFC 9052 §4.2): its payload, what was signed, and the signature as r ‖ s. */
export type CoseSign1 = Readonly<{ payload: Uint8Array; signed: Uint8Array; signature: Uint8Array }>

/** { 1: -35 }, the algorithm ES384, and nothing else. */
export const es384 = fromHex('a1013822')

/**
 * Reads a COSE_Sign1 signed by ES384, in the one form in which the NSM writes it: deterministic and without a tag. It checks no
 * signature. Whoever carries it can still exchange (r, s) for (r, n − s), since AWS's signatures are of both kinds. Throws
 * `message.invalid` or `attestation.invalid`.
 */
export function readCoseSign1(bytes: Uint8Array): CoseSign1 {
  const parts = decode(bytes)
  if (!Array.isArray(parts) || parts.length !== 4) return refuse()
  const [protectedHeader, unprotected, payload, signature] = parts as unknown[]
  if (!(protectedHeader instanceof Uint8Array && equalBytes(protectedHeader, es384))) return refuse()
  if (!isEmptyMap(unprotected)) return refuse()
  if (!(payload instanceof Uint8Array && signature instanceof Uint8Array && signature.length === 96)) return refuse()
  return { payload, signature, signed: sigStructure(payload) }
}

const isEmptyMap = (value: unknown): boolean =>
  typeof value === 'object' && value?.constructor === Object && Object.keys(value).length === 0

/** Sig_structure (RFC 9052 §4.4), the bytes that an attestation document's signature is over. */
export const sigStructure = (payload: Uint8Array): Uint8Array =>
  encode(['Signature1', es384, new Uint8Array(0), payload])
