import { schnorr } from '@noble/curves/secp256k1.js'
import type { SignatureResult } from '@quorate/client'
import { toHex } from '@quorate/shared/wire/bytes'

/** A signature as anybody can check it: BIP-340 over this message under this x-only key. */
export type Claim = Readonly<{ message: Uint8Array; publicKey: string; signature: Uint8Array }>

export function claimOf(text: string, { signatures, publicKeys }: SignatureResult): Claim {
  const [signature = new Uint8Array(), publicKey = ''] = [signatures[0], publicKeys[0]]
  return { message: new TextEncoder().encode(text), publicKey, signature }
}

/** Verified by @noble/curves, which shares no line with what made the signature. */
export const isGenuine = ({ message, publicKey, signature }: Claim): boolean =>
  schnorr.verify(signature, message, Buffer.from(publicKey, 'hex'))

/** The same with one bit of the message turned: a referee that lets this pass is none. */
export const isDeceived = ({ message, ...claim }: Claim): boolean =>
  isGenuine({ ...claim, message: message.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) })

export const short = (hex: string): string => `${hex.slice(0, 16)}…${hex.slice(-16)}`
export const shortSignature = ({ signature }: Claim): string => short(toHex(signature))
