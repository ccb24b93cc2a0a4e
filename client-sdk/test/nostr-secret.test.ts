import { bech32 } from '@scure/base'
import { hexToBytes } from '@noble/hashes/utils.js'
import * as nip49 from 'nostr-tools/nip49'
import { nip19 } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { toHex } from '@quorate/shared/wire/bytes'
import { openNcryptsec, readNsec } from '../src/index.ts'

const refused = { code: 'secret.invalid', by: 'client' }
const encode = (prefix: string, bytes: Uint8Array) => bech32.encode(prefix, bech32.toWords(bytes), false)

describe('nsec', () => {
  it('is read as NIP-19 publishes it', () => {
    const published = 'nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5'
    const secret = '67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa'
    expect(toHex(readNsec(published))).toBe(secret)
    expect(toHex(readNsec(` ${published.toUpperCase()}\n`))).toBe(secret)
    expect(nip19.nsecEncode(readNsec(published))).toBe(published)
  })

  it('is refused with a typing error, of another kind or length, or as anything else', () => {
    const nsec = nip19.nsecEncode(new Uint8Array(32).fill(7))
    const typed = nsec.slice(0, -1) + (nsec.endsWith('q') ? 'p' : 'q')
    const npub = nip19.npubEncode('07'.repeat(32))
    const short = encode('nsec', new Uint8Array(31))
    for (const text of [typed, npub, short, encode('nsec', new Uint8Array(33)), '', 'nsec1', '07'.repeat(32)])
      expect(() => readNsec(text), text).toThrow(expect.objectContaining(refused))
  })
})

describe('ncryptsec', () => {
  it('opens as NIP-49 publishes it', async () => {
    const published =
      'ncryptsec1qgg9947rlpvqu76pj5ecreduf9jxhselq2nae2kghhvd5g7dgjtcxfqtd67p9m0w57lspw8gsq6yphnm8623nsl8xn9j4jdzz84zm3frztj3z7s35vpzmqf6ksu8r89qk5z2zxfmu5gv8th8wclt0h4p'
    const secret = '3501454135014541350145413501453fefb02227e449e57cf4d3a3ce05378683'
    expect(toHex(await openNcryptsec(published, 'nostr'))).toBe(secret)
  })

  it('opens what nostr-tools has sealed, under the same password in another normal form', async () => {
    const secret = hexToBytes('c0'.repeat(32))
    const sealed = nip49.encrypt(secret, 'ÅΩẛ̣'.normalize('NFD'), 4)
    expect(await openNcryptsec(sealed, 'ÅΩẛ̣'.normalize('NFKC'))).toEqual(secret)
  })

  it('is refused with another password, version, length or changed byte, and where it wants more than 1 GiB', async () => {
    const sealed = nip49.encrypt(new Uint8Array(32).fill(9), 'right', 4)
    await expect(openNcryptsec(sealed, 'wrong')).rejects.toMatchObject(refused)
    const bytes = bech32.fromWords(bech32.decode(sealed, 200).words)
    const changed = (index: number, value: number) => {
      const other = Uint8Array.from(bytes)
      other[index] = value
      return encode('ncryptsec', other)
    }
    const safety = changed(42, (bytes[42]! + 1) % 3)
    for (const text of [
      changed(0, 1),
      changed(1, 21),
      changed(1, 0),
      changed(90, bytes[90]! ^ 1),
      safety,
      sealed.slice(1),
    ])
      await expect(openNcryptsec(text, 'right'), text).rejects.toMatchObject(refused)
    await expect(openNcryptsec(encode('ncryptsec', bytes.slice(0, 90)), 'right')).rejects.toMatchObject(refused)
  })
})
