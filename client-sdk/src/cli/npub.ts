const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

/** BIP-173's checksum polynomial. */
function polymod(values: readonly number[]): number {
  let checksum = 1
  for (const value of values) {
    const top = checksum >>> 25
    checksum = ((checksum & 0x1ffffff) << 5) ^ value
    for (const [bit, generator] of generators.entries()) if ((top >>> bit) & 1) checksum ^= generator
  }
  return checksum
}

/** Eight bits to five, padded with zeros. */
function toFives(bytes: Uint8Array): number[] {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map((five) => Number.parseInt(five.padEnd(5, '0'), 2))
}

/** A BIP-340 public key (32 bytes) as Nostr's people write it (NIP-19): bech32 with the prefix npub. */
export function npub(publicKey: Uint8Array): string {
  const prefix = Array.from('npub', (char) => char.charCodeAt(0))
  const expanded = [...prefix.map((code) => code >> 5), 0, ...prefix.map((code) => code & 31)]
  const values = toFives(publicKey)
  const checksum = polymod([...expanded, ...values, 0, 0, 0, 0, 0, 0]) ^ 1
  const tail = [5, 4, 3, 2, 1, 0].map((place) => (checksum >>> (5 * place)) & 31)
  return 'npub1' + [...values, ...tail].map((value) => alphabet[value] ?? '').join('')
}
