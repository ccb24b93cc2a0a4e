import { Refusal } from '../errors.ts'

/** The most bytes of a message: 1 MiB. NIP-44 permits 4 GiB, and leaves it to each implementation to stop before. */
export const longestMessage = 1_048_576

/** From this length on, the length takes four bytes behind two that are zero (NIP-44 as of 2026-06-28). */
const EXTENDED = 65_536

/** Bytes that say the length of a message of `length` bytes. */
export const prefixLength = (length: number): number => (length < EXTENDED ? 2 : 6)

/** What a message of `length` bytes (1 or more) is padded to, its prefix not counted. */
export function paddedLength(length: number): number {
  if (length <= 32) return 32
  const nextPower = 2 ** (32 - Math.clz32(length - 1))
  const chunk = nextPower <= 256 ? 32 : nextPower / 8
  return chunk * Math.ceil(length / chunk)
}

/** Length, message, and zeros. The caller wipes it. Throws `nostr.size` for an empty message, and for one of more than 1 MiB. */
export function pad(message: Uint8Array): Uint8Array {
  const { length } = message
  if (length === 0 || length > longestMessage) throw new Refusal('nostr.size')
  const prefix = prefixLength(length)
  const padded = new Uint8Array(prefix + paddedLength(length))
  const view = new DataView(padded.buffer)
  if (prefix === 2) view.setUint16(0, length)
  else view.setUint32(2, length)
  padded.set(message, prefix)
  return padded
}

/** The message, as a part of `padded`. Null where length and padding are not as `pad` writes them. */
export function unpad(padded: Uint8Array): Uint8Array | null {
  const view = new DataView(padded.buffer, padded.byteOffset, padded.byteLength)
  const short = view.getUint16(0)
  const length = short === 0 ? view.getUint32(2) : short
  const prefix = short === 0 ? 6 : 2
  if (prefix !== prefixLength(length) || padded.length !== prefix + paddedLength(length)) return null
  return padded.subarray(prefix, prefix + length)
}
