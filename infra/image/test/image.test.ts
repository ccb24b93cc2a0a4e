import { X509Certificate } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import { issueCertificate } from '@quorate/local/nsm/certificate'
import { describe, expect, it } from 'vitest'
import { cmdlineOf, type Profile } from '../src/build/cmdline.ts'
import { makeImage } from '../src/build/make.ts'
import { moduleNames } from '../src/build/ramdisks.ts'
import { registersOf, signImage } from '../src/build/write-image.ts'
import type { Image } from '../src/eif/image.ts'
import { fetchPackages } from '../src/debian/packages.ts'
import { readPins } from '../src/debian/pins.ts'
import { readEif } from '../src/eif/read.ts'
import { writeEif } from '../src/eif/write.ts'
import { readCpio } from '../src/cpio/read.ts'
import { filesThatDiffer, readMeasurements } from '../src/recorded/measurements.ts'
import { isOfSources } from '../src/recorded/parts.ts'

/** An image of a one-line application, as whoever has this umask makes it. */
async function imageOf(code: string, umask: number, profile: Profile = 'production'): Promise<Image> {
  const before = process.umask(umask)
  try {
    return await makeImage({ 'enclave.mjs': Buffer.from(code) }, profile)
  } finally {
    process.umask(before)
  }
}

/** Needs Debian's packages, some 60 MB once. Where neither cache nor mirror has them the tests are skipped, and say why. */
const unavailable = /^not to be had|npm installs|spawn (apt-get|dpkg-deb|setpriv|flock) ENOENT/
const first = await imageOf('one', 0o022).catch((error: unknown) => {
  if (error instanceof Error && unavailable.test(error.message)) return error.message
  throw error
})
if (typeof first === 'string') process.stderr.write(`the enclave image is not tested here: ${first}\n`)

describe.skipIf(typeof first === 'string')('the enclave image', { timeout: 120_000 }, () => {
  const image = first as Image
  const boot = () => readCpio(Buffer.from(image.ramdisks[0]!))
  const application = () => readCpio(zstdDecompressSync(image.ramdisks[1]!))

  it('is the same file, and so the same measurements, when it is built again', async () => {
    const again = await imageOf('one', 0o077)
    expect(writeEif(again).equals(writeEif(image))).toBe(true)
  })

  it('has the recorded PCR1 and the recorded files but for the application, when the pinned packages are to be had', async ({
    skip,
  }) => {
    const { newer } = await fetchPackages(readPins())
    if (newer.length > 0) skip('the pins are stale')
    const recorded = readMeasurements()
    expect(registersOf(image)['1']).toBe(recorded.pcrs[1])
    expect(filesThatDiffer(image, recorded).filter((name) => !isOfSources(name))).toEqual([])
  })

  it('measures another application as PCR0 and PCR2, and its boot as before', async () => {
    const [one, other] = [registersOf(image), registersOf(await imageOf('two', 0o022))]
    expect([one['0'] === other['0'], one['1'] === other['1'], one['2'] === other['2']]).toEqual([false, true, false])
  })

  it('for emulation differs from the one for production in the command line alone', async () => {
    const emulated = await imageOf('one', 0o022, { emulatedTscKhz: 2_600_000 })
    expect(writeEif({ ...emulated, cmdline: image.cmdline }).equals(writeEif(image))).toBe(true)
    expect(image.cmdline).toBe(cmdlineOf('production'))
    expect(emulated.cmdline).toBe(`${image.cmdline} tsc_early_khz=2600000 tsc=reliable`)
  })

  it('boots with init and the drivers it needs, and nothing else', () => {
    const files = boot().filter(({ mode }) => (mode & 0o170000) === 0o100000)
    const modules = moduleNames.map((name) => `modules/${name.split('/').at(-1) ?? ''}.ko.xz`)
    expect(files.map(({ path }) => path)).toEqual(['init', ...modules.sort()])
  })

  it('keeps the application below its own root, so that it cannot replace init', () => {
    expect(application().filter(({ path }) => path !== 'rootfs' && !path.startsWith('rootfs/'))).toEqual([])
  })

  it('holds no shell, no link, nothing writable and nothing with the rights of its owner', () => {
    for (const { path, mode } of application()) {
      expect(path).not.toMatch(/\/(ba|da|z)?sh$|busybox/)
      expect([0o040000, 0o100000], path).toContain(mode & 0o170000)
      expect(mode & 0o6000, path).toBe(0)
      if (path !== 'rootfs') expect(mode & 0o022, path).toBe(0)
    }
  })

  it('carries a signature that changes PCR8 only', () => {
    const { certificate, privateKey } = issueCertificate({
      subject: [['CN', 'release']],
      notBefore: 0,
      notAfter: Date.now(),
      ca: null,
    })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
    const signed = signImage(image, new X509Certificate(certificate).toString(), key)
    const { 8: pcr8, ...others } = registersOf(readEif(writeEif(signed)))
    expect(others).toEqual(registersOf(image))
    expect(pcr8).toMatch(/^[0-9a-f]{96}$/)
  })
})
