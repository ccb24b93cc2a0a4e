import { describe, expect, it } from 'vitest'
import { checkSignatures, openDocument, verifyDocument } from '../src/attestation/verify.ts'
import { isDebug } from '../src/attestation/policy.ts'
import { base64, forgeChain } from './forge-documents.ts'
import { awsRoot, genuine, marlin, vector } from './genuine-documents.ts'

const refused = { code: 'attestation.invalid', culprits: [] }

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

  it('verifies with the tag of COSE_Sign1 before it, and with no other', async () => {
    await expect(verifyDocument(Uint8Array.from([0xd2, ...document]), at)).resolves.toMatchObject({
      pcrs: payload.pcrs,
    })
    await expect(verifyDocument(Uint8Array.from([0xd1, ...document]), at)).rejects.toMatchObject(refused)
    await expect(verifyDocument(Uint8Array.from([0xd2, 0xd2, ...document]), at)).rejects.toMatchObject(refused)
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
