import { gunzipSync, gzipSync } from 'node:zlib'
import { verifyStatement, type Attestation } from '@quorate/enclave/platform/sealing/cavium-statement'
import { describe, expect, it } from 'vitest'
import {
  attestationOf,
  certificate,
  chains,
  makePair,
  pairs,
  pinnedTo,
  signStatement,
  statement,
} from './hsm-chains.ts'

const genuine = signStatement(pairs.partition.privateKey)
const refused = { code: 'kms.invalid' }
const verify = (content: Buffer, certChains: Attestation['certChains'] = chains, now = Date.now()) =>
  verifyStatement(attestationOf(content, certChains), pinnedTo(content), now)

describe('the statement of a Google HSM', () => {
  it('is taken when both roots stand behind its partition', () => {
    expect(() => verify(genuine)).not.toThrow()
    const reversed = { ...chains, caviumCerts: [...chains.caviumCerts].reverse() }
    expect(() => verify(genuine, reversed)).not.toThrow()
  })

  it('is refused with any byte of it flipped, though it is the pinned one', () => {
    const plain = gunzipSync(genuine)
    for (let at = 0; at < plain.length; at += 1) {
      const flipped = Buffer.from(plain)
      flipped[at] = (flipped[at] ?? 0) ^ 1
      expect(() => verify(gzipSync(flipped)), `byte ${at}`).toThrow(expect.objectContaining(refused))
    }
  })

  it('is refused when it is another than the pinned one, though it is signed', () => {
    const other = signStatement(pairs.partition.privateKey, Buffer.from('of another key in the same HSM'))
    expect(() => verify(other)).not.toThrow()
    expect(() => verifyStatement(attestationOf(other), pinnedTo(genuine), Date.now())).toThrow(
      expect.objectContaining(refused),
    )
  })

  const another = makePair()
  it.each<[string, Partial<Attestation['certChains']>]>([
    [
      'a card that another maker certifies',
      { caviumCerts: [chains.caviumCerts[0]!, certificate('card', 'manufacturer', { by: another })] },
    ],
    [
      'a partition that another card certifies',
      { caviumCerts: [certificate('partition', 'card', { by: another }), chains.caviumCerts[1]!] },
    ],
    ['a card that the owner does not certify', { googleCardCerts: [] }],
    ['a partition that the owner does not certify', { googlePartitionCerts: [] }],
    ['an owner’s card with another key', { googleCardCerts: [certificate('card', 'owner', { of: another })] }],
    [
      'an owner’s partition with another key',
      { googlePartitionCerts: [certificate('partition', 'owner', { of: another })] },
    ],
    [
      'an owner’s certificate that another signed',
      { googlePartitionCerts: [certificate('partition', 'owner', { by: another })] },
    ],
    ['no certificates', { caviumCerts: [], googleCardCerts: [], googlePartitionCerts: [] }],
    [
      'a certificate that is none',
      { googleCardCerts: ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'] },
    ],
    [
      'a card whose time is over',
      { caviumCerts: [chains.caviumCerts[0]!, certificate('card', 'manufacturer', { notAfter: Date.now() - 1000 })] },
    ],
  ])('is refused with %s', (_, change) => {
    expect(() => verify(genuine, { ...chains, ...change })).toThrow(expect.objectContaining(refused))
  })

  it('is refused when the manufacturer’s root signs it directly, or a stranger does', () => {
    for (const key of [pairs.manufacturer, pairs.card, another])
      expect(() => verify(signStatement(key.privateKey))).toThrow(expect.objectContaining(refused))
  })

  it('is refused when it is no gzip, empty, or would fill the memory', () => {
    // Signed as it should be, so that it is refused for its length alone.
    const bomb = signStatement(pairs.partition.privateKey, Buffer.alloc(64 * 1024 * 1024))
    for (const content of [Buffer.from('no gzip'), gzipSync(Buffer.alloc(0)), bomb, gzipSync(statement)])
      expect(() => verify(content)).toThrow(expect.objectContaining(refused))
  })

  it('is refused before and after the time of its certificates', () => {
    for (const now of [Date.now() - 86_400_000, Date.now() + 86_400_000])
      expect(() => verify(genuine, chains, now)).toThrow(expect.objectContaining(refused))
  })
})
