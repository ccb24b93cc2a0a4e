import { encode } from 'cborg'
import { describe, expect, it, vi } from 'vitest'
import { createDocumentCache } from '../src/attestation/cache.ts'
import { attestedDigest, verifyAttestedIdentity, verifyDocument } from '../src/attestation/verify.ts'
import { fromHex, toHex } from '../src/wire/bytes.ts'
import { EnclaveIdentity, type Presence } from '../src/wire/identity.ts'
import {
  base64,
  extension,
  forgeChain,
  forgeDocument,
  issue,
  payloadFields,
  pcr,
  type CertificateWish,
} from './forge-documents.ts'
import { marlin } from './genuine-documents.ts'

const refused = { code: 'attestation.invalid', culprits: [] }
const image = { '0': toHex(pcr(1)), '1': toHex(pcr(2)), '2': toHex(pcr(3)) }
const verifyForged = (document: Uint8Array, root: Uint8Array, more: object = {}) =>
  verifyDocument(document, {
    policy: { roots: [base64(root)], measurements: [image] },
    nonce: null,
    now: Date.now(),
    ...more,
  })

describe('a chain', () => {
  it('of a root that the policy names is accepted, so that the refusals below mean something', async () => {
    const chain = await forgeChain()
    const document = await forgeDocument(chain, payloadFields(chain))
    await expect(verifyForged(document, chain.bundle[0]!.der)).resolves.toMatchObject({ moduleId: 'i-forged-enc01' })
    const twin = await forgeChain({ root: { subject: chain.bundle[0]!.subject } })
    await expect(verifyForged(document, twin.bundle[0]!.der)).rejects.toMatchObject(refused)
  })

  const now = Date.now()
  const wishes: [string, Record<string, CertificateWish>][] = [
    ['a leaf that is a CA', { leaf: { ca: true, usage: 0xc0 } }],
    ['a leaf that may sign certificates', { leaf: { ca: false, usage: 0xc4 } }],
    ['a leaf that may not sign documents', { leaf: { ca: false, usage: 0x40 } }],
    ['an issuer that is no CA', { instance: { ca: false, usage: 0x04 } }],
    ['an issuer that may not sign certificates', { zonal: { usage: 0x80 } }],
    ['a path longer than allowed', { regional: { pathLength: 1 } }],
    ['another issuer name', { zonal: { issuer: 'somebody else' } }],
    ['an expired certificate', { zonal: { notAfter: now - 1000 } }],
    ['a certificate that is not valid yet', { leaf: { notBefore: now + 600_000 } }],
    ['another curve', { leaf: { curve: 'P-256' } }],
    ['a critical extension that nobody knows', { zonal: { extra: extension('551d1e', new Uint8Array([0x30, 0])) } }],
    ['the same extension twice', { zonal: { extra: extension('551d0f', new Uint8Array([3, 2, 1, 6])) } }],
  ]
  it.each(wishes)('with %s is refused', async (_, wish) => {
    const sound = { leaf: { ca: false, usage: 0xc0 } }
    const chain = await forgeChain({ ...sound, ...wish })
    await expect(
      verifyForged(await forgeDocument(chain, payloadFields(chain)), chain.bundle[0]!.der),
    ).rejects.toMatchObject(refused)
  })

  it('whose certificate another key of the same name signed is refused', async () => {
    const wishes = Object.fromEntries(
      ['root', 'regional', 'zonal', 'instance', 'leaf'].map((name) => [name, { subject: name }]),
    )
    const sound = { ca: false, usage: 0xc0 }
    const [chain, stranger] = [
      await forgeChain({ ...wishes, leaf: sound }),
      await forgeChain({ ...wishes, leaf: sound }),
    ]
    for (const at of [1, 2, 3, 4]) {
      const bundle = chain.bundle.map((certificate, i) => (i < at ? certificate : stranger.bundle[i]!))
      const mixed = { bundle, leaf: stranger.leaf }
      await expect(
        verifyForged(await forgeDocument(mixed, payloadFields(mixed)), bundle[0]!.der),
      ).rejects.toMatchObject(refused)
    }
  })

  it('has eight authorities at most', async () => {
    const root = await issue({})
    const leaf = await issue({ ca: false, usage: 0xc0 }, root)
    const chainOf = (length: number) => ({ bundle: Array.from({ length }, () => root), leaf })
    const verify = async (length: number) =>
      verifyForged(await forgeDocument(chainOf(length), payloadFields(chainOf(length))), root.der)
    await expect(verify(8)).resolves.toBeDefined()
    await expect(verify(9)).rejects.toMatchObject(refused)
  })

  it('that is empty or upside down is refused', async () => {
    const chain = await forgeChain()
    const [root] = chain.bundle as [(typeof chain.bundle)[0]]
    for (const bundle of [[], chain.bundle.toReversed()]) {
      await expect(
        verifyForged(await forgeDocument(chain, payloadFields({ ...chain, bundle })), root.der),
      ).rejects.toMatchObject(refused)
    }
  })
})

