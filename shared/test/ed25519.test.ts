import { ed25519 } from '@noble/curves/ed25519.js'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as node from '../src/crypto/ed25519.node.ts'
import * as web from '../src/crypto/ed25519.web.ts'

type Wycheproof = {
  testGroups: { publicKey: { pk: string }; tests: { tcId: number; msg: string; sig: string; result: string }[] }[]
}
const vectors = JSON.parse(
  readFileSync(new URL('./vectors/wycheproof/ed25519_test.json', import.meta.url), 'utf8'),
) as Wycheproof
const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))

describe.each([
  ['Node', node],
  ['WebCrypto', web],
])('Ed25519 in %s', (_, { createSigner, verifyEd25519 }) => {
  it('judges every Wycheproof signature as Wycheproof does', async () => {
    for (const { publicKey, tests } of vectors.testGroups)
      for (const { tcId, msg, sig, result } of tests)
        expect([tcId, await verifyEd25519(hex(publicKey.pk), hex(msg), hex(sig))]).toEqual([tcId, result === 'valid'])
  })

  it('signs as the referee does from the same seed', async () => {
    const seed = ed25519.utils.randomSecretKey()
    const signer = await createSigner(seed)
    expect(signer.publicKey).toEqual(ed25519.getPublicKey(seed))
    const message = new TextEncoder().encode('quorate')
    expect(await signer.sign(message)).toEqual(ed25519.sign(message, seed))
  })

  it('says no, and throws nothing, for keys and signatures of other lengths', async () => {
    expect(await verifyEd25519(new Uint8Array(31), new Uint8Array(1), new Uint8Array(64))).toBe(false)
    expect(await verifyEd25519(new Uint8Array(32), new Uint8Array(1), new Uint8Array(63))).toBe(false)
  })
})
