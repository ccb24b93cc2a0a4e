import { createHash, createHmac } from 'node:crypto'
import { chacha20 } from '@noble/ciphers/chacha.js'
import fc from 'fast-check'
import { nip44 } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { loadMpc } from '../../mpc/src/index.ts'
import { hex, vectorJson, vectorText } from '../../mpc/test/vectors.ts'
import { longestMessage, pad, paddedLength, prefixLength, unpad } from '../../src/nostr/nip44-padding.ts'
import {
  conversationKeyOf,
  decryptNip44,
  encryptNip44,
  longestPayload,
  withMessageKeys,
} from '../../src/nostr/nip44.ts'
import { codeOf } from '../refused.ts'

type Conversation = Readonly<{ sec1: string; pub2: string; conversation_key: string }>
type Encrypted = Readonly<{ conversation_key: string; nonce: string; plaintext: string; payload: string }>
type Long = Readonly<{ plaintext_sha256: string; payload_sha256: string }>
type Vectors = Readonly<{
  v2: {
    valid: {
      get_conversation_key: Conversation[]
      get_message_keys: {
        conversation_key: string
        keys: { nonce: string; chacha_key: string; chacha_nonce: string; hmac_key: string }[]
      }
      calc_padded_len: [number, number][]
      encrypt_decrypt: (Encrypted & { sec1: string; sec2: string })[]
      encrypt_decrypt_long_msg: (Long & { conversation_key: string; nonce: string; pattern: string; repeat: number })[]
    }
    invalid: {
      encrypt_msg_lengths: number[]
      get_conversation_key: (Conversation & { note: string })[]
      decrypt: (Encrypted & { note: string })[]
    }
  }
}>
type Extended = Readonly<{
  conversation_key: string
  nonce: string
  pattern: string
  vectors: (Long & { plaintext_len: number; padded_len: number })[]
}>

const { valid, invalid } = (vectorJson('nip44/nip44.vectors.json') as Vectors).v2
const extended = vectorJson('nip44/extended-length.json') as Extended
const mpc = await loadMpc()

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const keyBetween = (secret: string, publicKey: string) =>
  conversationKeyOf(mpc.secp256k1.sharedPoint(hex(secret), hex(`02${publicKey}`)).slice(1, 33))
const publicKeyOf = (secret: string) => Buffer.from(mpc.secp256k1.publicKey(hex(secret)).slice(1)).toString('hex')
const ourKey = new Uint8Array(32).fill(7)

/** A payload that is right but for the bytes within, which may be no text. */
const encryptBytes = (message: Uint8Array): string =>
  withMessageKeys(ourKey, ourKey, ({ cipher, cipherNonce, mac }) => {
    const ciphertext = chacha20(cipher, cipherNonce, pad(message))
    const tag = createHmac('sha256', mac).update(ourKey).update(ciphertext).digest()
    return Buffer.concat([Uint8Array.of(2), ourKey, ciphertext, tag]).toString('base64')
  })

