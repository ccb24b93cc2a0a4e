/** A DER writer (X.690) of just what certificates and envelopes take. */
const join = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

/** One element of definite length. */
export function element(tag: number, ...contents: Uint8Array[]): Uint8Array {
  const body = join(contents)
  return join([Uint8Array.of(tag), lengthOf(body.length), body])
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  return length < 0x100 ? Uint8Array.of(0x81, length) : Uint8Array.of(0x82, length >> 8, length & 0xff)
}

/** One constructed element of indefinite length (BER), as KMS writes its envelopes. */
export const indefinite = (tag: number, ...contents: Uint8Array[]): Uint8Array =>
  join([Uint8Array.of(tag, 0x80), ...contents, Uint8Array.of(0, 0)])

export const sequence = (...contents: Uint8Array[]): Uint8Array => element(0x30, ...contents)
export const set = (...contents: Uint8Array[]): Uint8Array => element(0x31, ...contents)
export const octetString = (contents: Uint8Array): Uint8Array => element(0x04, contents)
export const nothing = Uint8Array.of(0x05, 0)
export const yes = Uint8Array.of(0x01, 1, 0xff)

/** BIT STRING, of which the last octet leaves some bits unused. */
export const bitString = (contents: Uint8Array, unused = 0): Uint8Array =>
  element(0x03, Uint8Array.of(unused), contents)

/** A non-negative INTEGER from its big-endian magnitude. */
export function integer(magnitude: Uint8Array | number): Uint8Array {
  const bytes = typeof magnitude === 'number' ? Uint8Array.of(magnitude) : magnitude
  const first = bytes.findIndex((byte) => byte !== 0)
  const shortest = first === -1 ? Uint8Array.of(0) : bytes.subarray(first)
  return element(0x02, (shortest[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0), shortest)
}

/** OBJECT IDENTIFIER from dotted text. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(arc: number): number[] {
  const septets = [arc & 0x7f]
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) septets.unshift((left & 0x7f) | 0x80)
  return septets
}

/** UTCTime until 2049, GeneralizedTime after it (RFC 5280 §4.1.2.5). */
export function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replace(/\.\d+/, '').replaceAll(/[-:T]/g, '')
  return Number(digits.slice(0, 4)) < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits))
}
