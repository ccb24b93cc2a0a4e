import { describe, expect, it } from 'vitest'
import { checkSignatures, openDocument, verifyDocument } from '../src/attestation/verify.ts'
import { isDebug } from '../src/attestation/policy.ts'
import { fromHex, toHex } from '../src/wire/bytes.ts'
import { base64, forgeChain } from './forge-documents.ts'
import { awsRoot, genuine, marlin, vector } from './genuine-documents.ts'

const refused = { code: 'attestation.invalid', culprits: [] }

/** SEC 2 §2.5.1. */
const orderOfP384 = BigInt(
  '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
)

const bytesOf = (...parts: (readonly number[] | Uint8Array)[]) => Uint8Array.from(parts.flatMap((part) => [...part]))

/**
 * Other CBOR for what a document says, around the same payload and signature. A document is 84 44 a1013822 a0 59…, 58 60…: an array
 * of four, the protected header of four bytes, an empty map, the payload, and a signature of 96 bytes.
 */
const rewrappings: [string, (document: Uint8Array) => Uint8Array][] = [
  ['an array of indefinite length', (d) => bytesOf([0x9f], d.subarray(1), [0xff])],
  ['an empty map of indefinite length', (d) => bytesOf(d.subarray(0, 6), [0xbf, 0xff], d.subarray(7))],
  ['both', (d) => bytesOf([0x9f], d.subarray(1, 6), [0xbf, 0xff], d.subarray(7), [0xff])],
  ['the tag of COSE_Sign1', (d) => bytesOf([0xd2], d)],
  ['that tag with a longer head', (d) => bytesOf([0xd8, 0x12], d)],
  ['another tag', (d) => bytesOf([0xd1], d)],
  ['that tag twice', (d) => bytesOf([0xd2, 0xd2], d)],
  ['the tag of CBOR itself', (d) => bytesOf([0xd9, 0xd9, 0xf7], d)],
  ['a longer head of the array', (d) => bytesOf([0x98, 4], d.subarray(1))],
  ['a longer head of the protected header', (d) => bytesOf(d.subarray(0, 1), [0x58, 4], d.subarray(2))],
  ['a longer head of the map', (d) => bytesOf(d.subarray(0, 6), [0xb8, 0], d.subarray(7))],
  ['a longer head of the payload', (d) => bytesOf(d.subarray(0, 7), [0x5a, 0, 0], d.subarray(8))],
  ['a longer head of the signature', (d) => bytesOf(d.subarray(0, -98), [0x59, 0], d.subarray(-97))],
  ['an entry in the unprotected header', (d) => bytesOf(d.subarray(0, 6), [0xa1, 0, 0], d.subarray(7))],
  ['an array in place of that header', (d) => bytesOf(d.subarray(0, 6), [0x80], d.subarray(7))],
  ['null in place of that header', (d) => bytesOf(d.subarray(0, 6), [0xf6], d.subarray(7))],
  ['a fifth item', (d) => bytesOf([0x85], d.subarray(1), [0xf6])],
]

