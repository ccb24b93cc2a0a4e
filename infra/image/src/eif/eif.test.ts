import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { issueCertificate } from '@quorate/local/nsm/certificate'
import { sha384 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Image } from './image.ts'
import { measureImage } from './measure.ts'
import { readEif } from './read.ts'
import { signPcr0, verifySignature } from './signature.ts'
import { writeEif } from './write.ts'

const bytes = (text: string): Buffer => Buffer.from(text)
const image: Image = {
  architecture: 'x86_64',
  defaultMemory: 2 ** 30,
  defaultCpus: 2,
  kernel: bytes('kernel'),
  cmdline: 'console=ttyS0 reboot=k',
  metadata: {
    ImageName: 'quorate',
    ImageVersion: '0.1.0',
    BuildMetadata: {
      BuildTime: '1970-01-01T00:00:00Z',
      BuildTool: 'quorate',
      BuildToolVersion: '0.1.0',
      OperatingSystem: 'Debian 13',
      KernelVersion: '6.12',
    },
    DockerInfo: {},
    CustomMetadata: {},
  },
  ramdisks: [bytes('boot'), bytes('application'), bytes('more')],
}

/** What the crate aws-nitro-enclaves-image-format 0.2.0, on which nitro-cli is built, made of the same parts. */
const aws = {
  sha256: '29c66133d381b8b8a5c9d57094a601845af27036abefa61c4c0faa60c3d1d3b9',
  pcr0: '1468eb17342eec775344402b4230dfd78147bb0e959927e6814d8ce845e31abfcab4b970946d36883c137f66efe7c6c5',
  pcr1: '1867b3d10dcf7859b0a63a3e389d5dd2bebe037e75a9727196eda6436642d0c5b4c4a8c67e4b53c2c90b71b8a909dcb1',
  pcr2: '30649eea49e95ea1b4861deee6bba85f80150ed4e5885e384c54d2a8c17c253c2be27ae43a5f5868f87bd9eaed337477',
  pcr8: '687f1a7fe73b4922cfdfacd91fb5180a213ffee9e541b820d2f9ffde57b37ff3e60174b3bdd13f6291f0bf5c65b82176',
}
const signedByAws = readFileSync(new URL('../../test/vectors/signed.eif', import.meta.url))

/** `eif` after `change`, with a checksum that fits again. */
function forge(eif: Buffer, change: (draft: Buffer) => Buffer | undefined): Buffer {
  const draft = Buffer.from(eif)
  const forged = change(draft) ?? draft
  forged.writeUInt32BE(crc32(forged.subarray(548), crc32(forged.subarray(0, 544))), 544)
  return forged
}

describe('an enclave image file', () => {
  it('is byte for byte what AWS’s own builder makes of the same parts', () => {
    expect(createHash('sha256').update(writeEif(image)).digest('hex')).toBe(aws.sha256)
  })

  it('measures as AWS’s own builder measures', () => {
    expect(measureImage(image)).toEqual({ '0': aws.pcr0, '1': aws.pcr1, '2': aws.pcr2 })
  })

  it('measures the same by another implementation of SHA-384 over offsets counted by hand', () => {
    const file = writeEif(image)
    const extend = (...parts: Buffer[]) =>
      Buffer.from(sha384(Buffer.concat([Buffer.alloc(48), sha384(Buffer.concat(parts))]))).toString('hex')
    const at = (offset: number, length: number) => file.subarray(offset, offset + length)
    const [kernel, line, boot] = [at(560, 6), at(578, 22), at(861, 4)]
    expect(measureImage(image)).toEqual({
      '0': extend(kernel, line, boot, at(877, 11), at(900, 4)),
      '1': extend(kernel, line, boot),
      '2': extend(at(877, 11), at(900, 4)),
    })
  })

  it('holds every field at its place', () => {
    const file = writeEif({ ...image, architecture: 'aarch64', defaultMemory: 0x0102030405, defaultCpus: 7 })
    expect(file.toString('latin1', 0, 4)).toBe('.eif')
    expect([file.readUInt16BE(4), file.readUInt16BE(6), file.readUInt16BE(24), file.readUInt16BE(26)]).toEqual([
      4, 1, 0, 6,
    ])
    expect([file.readBigUInt64BE(8), file.readBigUInt64BE(16)]).toEqual([0x0102030405n, 7n])
    const table = (start: number) => Array.from({ length: 7 }, (_, i) => Number(file.readBigUInt64BE(start + 8 * i)))
    expect(table(28)).toEqual([548, 566, 600, 849, 865, 888, 0])
    expect(table(284)).toEqual([6, 22, 237, 4, 11, 4, 0])
    expect([548, 566, 600, 849, 865, 888].map((offset) => file.readUInt16BE(offset))).toEqual([1, 2, 5, 3, 3, 3])
    expect(file.readUInt32BE(544)).toBe(crc32(Buffer.concat([file.subarray(0, 544), file.subarray(548)])))
  })

  it('reads back as what was written', () => {
    const part = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((contents) => Buffer.from(contents))
    const ramdisks = fc.array(part, { minLength: 1, maxLength: 28 })
    const cmdline = fc.string().filter((line) => !line.includes('\0'))
    fc.assert(
      fc.property(part, cmdline, ramdisks, fc.option(part, { nil: undefined }), (kernel, line, disks, signature) => {
        const written = { ...image, kernel, cmdline: line, ramdisks: disks, ...(signature && { signature }) }
        expect(readEif(writeEif(written))).toEqual(written)
      }),
    )
  })

  it('refuses to hold more than 32 sections, no ramdisk, or a command line that ends early', () => {
    expect(() => writeEif({ ...image, ramdisks: Array<Buffer>(30).fill(bytes('x')) })).toThrow(/32/)
    expect(() => writeEif({ ...image, ramdisks: [] })).toThrow(/ramdisk/)
    expect(() => writeEif({ ...image, cmdline: 'a\0b' })).toThrow(/NUL/)
  })
})