describe('the published vectors of NIP-44', () => {
  it('are those whose digest the specification prints', () => {
    expect(sha256(vectorText('nip44/nip44.vectors.json'))).toBe(
      '269ed0f69e4c192512cc779e78c555090cebc7c785b609e338a62afc3ce25040',
    )
  })

  it.each(valid.get_conversation_key)('give the conversation key of $sec1', ({ sec1, pub2, conversation_key }) => {
    expect(keyBetween(sec1, pub2)).toEqual(hex(conversation_key))
  })

  it.each(valid.get_message_keys.keys)('give the keys of message $nonce', ({ nonce, ...keys }) => {
    withMessageKeys(hex(valid.get_message_keys.conversation_key), hex(nonce), ({ cipher, cipherNonce, mac }) => {
      expect(cipher).toEqual(hex(keys.chacha_key))
      expect(cipherNonce).toEqual(hex(keys.chacha_nonce))
      expect(mac).toEqual(hex(keys.hmac_key))
    })
  })

  it.each(valid.calc_padded_len)('pad %i bytes to %i', (length, padded) => {
    expect(paddedLength(length)).toBe(padded)
  })

  it.each(valid.encrypt_decrypt)('encrypt and decrypt under $nonce', (vector) => {
    const key = keyBetween(vector.sec1, publicKeyOf(vector.sec2))
    expect(key).toEqual(hex(vector.conversation_key))
    expect(keyBetween(vector.sec2, publicKeyOf(vector.sec1))).toEqual(key)
    expect(encryptNip44(vector.plaintext, key, hex(vector.nonce))).toBe(vector.payload)
    expect(decryptNip44(vector.payload, key)).toBe(vector.plaintext)
  })

  it.each(valid.encrypt_decrypt_long_msg)('encrypt $repeat times $pattern', (vector) => {
    const plaintext = vector.pattern.repeat(vector.repeat)
    const payload = encryptNip44(plaintext, hex(vector.conversation_key), hex(vector.nonce))
    expect(sha256(plaintext)).toBe(vector.plaintext_sha256)
    expect(sha256(payload)).toBe(vector.payload_sha256)
    expect(decryptNip44(payload, hex(vector.conversation_key))).toBe(plaintext)
  })

  it.each(extended.vectors)('encrypt $plaintext_len bytes as of 2026-06-28', (vector) => {
    const plaintext = extended.pattern.repeat(vector.plaintext_len)
    const payload = encryptNip44(plaintext, hex(extended.conversation_key), hex(extended.nonce))
    expect(paddedLength(vector.plaintext_len)).toBe(vector.padded_len)
    expect(sha256(plaintext)).toBe(vector.plaintext_sha256)
    expect(sha256(payload)).toBe(vector.payload_sha256)
    expect(decryptNip44(payload, hex(extended.conversation_key))).toBe(plaintext)
  })

  it('refuse messages of no length, and beyond what is taken here', () => {
    expect(invalid.encrypt_msg_lengths).toContain(0)
    expect(codeOf(() => encryptNip44('', ourKey))).toBe('nostr.size')
    for (const length of invalid.encrypt_msg_lengths.filter((one) => one > longestMessage))
      expect(codeOf(() => pad({ length } as Uint8Array))).toBe('nostr.size')
  })

  it.each(invalid.get_conversation_key)('refuse a conversation key: $note', ({ sec1, pub2 }) => {
    expect(() => keyBetween(sec1, pub2)).toThrow()
  })

  it.each(invalid.decrypt)('refuse a payload: $note', ({ note, payload, conversation_key }) => {
    const expected = /version/.test(note)
      ? 'nostr.version'
      : /payload length/.test(note)
        ? 'nostr.size'
        : 'seal.invalid'
    expect(codeOf(() => decryptNip44(payload, hex(conversation_key)))).toBe(expected)
  })
})