describe('a document', () => {
  it.each<[string, string, unknown]>([
    ['another digest', 'digest', 'SHA256'],
    [
      'a PCR index of 32',
      'pcrs',
      new Map([
        [0, pcr(1)],
        [1, pcr(2)],
        [2, pcr(3)],
        [32, pcr(1)],
      ]),
    ],
    [
      'a PCR index that is text',
      'pcrs',
      new Map<unknown, unknown>([
        ['0', pcr(1)],
        [1, pcr(2)],
        [2, pcr(3)],
      ]),
    ],
    [
      'a PCR of 47 bytes',
      'pcrs',
      new Map([
        [0, pcr(1)],
        [1, pcr(2)],
        [2, pcr(3)],
        [5, pcr(1).subarray(1)],
      ]),
    ],
    [
      'no PCR1',
      'pcrs',
      new Map([
        [0, pcr(1)],
        [2, pcr(3)],
      ]),
    ],
    ['an empty public key', 'public_key', new Uint8Array(0)],
    ['too long a nonce', 'nonce', new Uint8Array(513)],
    ['a time that is text', 'timestamp', '1'],
    ['a time that is negative', 'timestamp', -1],
    ['17 KiB in it', 'module_id', 'i'.repeat(17_000)],
    ['a field that nobody knows', 'extra', null],
  ])('with %s is refused', async (_, field, value) => {
    const chain = await forgeChain()
    const fields = new Map(payloadFields(chain)).set(field, value)
    await expect(verifyForged(await forgeDocument(chain, [...fields]), chain.bundle[0]!.der)).rejects.toMatchObject(
      refused,
    )
  })

  it('with a key twice in its map is refused, though it is signed', async () => {
    const chain = await forgeChain()
    const sound = encode(new Map(payloadFields(chain)))
    const twice = Uint8Array.from([sound[0]! + 1, ...sound.subarray(1), ...encode('nonce'), 0xf6])
    await expect(verifyForged(await forgeDocument(chain, twice), chain.bundle[0]!.der)).rejects.toMatchObject(refused)
    const pcrs = Uint8Array.from([0xa2, 0, 0x58, 48, ...pcr(9), 0, 0x58, 48, ...pcr(1)])
    const index = Buffer.from(sound).indexOf(Buffer.from(encode('pcrs'))) + 5
    const old = encode(new Map(payloadFields(chain)).get('pcrs')).length
    const doubled = Uint8Array.from([...sound.subarray(0, index), ...pcrs, ...sound.subarray(index + old)])
    await expect(verifyForged(await forgeDocument(chain, doubled), chain.bundle[0]!.der)).rejects.toMatchObject(refused)
  })

  it('in an indefinite-length map is read, as the NSM of today writes it', async () => {
    const chain = await forgeChain()
    const sound = encode(new Map(payloadFields(chain)))
    const indefinite = Uint8Array.from([0xbf, ...sound.subarray(1), 0xff])
    await expect(verifyForged(await forgeDocument(chain, indefinite), chain.bundle[0]!.der)).resolves.toBeDefined()
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['deep arrays', new Uint8Array(16_000).fill(0x81)],
    ['deep maps', new Uint8Array(16_000).fill(0xa1)],
    ['deep tags', new Uint8Array(16_000).fill(0xd2)],
    ['endless arrays', new Uint8Array(16_000).fill(0x9f)],
    ['a length of 1 GiB', Uint8Array.of(0x84, 0x5a, 0x40, 0, 0, 0)],
    ['17 KiB of a sound shape', encode([new Uint8Array(1), new Map(), new Uint8Array(17_000), new Uint8Array(96)])],
  ])('made of %s is refused', async (_, document) => {
    await expect(verifyForged(document, new Uint8Array(1))).rejects.toMatchObject(refused)
  })

  it('has its signatures checked once and its time, nonce and image every time', async () => {
    const cache = createDocumentCache(2)
    const { document, at } = marlin
    const { digest } = await verifyDocument(document, { ...at, cache })
    expect(cache.has(digest)).toBe(true)
    await expect(verifyDocument(document, { ...at, cache })).resolves.toMatchObject({ digest })
    await expect(verifyDocument(document, { ...at, cache, now: Date.now() })).rejects.toMatchObject(refused)
    await expect(verifyDocument(document, { ...at, cache, nonce: new Uint8Array(32) })).rejects.toMatchObject(refused)
    cache.add('another')
    cache.add('a third')
    expect(cache.has(digest)).toBe(false)
  })

  it('costs one check instead of a chain of them when its certificates are known, and each of them when they are not', async () => {
    const verify = vi.spyOn(globalThis.crypto.subtle, 'verify')
    const checksOf = async (document: Uint8Array, root: Uint8Array) => {
      verify.mockClear()
      await verifyForged(document, root, { cache })
      return verify.mock.calls.length
    }
    const cache = createDocumentCache()
    const [chain, other] = [await forgeChain(), await forgeChain()]
    const at = Date.now()
    const document = async (of: typeof chain, age: number) => forgeDocument(of, payloadFields(of, at - age))
    const whole = chain.bundle.length + 1
    expect(await checksOf(await document(chain, 0), chain.bundle[0]!.der)).toBe(whole)
    expect(await checksOf(await document(chain, 1_000), chain.bundle[0]!.der)).toBe(1)
    expect(await checksOf(await document(other, 0), other.bundle[0]!.der)).toBe(whole)
    const [root, ...rest] = chain.bundle
    const swapped = { bundle: [root!, ...rest], leaf: other.leaf }
    await expect(checksOf(await document(swapped, 0), root!.der)).rejects.toMatchObject(refused)
    verify.mockRestore()
  })

  it('that was refused is not remembered', async () => {
    const cache = createDocumentCache()
    const broken = Uint8Array.from(marlin.document)
    broken[broken.length - 1]! ^= 1
    for (const attempt of [1, 2]) {
      await expect(verifyDocument(broken, { ...marlin.at, cache }), `attempt ${attempt}`).rejects.toMatchObject(refused)
    }
  })
})

