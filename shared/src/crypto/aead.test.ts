import { describe, expect, it } from 'vitest'
import { decode, encode } from './cbor.ts'
import { taggedHash } from './hash.ts'
import { deriveKey } from './hkdf.ts'
import { itemDigest } from './session-items.ts'
import { openWith, sealWith } from './aead.ts'

const key = new Uint8Array(32).fill(1)
const plaintext = new TextEncoder().encode('a share')
const refused = (code: string): unknown => expect.objectContaining({ code })

describe('a sealed blob', () => {
  it('opens under its own key and context only', () => {
    const sealed = sealWith(key, ['share', 1, 'key a', 2], plaintext)
    expect(openWith(key, ['share', 1, 'key a', 2], sealed)).toEqual(plaintext)
    for (const context of [
      ['share', 1, 'key b', 2],
      ['share', 2, 'key a', 2],
      ['share', 1, 'key a'],
      ['share', '1', 'key a', 2],
    ])
      expect(() => openWith(key, context, sealed)).toThrow(refused('seal.invalid'))
    expect(() => openWith(new Uint8Array(32), ['share', 1, 'key a', 2], sealed)).toThrow(refused('seal.invalid'))
  })

  it('does not open truncated, empty or with any byte flipped', () => {
    const sealed = sealWith(key, ['x'], plaintext)
    for (let at = 0; at < sealed.length; at += 1) {
      const flipped = Uint8Array.from(sealed)
      flipped[at] = (flipped[at] ?? 0) ^ 0x80
      expect(() => openWith(key, ['x'], flipped)).toThrow(refused('seal.invalid'))
      expect(() => openWith(key, ['x'], sealed.subarray(0, at))).toThrow(refused('seal.invalid'))
    }
  })

  it('is never the same twice', () => {
    expect(sealWith(key, ['x'], plaintext)).not.toEqual(sealWith(key, ['x'], plaintext))
  })
})

describe('a derived key', () => {
  it('differs by label and by every part of its context', () => {
    const keys = [
      deriveKey(key, 'a'),
      deriveKey(key, 'b'),
      deriveKey(key, 'a', 'x'),
      deriveKey(key, 'a', 'x', 1),
      deriveKey(key, 'a', 'x', '1'),
      deriveKey(key, 'a', 'x1'),
    ]
    expect(new Set(keys.map((each) => Buffer.from(each).toString('hex'))).size).toBe(keys.length)
  })

  it('fixes signing, place and content in an item digest', () => {
    const digests = [
      itemDigest(key, 's1', 0, 'm'),
      itemDigest(key, 's2', 0, 'm'),
      itemDigest(key, 's1', 1, 'm'),
      itemDigest(key, 's1', 0, 'n'),
    ]
    expect(new Set(digests.map((each) => Buffer.from(each).toString('hex'))).size).toBe(4)
  })
})

describe('deterministic CBOR', () => {
  it('orders map keys by their encoding and takes the shortest heads (RFC 8949 §4.2.1)', () => {
    expect(Buffer.from(encode({ bb: 1, a: 2, c: 500 })).toString('hex')).toBe('a361610261631901f462626201')
    expect(encode({ a: 1, b: [null, true] })).toEqual(encode({ b: [null, true], a: 1 }))
  })

  it.each([
    ['a duplicate key', 'a2616101616102'],
    ['a long head', '1801'],
    ['an indefinite length', '9f01ff'],
    ['bytes behind the item', '0101'],
    ['a tag', 'c001'],
    ['a truncated string', '6261'],
    ['nothing', ''],
    ['nesting too deep for the stack', '81'.repeat(500_000)],
  ])('refuses %s', (_, hex) => {
    expect(() => decode(Buffer.from(hex, 'hex'))).toThrow(refused('message.invalid'))
  })
})

it('hashes one value differently under every tag, as BIP-340 tags do', () => {
  expect(taggedHash('request', 'x')).not.toEqual(taggedHash('consent', 'x'))
  expect(taggedHash('request', 'x')).toHaveLength(32)
})
