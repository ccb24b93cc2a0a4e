import { Refusal } from '../errors.ts'

/** One DER element (X.690): its tag octet, its contents, and the octets of the whole of it. */
export type Der = Readonly<{ tag: number; contents: Uint8Array; whole: Uint8Array }>

/** The tag octets that certificates of this kind are made of. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  version: 0xa0,
  extensions: 0xa3,
} as const

/** The one refusal of this room. It says nothing of what was wrong, to anybody. */
export const refuse = (): never => {
  throw new Refusal('attestation.invalid')
}

function readLength(bytes: Uint8Array, at: number): { length: number; start: number } {
  const first = bytes[at] ?? refuse()
  if (first < 0x80) return { length: first, start: at + 1 }
  const octets = first & 0x7f
  if (octets < 1 || octets > 3) return refuse()
  let length = 0
  for (let i = 1; i <= octets; i++) length = length * 256 + (bytes[at + i] ?? refuse())
  // DER: the shortest form, so that one value has one encoding.
  if (length < 0x80 || length < 2 ** (8 * (octets - 1))) return refuse()
  return { length, start: at + 1 + octets }
}

/** All the elements that `bytes` consists of. Throws `attestation.invalid` unless they fill it exactly. */
export function readAll(bytes: Uint8Array): Der[] {
  const elements: Der[] = []
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? refuse()
    if ((tag & 0x1f) === 0x1f) return refuse()
    const { length, start } = readLength(bytes, at + 1)
    const end = start + length
    if (end > bytes.length) return refuse()
    elements.push({ tag, contents: bytes.subarray(start, end), whole: bytes.subarray(at, end) })
    at = end
  }
  return elements
}

/** The element, if it is there and has this tag. */
export const expectTag = (element: Der | undefined, tag: number): Der => (element?.tag === tag ? element : refuse())

/** The single element that `bytes` consists of, which must have this tag. */
export function readOne(bytes: Uint8Array, tag: number): Der {
  const [element, ...more] = readAll(bytes)
  return more.length === 0 ? expectTag(element, tag) : refuse()
}

/** A non-negative INTEGER, shortest form, as big-endian bytes of the given width. */
export function readUnsigned(element: Der | undefined, width: number): Uint8Array {
  const { contents } = expectTag(element, Tag.integer)
  const [first = refuse(), second = 0] = contents
  if (first >= 0x80 || (first === 0 && contents.length > 1 && second < 0x80)) return refuse()
  const magnitude = first === 0 ? contents.subarray(1) : contents
  if (magnitude.length > width) return refuse()
  const bytes = new Uint8Array(width)
  bytes.set(magnitude, width - magnitude.length)
  return bytes
}

/** A BIT STRING of whole octets. */
export function readOctets(element: Der | undefined): Uint8Array {
  const { contents } = expectTag(element, Tag.bitString)
  return contents[0] === 0 ? contents.subarray(1) : refuse()
}

/** BOOLEAN TRUE; DER has one way to write it. */
export const isTrue = (element: Der): boolean =>
  element.tag === Tag.boolean && element.contents.length === 1 && element.contents[0] === 0xff

/** Compares public bytes; not in constant time. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i])
