import fc from 'fast-check'
import { nip04 } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { loadMpc } from '../../mpc/src/index.ts'
import { hex, vectorJson } from '../../mpc/test/vectors.ts'
import { decryptNip04, encryptNip04 } from '../../src/nostr/nip04.ts'
import { longestMessage } from '../../src/nostr/nip44-padding.ts'
import { longestPayload } from '../../src/nostr/nip44.ts'
import { readUtf8 } from '../../src/wire/bytes.ts'
import { codeOf } from '../refused.ts'

type Wycheproof = Readonly<{
  testGroups: {
    keySize: number
    tests: { tcId: number; key: string; iv: string; msg: string; ct: string; result: 'valid' | 'invalid' }[]
  }[]
}>

const { testGroups } = vectorJson('wycheproof/aes_cbc_pkcs5_test.json') as Wycheproof
const vectors = testGroups.filter(({ keySize }) => keySize === 256).flatMap(({ tests }) => tests)

const mpc = await loadMpc()
const ours = new Uint8Array(32).fill(3)
const theirs = new Uint8Array(32).fill(5)
const publicKeyOf = (secret: Uint8Array) => Buffer.from(mpc.secp256k1.publicKey(secret).slice(1)).toString('hex')
const x = mpc.secp256k1.sharedPoint(ours, hex(`02${publicKeyOf(theirs)}`)).slice(1, 33)
const base64 = (text: string) => Buffer.from(text, 'hex').toString('base64')

describe('vectors of AES-256-CBC', () => {
  it('are there, good and bad', () => {
    expect(vectors.filter(({ result }) => result === 'valid').length).toBeGreaterThan(20)
    expect(vectors.filter(({ result }) => result === 'invalid').length).toBeGreaterThan(20)
  })

  it.each(vectors)('are opened, or refused: $tcId, $result', ({ key, iv, msg, ct, result }) => {
    const text = readUtf8(hex(msg))
    const payload = `${base64(ct)}?iv=${base64(iv)}`
    if (result === 'invalid' || text === null) {
      expect(codeOf(() => decryptNip04(payload, hex(key)))).toBe('seal.invalid')
      return
    }
    expect(decryptNip04(payload, hex(key))).toBe(text)
    expect(encryptNip04(text, hex(key), hex(iv))).toBe(payload)
  })
})

describe('a message of NIP-04', () => {
  it('is read by nostr-tools, and one of nostr-tools is read here', () => {
    const messages = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(messages, (message) => {
        expect(nip04.decrypt(theirs, publicKeyOf(ours), encryptNip04(message, x))).toBe(message)
        expect(decryptNip04(nip04.encrypt(theirs, publicKeyOf(ours), message), x)).toBe(message)
      }),
    )
  })

  it('has one form', () => {
    const payload = encryptNip04('gm', x)
    const [ciphertext = '', iv = ''] = payload.split('?iv=')
    const others = [
      ...[ciphertext, iv, '', '?iv=', `?iv=${iv}`, `${ciphertext}?iv=`, `${payload}?iv=${iv}`, `${payload}&x=1`],
      ...[`${ciphertext}?IV=${iv}`, ` ${payload}`, `${payload}\n`, `${ciphertext}?iv=${base64('00'.repeat(15))}`],
      ...[`${ciphertext}?iv=${base64('00'.repeat(17))}`, `${base64('00'.repeat(15))}?iv=${iv}`],
    ]
    for (const other of others)
      expect(
        codeOf(() => decryptNip04(other, x)),
        other,
      ).toBe('seal.invalid')
  })

  it('is refused with one code, whatever is wrong inside: padding, or what is no UTF-8', () => {
    const codes = new Set<string>()
    for (let at = 0; at < 64; at += 1) {
      const iv = Buffer.alloc(16, at)
      codes.add(
        codeOf(() => decryptNip04(`${Buffer.alloc(16, at + 1).toString('base64')}?iv=${iv.toString('base64')}`, x)),
      )
    }
    expect([...codes]).toEqual(['seal.invalid'])
  })

  it('is bounded, and takes 32 bytes of key alone', () => {
    expect(codeOf(() => encryptNip04('x'.repeat(longestMessage + 1), x))).toBe('nostr.size')
    expect(decryptNip04(encryptNip04('x'.repeat(longestMessage), x), x).length).toBe(longestMessage)
    expect(codeOf(() => decryptNip04('A'.repeat(longestPayload + 1), x))).toBe('nostr.size')
    expect(codeOf(() => encryptNip04('\udc00', x))).toBe('content.invalid')
    for (const length of [0, 16, 24, 33]) {
      expect(() => encryptNip04('gm', new Uint8Array(length))).toThrow(TypeError)
      expect(() => decryptNip04(encryptNip04('gm', x), new Uint8Array(length))).toThrow(TypeError)
    }
  })
})
