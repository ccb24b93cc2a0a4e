import { describe, expect, it } from 'vitest'
import { createSigner, digestOf, signBody, type Signer } from '../crypto/sign.ts'
import { toHex } from '../wire/bytes.ts'
import { EnclaveId, SignKey } from '../wire/ids.ts'
import { ManifestBody, type Manifest } from '../wire/manifest.ts'
import { manifestDigest, verifyManifest, verifyNotice } from './manifest.ts'

const register = (digit: string) => digit.repeat(96)
const image = (label: string, digit: string) => ({
  label,
  measurements: { 0: register(digit), 1: register(digit), 2: register(digit) },
})
const body = ManifestBody.parse({ version: 1, serial: 7, images: [image('1.0', 'a'), image('1.1', 'b')] })
const signers = await Promise.all([1, 2, 3, 4].map((seed) => createSigner(new Uint8Array(32).fill(seed))))
const keyOf = (signer: Signer) => SignKey.parse(toHex(signer.publicKey))
const [ann, ben, cleo, stranger] = signers as [Signer, Signer, Signer, Signer]
const release = { keys: [ann, ben, cleo].map(keyOf), quorum: 2 }

async function signedBy(by: readonly Signer[], signedBody: ManifestBody = body): Promise<Manifest> {
  const sign = async (signer: Signer) => ({
    key: keyOf(signer),
    signature: (await signBody(signer, 'manifest', signedBody)).signature,
  })
  return { body: signedBody, signatures: await Promise.all(by.map(sign)) }
}

const refused = { code: 'manifest.invalid' }

describe('a manifest', () => {
  it('is believed when a quorum of release keys signed it, whoever else did', async () => {
    expect(await verifyManifest(await signedBy([ann, cleo]), release)).toBe(digestOf('manifest', body))
    expect(await verifyManifest(await signedBy([stranger, ben, ann, cleo]), release)).toBe(manifestDigest(body))
  })

  it('is refused with too few signatures, the same key twice, or a key that is not a release key', async () => {
    for (const by of [[ann], [ann, ann], [ann, stranger], [stranger, stranger, stranger]])
      await expect(verifyManifest(await signedBy(by), release)).rejects.toMatchObject(refused)
  })

  it('counts a release key once, though the configuration names it twice', async () => {
    const doubled = { keys: [keyOf(ann), keyOf(ann)], quorum: 2 }
    await expect(verifyManifest(await signedBy([ann]), doubled)).rejects.toMatchObject(refused)
  })

  it('is refused when its body is another than the one that was signed', async () => {
    const { signatures } = await signedBy([ann, ben])
    for (const other of [
      { ...body, serial: 8 },
      { ...body, images: [image('1.0', 'a'), image('1.1', 'c')] },
    ])
      await expect(verifyManifest({ body: other, signatures }, release)).rejects.toMatchObject(refused)
  })

  it('is refused with an image in debug mode, though all release keys signed it', async () => {
    for (const index of ['0', '1', '2']) {
      const debug = image('debug', 'd')
      const measurements = { ...debug.measurements, [index]: register('0') }
      const listed = { ...body, images: [image('1.0', 'a'), { ...debug, measurements }] }
      await expect(verifyManifest(await signedBy([ann, ben, cleo], listed), release)).rejects.toMatchObject(refused)
    }
  })

  it('is refused by whoever would believe no key at all', async () => {
    await expect(verifyManifest(await signedBy([ann]), { keys: [], quorum: 0 })).rejects.toMatchObject(refused)
  })

  it('names every image by PCR0, 1 and 2, whole, and by no register that differs between hosts', () => {
    const whole = image('1.0', 'a')
    const of = (measurements: object) => ({ ...body, images: [{ label: '1.0', measurements }] })
    expect(ManifestBody.safeParse(of({ ...whole.measurements, 8: register('8') })).success).toBe(true)
    for (const measurements of [
      {},
      { 0: register('a') },
      { 0: register('a'), 1: register('a') },
      { ...whole.measurements, 0: register('a').slice(0, 94) },
      { ...whole.measurements, 4: register('4') },
    ])
      expect(ManifestBody.safeParse(of(measurements)).success).toBe(false)
    expect(ManifestBody.safeParse({ ...body, images: [] }).success).toBe(false)
  })
})

describe('a notice', () => {
  const v = ann
  const enclaveId = EnclaveId.parse('enclave-0')
  const expected = { signKey: keyOf(v), enclaveId, manifestDigest: manifestDigest(body), serial: 7, now: 1_000 }
  const told = { enclaveId, manifestDigest: manifestDigest(body), serial: 7, seenAt: 1_000 }

  it('is believed when this enclave signed it over this manifest', async () => {
    await expect(verifyNotice(await signBody(v, 'notice', told), expected)).resolves.toBeUndefined()
  })

  it('is refused of another enclave, another manifest, another key, from the future, and altered', async () => {
    const others = [
      { ...told, enclaveId: EnclaveId.parse('enclave-1') },
      { ...told, manifestDigest: manifestDigest({ ...body, serial: 8 }) },
      { ...told, serial: 8 },
      { ...told, seenAt: 1_001 },
    ]
    const notices = await Promise.all([
      ...others.map((other) => signBody(v, 'notice', other)),
      signBody(ben, 'notice', told),
    ])
    const { signature } = await signBody(v, 'notice', told)
    for (const notice of [...notices, { body: { ...told, seenAt: 1 }, signature }])
      await expect(verifyNotice(notice, expected)).rejects.toMatchObject(refused)
  })
})
