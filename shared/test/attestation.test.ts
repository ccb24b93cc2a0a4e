import { readFileSync } from 'node:fs'
import { encode } from 'cborg'
import { describe, expect, it, vi } from 'vitest'
import { createDocumentCache } from '../src/attestation/cache.ts'
import { readAll, readUnsigned } from '../src/attestation/der.ts'
import { checkSignatures, openDocument, verifyAttestedIdentity, verifyDocument } from '../src/attestation/verify.ts'
import { isDebug } from '../src/attestation/policy.ts'
import { taggedHash } from '../src/seal/hash.ts'
import { fromHex, toHex } from '../src/wire/bytes.ts'
import { EnclaveIdentity } from '../src/wire/identity.ts'
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

const vector = (name: string) =>
  new Uint8Array(readFileSync(new URL(`vectors/nitro-attestation/${name}`, import.meta.url)))
const awsRoot = new TextDecoder().decode(vector('aws_nitro_root_g1.pem'))
const refused = { code: 'attestation.invalid', culprits: [] }

const genuine = ['marlin_sample1.bin', 'evervault_beta_valid.bin', 'fastcrypto_valid_pcr16_attestation.bin'].map(
  (name) => {
    const document = vector(name)
    const { payload } = openDocument(document)
    const policy = {
      roots: [awsRoot],
      measurements: [{ '0': payload.pcrs['0']!, '1': payload.pcrs['1']!, '2': payload.pcrs['2']! }],
    }
    const stride = name.startsWith('marlin') ? 1 : 4
    return { name, document, payload, stride, at: { policy, nonce: payload.nonce, now: payload.timestamp } }
  },
)
const [marlin] = genuine as [(typeof genuine)[0]]

describe.each(genuine)('the genuine document $name', ({ document, payload, stride, at }) => {
  it('verifies at its own time against the root of AWS', async () => {
    const verified = await verifyDocument(document, at)
    expect(verified).toMatchObject({ timestamp: payload.timestamp, pcrs: payload.pcrs, publicKey: payload.publicKey })
    expect(verified.moduleId).toMatch(/^i-[0-9a-f]+-enc[0-9a-f]+$/)
  })

  it('is refused now', async () => {
    await expect(verifyDocument(document, { ...at, now: Date.now() })).rejects.toMatchObject(refused)
  })

  it('is refused with any byte flipped', async () => {
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
    const proof = await attest(fromHex(identity.sealKey), taggedHash('identity', identity))
    await expect(verifyAttestedIdentity({ identity, ...proof })).resolves.toMatchObject({ nonce })
  })

  it('is refused when any of it is not what the document says', async () => {
    const proof = await attest(fromHex(identity.sealKey), taggedHash('identity', identity))
    for (const other of [
      { enclaveId: 'e2' },
      { epoch: 2 },
      { sealKey: `03${'ab'.repeat(32)}` },
      { signKey: 'ce'.repeat(32) },
    ]) {
      const swapped = EnclaveIdentity.parse({ ...identity, ...other })
      await expect(verifyAttestedIdentity({ identity: swapped, ...proof })).rejects.toMatchObject(refused)
    }
    const hash = taggedHash('identity', identity)
    const key = fromHex(identity.sealKey)
    const otherHash = hash.with(0, hash[0]! ^ 1)
    for (const [publicKey, userData] of [
      [null, hash],
      [key, null],
      [key.with(0, 3), hash],
      [key, otherHash],
    ] as const) {
      const other = await attest(publicKey, userData)
      await expect(verifyAttestedIdentity({ identity, ...other })).rejects.toMatchObject(refused)
    }
  })
})

describe('DER', () => {
  it('is read as it is written, and in no second way', () => {
    expect(readAll(Uint8Array.of(4, 1, 9, 5, 0)).map(({ contents }) => [...contents])).toEqual([[9], []])
    expect(readAll(Uint8Array.of(4, 0x81, 0x80, ...new Uint8Array(128)))).toHaveLength(1)
  })

  it.each([
    ['a length in a longer form', [4, 0x81, 1, 9]],
    ['a length with a leading zero', [4, 0x82, 0, 0x80, ...new Uint8Array(128)]],
    ['an indefinite length', [0x30, 0x80, 0, 0]],
    ['a length of 4 GiB', [4, 0x84, 0xff, 0xff, 0xff, 0xff]],
    ['a length beyond the end', [4, 2, 9]],
    ['a tag of several octets', [0x1f, 0x81, 1, 0]],
    ['a tag alone', [4]],
  ])('is refused with %s', (_, bytes) => {
    expect(() => readAll(Uint8Array.from(bytes))).toThrow(expect.objectContaining(refused) as Error)
  })

  it.each([
    ['negative', [2, 1, 0x80]],
    ['empty', [2, 0]],
    ['padded', [2, 2, 0, 0x7f]],
    ['too wide', [2, 3, 1, 2, 3]],
  ])('has no number that is %s', (_, bytes) => {
    expect(() => readUnsigned(readAll(Uint8Array.from(bytes))[0], 2)).toThrow(expect.objectContaining(refused) as Error)
  })
})