describe('an encrypted message', () => {
  const messages = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }).filter((text) => text.isWellFormed())

  it('is read by nostr-tools, and one of nostr-tools is read here', () => {
    fc.assert(
      fc.property(messages, fc.uint8Array({ minLength: 32, maxLength: 32 }), (message, key) => {
        expect(nip44.decrypt(encryptNip44(message, key), key)).toBe(message)
        expect(decryptNip44(nip44.encrypt(message, key), key)).toBe(message)
      }),
    )
  })

  it('is read by nostr-tools around each step of the padding, and above 65,535 bytes', () => {
    const steps = [1, 32, 33, 64, 256, 257, 320, 321, 1_024, 65_535, 65_536, 65_537, 81_920, 81_921, 200_000]
    for (const length of steps) {
      const message = 'x'.repeat(length)
      expect(nip44.decrypt(encryptNip44(message, ourKey), ourKey)).toBe(message)
      expect(decryptNip44(nip44.encrypt(message, ourKey), ourKey)).toBe(message)
    }
  })

  it('keeps a byte order mark', () => {
    expect(decryptNip44(encryptNip44('\ufeffgm', ourKey), ourKey)).toBe('\ufeffgm')
  })

  it('is another one each time', () => {
    expect(encryptNip44('gm', ourKey)).not.toBe(encryptNip44('gm', ourKey))
  })

  it('does not open when any bit of it, or of the key, is another', () => {
    const payload = encryptNip44('gm', ourKey)
    const bytes = Buffer.from(payload, 'base64')
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const changed = Buffer.from(bytes)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        const code = codeOf(() => decryptNip44(changed.toString('base64'), ourKey))
        expect(code).toBe(bit < 8 ? 'nostr.version' : 'seal.invalid')
      }),
    )
    expect(codeOf(() => decryptNip44(payload, new Uint8Array(32).fill(8)))).toBe('seal.invalid')
  })

  it('is 1 MiB long at most, before anything is decoded', () => {
    const longest = encryptNip44('x'.repeat(longestMessage), ourKey)
    expect(longest.length).toBe(longestPayload)
    expect(decryptNip44(longest, ourKey).length).toBe(longestMessage)
    expect(codeOf(() => encryptNip44('x'.repeat(longestMessage + 1), ourKey))).toBe('nostr.size')
    expect(codeOf(() => decryptNip44('A'.repeat(longestPayload + 4), ourKey))).toBe('nostr.size')
  })

  it('has one spelling in base64: no other padding, alphabet, space or loose bit', () => {
    const payload = encryptNip44('gm', ourKey)
    const spellings = [
      `${payload} `,
      `\n${payload}`,
      `${payload}====`,
      payload.slice(0, -1),
      payload.slice(0, -2) + '==',
    ]
    for (const one of spellings)
      expect(['seal.invalid', 'nostr.size']).toContain(codeOf(() => decryptNip44(one, ourKey)))
    const loose = encryptNip44('x'.repeat(33), ourKey)
    expect(loose.endsWith('=')).toBe(true)
    const at = loose.search(/[A-Za-z0-9+/]=*$/)
    const next = String.fromCharCode(loose.charCodeAt(at) + 1)
    const other = loose.slice(0, at) + next + loose.slice(at + 1)
    expect(Buffer.from(other, 'base64')).toEqual(Buffer.from(loose, 'base64'))
    expect(codeOf(() => decryptNip44(other, ourKey))).toBe('seal.invalid')
  })

  it('is refused when its text has half a surrogate pair, or its bytes are no UTF-8', () => {
    expect(codeOf(() => encryptNip44('\ud800', ourKey))).toBe('content.invalid')
    expect(decryptNip44(encryptBytes(Buffer.from('gm')), ourKey)).toBe('gm')
    expect(codeOf(() => decryptNip44(encryptBytes(Uint8Array.of(0xff, 0xfe)), ourKey))).toBe('seal.invalid')
  })

  it('takes a key of 32 bytes alone', () => {
    expect(() => encryptNip44('gm', new Uint8Array(31))).toThrow(TypeError)
    expect(() => decryptNip44(encryptNip44('gm', ourKey), new Uint8Array(33))).toThrow(TypeError)
  })
})

describe('what was lent', () => {
  it('is wiped, also when its use fails', () => {
    let lent: readonly Uint8Array[] = []
    const use = () =>
      withMessageKeys(ourKey, ourKey, ({ cipher, cipherNonce, mac }) => {
        lent = [cipher, cipherNonce, mac]
        expect(lent.every((part) => part.some((byte) => byte !== 0))).toBe(true)
        throw new Error('failed')
      })
    expect(use).toThrow('failed')
    expect(lent.every((part) => part.every((byte) => byte === 0))).toBe(true)
  })
})

describe('padding', () => {
  it('is taken off only as it is put on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), (message) => {
        expect(unpad(pad(message))).toEqual(message)
      }),
    )
    const short = pad(new Uint8Array(40).fill(1))
    for (const length of [0, 32, 65, 65_535]) {
      const changed = short.slice()
      new DataView(changed.buffer).setUint16(0, length)
      expect(unpad(changed), `${length} of 40`).toBeNull()
    }
  })

  it('has the long form from 65,536 bytes on, and never before', () => {
    expect([prefixLength(65_535), prefixLength(65_536)]).toEqual([2, 6])
    const long = new Uint8Array(6 + paddedLength(40))
    new DataView(long.buffer).setUint32(2, 40)
    expect(unpad(long)).toBeNull()
    new DataView(long.buffer).setUint32(2, 0xffff_ffff)
    expect(unpad(long)).toBeNull()
  })
})