describe.each(genuine)('the genuine document $name', ({ document, payload, stride, at }) => {
  it('verifies at its own time against the root of AWS', async () => {
    const verified = await verifyDocument(document, at)
    expect(verified).toMatchObject({ timestamp: payload.timestamp, pcrs: payload.pcrs, publicKey: payload.publicKey })
    expect(verified.moduleId).toMatch(/^i-[0-9a-f]+-enc[0-9a-f]+$/)
  })

  it('is refused now', async () => {
    await expect(verifyDocument(document, { ...at, now: Date.now() })).rejects.toMatchObject(refused)
  })

  it('is refused with any byte flipped', { timeout: 180_000 }, async () => {
    for (let i = 0; i < document.length; i += stride) {
      const flipped = Uint8Array.from(document)
      flipped[i]! ^= 1 << (i % 8)
      await expect(verifyDocument(flipped, { ...at, nonce: null }), `byte ${i}`).rejects.toMatchObject(refused)
    }
  })

  it('is refused under another root', async () => {
    const other = await forgeChain()
    const policy = { ...at.policy, roots: [base64(other.bundle[0]!.der)] }
    await expect(verifyDocument(document, { ...at, policy })).rejects.toMatchObject(refused)
  })

  it('is refused for another nonce, and with bytes behind it', async () => {
    await expect(verifyDocument(document, { ...at, nonce: new Uint8Array(32) })).rejects.toMatchObject(refused)
    await expect(verifyDocument(Uint8Array.from([...document, 0]), at)).rejects.toMatchObject(refused)
  })

  it.each(rewrappings)('is refused when who carries it wraps it otherwise: %s', async (_, rewrap) => {
    const wrapped = rewrap(document)
    expect(Buffer.from(wrapped).equals(document)).toBe(false)
    await expect(verifyDocument(wrapped, at)).rejects.toMatchObject(refused)
  })

  it('verifies with (r, n − s) for (r, s) too, so that its digest names it for nothing but a cache', async () => {
    const twin = document.slice()
    const s = BigInt(`0x${toHex(document.subarray(-48))}`)
    twin.set(fromHex((orderOfP384 - s).toString(16).padStart(96, '0')), twin.length - 48)
    const [one, other] = [await verifyDocument(document, at), await verifyDocument(twin, at)]
    expect(other.digest).not.toBe(one.digest)
    expect(Object.assign({}, other, { digest: one.digest })).toEqual(one)
  })

  it('is refused when a clock stands before it or beyond its age', async () => {
    await expect(verifyDocument(document, { ...at, now: payload.timestamp - 61_000 })).rejects.toMatchObject(refused)
    await expect(verifyDocument(document, { ...at, now: payload.timestamp - 59_000 })).resolves.toBeDefined()
    await expect(
      verifyDocument(document, { ...at, now: payload.timestamp + 300_001, maxAge: 300_000 }),
    ).rejects.toMatchObject(refused)
    await expect(verifyDocument(document, { ...at, now: NaN })).rejects.toMatchObject(refused)
  })
})

describe('the signatures of a genuine document', () => {
  it('fail for each byte of the payload and of the signature, whatever the policy says of it', async () => {
    const { document } = marlin
    let checked = 0
    for (let i = 0; i < document.length; i += 7) {
      const flipped = Uint8Array.from(document)
      flipped[i]! ^= 1
      let opened
      try {
        opened = openDocument(flipped)
      } catch {
        continue
      }
      checked++
      await expect(checkSignatures(opened), `byte ${i}`).rejects.toThrow()
    }
    expect(checked).toBeGreaterThan(200)
  })

  it('hold for the document in debug mode, which is refused whatever the policy lists', async () => {
    const document = vector('evervault_debug.bin')
    const opened = openDocument(document)
    const { pcrs, timestamp } = opened.payload
    await checkSignatures(opened)
    expect(isDebug(pcrs)).toBe(true)
    expect(pcrs['3']).not.toMatch(/^0+$/)
    const policy = { roots: [awsRoot], measurements: [pcrs] }
    await expect(verifyDocument(document, { policy, nonce: null, now: timestamp })).rejects.toMatchObject(refused)
  })
})

describe('the policy', () => {
  const verifyWith = (policy: object) =>
    verifyDocument(marlin.document, { ...marlin.at, policy: { ...marlin.at.policy, ...policy } })
  const pcr0 = marlin.payload.pcrs['0']!

  it('accepts any one of its sets, and every PCR of the set counts', async () => {
    await expect(verifyWith({ measurements: [{ '0': '11'.repeat(48) }, { '0': pcr0 }] })).resolves.toBeDefined()
    await expect(verifyWith({ measurements: [marlin.payload.pcrs] })).resolves.toBeDefined()
    await expect(verifyWith({ measurements: [{ '0': pcr0, '4': '11'.repeat(48) }] })).rejects.toMatchObject(refused)
    await expect(verifyWith({ measurements: [{ '0': pcr0, '31': '00'.repeat(48) }] })).rejects.toMatchObject(refused)
  })

  it.each([
    ['a prefix of PCR0', { measurements: [{ '0': pcr0.slice(0, 64) }] }],
    [
      'a PCR0 that differs at its end',
      { measurements: [{ '0': pcr0.slice(0, -1) + (pcr0.endsWith('0') ? '1' : '0') }] },
    ],
    ['an empty PCR0', { measurements: [{ '0': '' }] }],
    ['an empty set', { measurements: [{}] }],
    ['a set without PCR0', { measurements: [{ '1': marlin.payload.pcrs['1'] }] }],
    ['no sets', { measurements: [] }],
    ['no roots', { roots: [] }],
    ['a root that is empty', { roots: [''] }],
    ['a prefix of the root', { roots: [awsRoot.slice(0, 200)] }],
    ['a root that is no base64', { roots: ['?'] }],
  ])('refuses with %s', async (_, policy) => {
    await expect(verifyWith(policy)).rejects.toMatchObject(refused)
  })
})