describe('the reader of enclave images', () => {
  const eif = writeEif(image)

  it('finds every flipped byte', () => {
    for (let at = 0; at < eif.length; at += 1) {
      const broken = Buffer.from(eif)
      broken[at]! ^= 1
      expect(() => readEif(broken), `byte ${at}`).toThrow()
    }
  })

  it.each<[string, RegExp, (draft: Buffer) => Buffer | undefined]>([
    ['another version', /version 3/, (draft) => void draft.writeUInt16BE(3, 4)],
    ['33 sections', /33 sections/, (draft) => void draft.writeUInt16BE(33, 26)],
    ['a number beyond any file', /beyond/, (draft) => void draft.writeBigUInt64BE(2n ** 63n, 8)],
    ['a reserved field in use', /unused/, (draft) => void draft.writeUInt16BE(1, 24)],
    ['a section after the last one', /unused/, (draft) => void draft.writeBigUInt64BE(9n, 28 + 8 * 6)],
    ['an unknown flag', /flags 2/, (draft) => void draft.writeUInt16BE(2, 6)],
    ['two sizes for one section', /two sizes/, (draft) => void draft.writeBigUInt64BE(5n, 548 + 4)],
    ['a gap', /out of place/, (draft) => void draft.writeBigUInt64BE(549n, 28)],
    ['a section beyond the end', /out of place/, (draft) => void draft.writeBigUInt64BE(2n ** 40n, 284)],
    ['trailing bytes', /trailing/, (draft) => Buffer.concat([draft, bytes('x')])],
    ['an unknown section', /type 6/, (draft) => void draft.writeUInt16BE(6, 888)],
    ['section flags', /section flags/, (draft) => void draft.writeUInt16BE(1, 890)],
    ['two kernels', /kernel kernel/, (draft) => void draft.writeUInt16BE(1, 566)],
    ['metadata that is none', /./, (draft) => void draft.write('[', 612)],
  ])('refuses %s, though the checksum fits', (_, refusal, change) => {
    expect(() => readEif(forge(eif, change))).toThrow(refusal)
  })

  it('refuses a file that ends within its header', () => {
    expect(() => readEif(eif.subarray(0, 547))).toThrow(/not an EIF/)
  })
})

describe('the signature of an enclave image', () => {
  const { ramdisks, kernel, cmdline, signature } = readEif(signedByAws)

  it('by AWS’s builder verifies, and its certificate measures the same', () => {
    expect(measureImage({ kernel, cmdline, ramdisks })['0']).toBe(aws.pcr0)
    const signer = verifySignature(signature!, aws.pcr0)
    expect(signer.pcr8).toBe(aws.pcr8)
    expect(signer.certificate.subject).toBe('CN=quorate test signer')
  })

  it('is refused over another image', () => {
    expect(() => verifySignature(signature!, aws.pcr1)).toThrow(/another image/)
  })

  it('is refused when a byte of it differs', () => {
    const forged = Buffer.from(signature!)
    const last = forged.length - 1
    forged[last] = forged[last] === 0x17 ? 0x16 : 0x17
    expect(() => verifySignature(forged, aws.pcr0)).toThrow()
  })

  it('of ours verifies, and travels in the file', () => {
    const { certificate, privateKey } = issueCertificate({
      subject: [['CN', 'release']],
      notBefore: 0,
      notAfter: Date.now(),
      ca: null,
    })
    const pem = new X509Certificate(certificate).toString()
    const section = signPcr0(aws.pcr0, pem, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const carried = readEif(writeEif({ ...image, signature: section })).signature
    expect(verifySignature(carried!, aws.pcr0).certificate.raw).toEqual(Buffer.from(certificate))
  })

  it('is not made with a key that is not the certificate’s', () => {
    const pem = verifySignature(signature!, aws.pcr0).certificate.toString()
    for (const namedCurve of ['P-384', 'P-256']) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve })
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
      expect(() => signPcr0(aws.pcr0, pem, key)).toThrow(/P-384 key of its certificate/)
    }
  })
})
