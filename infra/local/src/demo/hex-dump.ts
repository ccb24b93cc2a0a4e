/** Like `hexdump -C`: offset, 16 bytes in hex, and what of it is printable ASCII. */
export function hexDump(bytes: Uint8Array, rows: number): string[] {
  return Array.from({ length: Math.min(rows, Math.ceil(bytes.length / 16)) }, (_, row) => {
    const line = bytes.subarray(16 * row, 16 * row + 16)
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    return `${(16 * row).toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`
  })
}