describe('an attested identity', () => {
  const identity = EnclaveIdentity.parse({
    version: 1,
    enclaveId: 'e1',
    epoch: 1,
    sealKey: `02${'ab'.repeat(32)}`,
    signKey: 'cd'.repeat(32),
  })
  const presence: Presence = {
    life: { id: 'ef'.repeat(32), startedAt: 1_000 },
    sealing: { provider: 'aws', releasesTo: 'measured-image', keyAttestation: 'none' },
    manifest: 3,
  }
  const nonce = new Uint8Array(32).fill(7)
  const attest = async (publicKey: Uint8Array | null, userData: Uint8Array | null) => {
    const chain = await forgeChain()
    const fields = new Map(payloadFields(chain))
      .set('public_key', publicKey)
      .set('user_data', userData)
      .set('nonce', nonce)
    const policy = { roots: [base64(chain.bundle[0]!.der)], measurements: [image] }
    return { document: await forgeDocument(chain, [...fields]), policy, nonce, now: Date.now() }
  }

  it('is proved by its key and its digest in the document', async () => {
    const proof = await attest(fromHex(identity.sealKey), attestedDigest({ identity, presence }))
    await expect(verifyAttestedIdentity({ identity, presence, ...proof })).resolves.toMatchObject({ nonce })
  })

  it('is refused when any of it is not what the document says', async () => {
    const proof = await attest(fromHex(identity.sealKey), attestedDigest({ identity, presence }))
    for (const other of [
      { enclaveId: 'e2' },
      { epoch: 2 },
      { sealKey: `03${'ab'.repeat(32)}` },
      { signKey: 'ce'.repeat(32) },
    ]) {
      const swapped = EnclaveIdentity.parse({ ...identity, ...other })
      await expect(verifyAttestedIdentity({ identity: swapped, presence, ...proof })).rejects.toMatchObject(refused)
    }
    for (const other of [
      { life: { ...presence.life, id: 'ee'.repeat(32) } },
      { life: { ...presence.life, startedAt: 1 } },
      { sealing: { ...presence.sealing, releasesTo: 'holder-of-credentials' as const } },
      { manifest: 4 },
    ]) {
      const swapped = { ...presence, ...other }
      await expect(verifyAttestedIdentity({ identity, presence: swapped, ...proof })).rejects.toMatchObject(refused)
    }
    const hash = attestedDigest({ identity, presence })
    const key = fromHex(identity.sealKey)
    const otherHash = hash.with(0, hash[0]! ^ 1)
    for (const [publicKey, userData] of [
      [null, hash],
      [key, null],
      [key.with(0, 3), hash],
      [key, otherHash],
    ] as const) {
      const other = await attest(publicKey, userData)
      await expect(verifyAttestedIdentity({ identity, presence, ...other })).rejects.toMatchObject(refused)
    }
  })
})
