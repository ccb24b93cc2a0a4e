import { mechanisms, type Bytes, type Cryptoki, type Mechanism } from './cryptoki.ts'

/*
 * C structures with pointers in them. Whoever passes one on keeps what it points to alive until the call has returned: the
 * `kept` of each.
 */
export type Structure = Readonly<{ bytes: Bytes; kept: readonly Bytes[] }>

export const wordLength = 8

export const words = (...values: readonly bigint[]): Bytes => new Uint8Array(BigUint64Array.from(values).buffer)

/** An array of CK_ATTRIBUTE: type, address and length of each value. */
export function attributes(at: Cryptoki['addressOf'], list: readonly (readonly [bigint, Bytes])[]): Structure {
  const bytes = words(...list.flatMap(([type, value]) => [type, at(value), BigInt(value.length)]))
  return { bytes, kept: list.map(([, value]) => value) }
}

export const ivLength = 12
export const tagLength = 16

/** CK_MECHANISM with its CK_GCM_PARAMS. `iv`: null where the module draws its own and wants none. */
export function gcmMechanism(at: Cryptoki['addressOf'], name: Mechanism, iv: Bytes | null, aad: Bytes): Structure {
  const ivWords = iv === null ? [0n, 0n, 0n] : [at(iv), BigInt(iv.length), BigInt(iv.length * 8)]
  const parameters = words(...ivWords, at(aad), BigInt(aad.length), BigInt(tagLength * 8))
  const bytes = words(mechanisms[name], at(parameters), BigInt(parameters.length))
  return { bytes, kept: iv === null ? [aad, parameters] : [iv, aad, parameters] }
}

/** CK_TOKEN_INFO has 208 bytes, and its label in the first 32, filled up with blanks. */
export const tokenInfoLength = 208
export const labelOf = (tokenInfo: Uint8Array): string =>
  Buffer.from(tokenInfo.subarray(0, 32)).toString('utf8').trimEnd()
