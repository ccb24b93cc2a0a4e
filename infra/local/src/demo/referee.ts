import { createHash } from 'node:crypto'
import { schnorr } from '@noble/curves/secp256k1.js'
import type { SignatureResult } from '@quorate/client'
import { toHex } from '@quorate/shared/wire/bytes'

/** A signature as anybody can check it: BIP-340 over the tagged hash of this message, under this x-only key. */
export type Claim = Readonly<{ message: Uint8Array; publicKey: string; signature: Uint8Array }>

export function claimOf(text: string, { signatures, publicKeys }: SignatureResult): Claim {
  const [signature = new Uint8Array(), publicKey = ''] = [signatures[0], publicKeys[0]]
  return { message: new TextEncoder().encode(text), publicKey, signature }
}

const sha256 = (...parts: (string | Uint8Array)[]): Buffer =>
  createHash('sha256')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest()

/** What is signed for bytes: sha256(t ‖ t ‖ bytes) with t = sha256('quorate/bytes/v1'), by Node's own SHA-256. */
export function hashOf(message: Uint8Array): Uint8Array {
  const tag = sha256('quorate/bytes/v1')
  return sha256(tag, tag, message)
}

/** Verified by @noble/curves, which shares no line with what made the signature. */
export const isGenuine = ({ message, publicKey, signature }: Claim): boolean =>
  schnorr.verify(signature, hashOf(message), Buffer.from(publicKey, 'hex'))

/** The same with one bit of the message turned: a referee that lets this pass is none. */
export const isDeceived = ({ message, ...claim }: Claim): boolean =>
  isGenuine({ ...claim, message: message.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) })

export const short = (hex: string): string => `${hex.slice(0, 16)}…${hex.slice(-16)}`
export const shortSignature = ({ signature }: Claim): string => short(toHex(signature))
