import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import type { Key, SignatureResult } from '@quorate/client'
import { toHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../../shared/test/bytes-hash.js'
import { faultOf } from './result-check.ts'

describe.each([
  ['frost-secp256k1-tr', schnorr],
  ['frost-ed25519', ed25519],
] as const)('a result under %s', (scheme, curve) => {
  const { secretKey, publicKey } = curve.keygen()
  const key = { scheme, threshold: 2, groupKey: toHex(publicKey) } as Key
  const signature = curve.sign(hashOfBytes('hello'), secretKey)
  const receipt = (index: number) => ({ body: { index } })
  const result = (signatures: readonly Uint8Array[], indices: readonly number[]) =>
    ({ signatures, receipts: indices.map(receipt) }) as unknown as SignatureResult

  it('is right with a signature of this text and receipts of a quorum', () => {
    expect(faultOf(key, 'hello', result([signature], [1, 3]))).toBeNull()
  })

  it('is wrong with a signature of another text', () => {
    expect(faultOf(key, 'hallo', result([signature], [1, 3]))).toMatch(/does not verify/)
  })

  it('is wrong with receipts of one host', () => {
    expect(faultOf(key, 'hello', result([signature], [3, 3]))).toMatch(/receipts of 1 hosts/)
  })

  it('is wrong with two signatures of one text', () => {
    expect(faultOf(key, 'hello', result([signature, signature], [1, 3]))).toMatch(/more signatures/)
  })
})
