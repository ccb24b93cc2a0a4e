/** CRC-32C (Castagnoli; RFC 3720 §12.1), bit by bit: what is checked here has some hundred bytes. */
export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffff_ffff
  for (const byte of bytes) {
    remainder ^= byte
    for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f6_3b78 : 0)
  }
  return ~remainder >>> 0
}
