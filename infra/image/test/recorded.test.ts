import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { applicationRamdisk, bootRamdisk } from '../src/build/ramdisks.ts'
import type { Image } from '../src/eif/image.ts'
import { writeEif } from '../src/eif/write.ts'
import { compareWithRecord, recordOf } from '../src/recorded/measurements.ts'
import { firstDifference } from '../src/recorded/parts.ts'

type Contents = Readonly<{ kernel?: string; init?: string; libc?: string; code?: string; configuration?: string }>

const metadata: Image['metadata'] = {
  ImageName: 'few words',
  ImageVersion: '1',
  BuildMetadata: { BuildTime: '', BuildTool: '', BuildToolVersion: '', OperatingSystem: '', KernelVersion: '' },
  DockerInfo: {},
  CustomMetadata: {},
}

/** An image of a few words. */
function imageOf({
  kernel = 'kernel',
  init = 'init',
  libc = 'libc',
  code = 'code',
  configuration = '{}',
}: Contents): Image {
  const application = { 'configuration.json': Buffer.from(configuration), 'enclave.mjs': Buffer.from(code) }
  const files = { node: Buffer.from('node'), loader: Buffer.from('loader'), libraries: { libc: Buffer.from(libc) } }
  return {
    architecture: 'x86_64',
    defaultMemory: 0,
    defaultCpus: 0,
    kernel: Buffer.from(kernel),
    cmdline: 'quiet',
    metadata,
    ramdisks: [
      bootRamdisk({ init: Buffer.from(init), modules: {} }),
      applicationRamdisk({ ...files, application, command: ['/usr/bin/node'] }),
    ],
  }
}

const recorded = recordOf(imageOf({}), null)
const compare = (contents: Contents) => compareWithRecord(imageOf(contents), recorded)

it('names the first file and byte in which two builds differ', () => {
  expect(firstDifference(imageOf({}), imageOf({}))).toBeNull()
  expect(firstDifference(imageOf({ code: 'code' }), imageOf({ code: 'coat' }))).toBe(
    'rootfs/app/enclave.mjs differs at byte 2: 64 and 61',
  )
  expect(firstDifference(imageOf({ init: 'init', code: 'a' }), imageOf({ init: 'init!', code: 'b' }))).toBe(
    'boot/init differs at byte 4: the end and 21',
  )
})

it('names the ramdisk when no file differs', () => {
  const image = imageOf({})
  const ramdisks = [Buffer.concat([image.ramdisks[0]!, Buffer.of(0)]), image.ramdisks[1]!]
  expect(firstDifference(image, { ...image, ramdisks })).toMatch(
    /^the first ramdisk differs at byte \d+: the end and 00$/,
  )
})

it('takes an image with the recorded measurements for the recorded one', () => {
  expect(compare({}).same).toBe(true)
})

it('tells other sources from another configuration and from other packages, and shows both sets', () => {
  expect(compare({ code: 'new' }).text).toContain(
    'the sources differ from the recorded revision: rootfs/app/enclave.mjs',
  )
  expect(compare({ configuration: '[]' }).text).toContain('the configuration differs from the recorded one')
  const { same, text } = compare({ libc: 'newer', kernel: 'newer' })
  expect(same).toBe(false)
  expect(text).toContain('the recorded revision: kernel, rootfs/usr/lib/x86_64-linux-gnu/libc')
  expect(text).not.toContain('sources')
  for (const value of Object.values(recorded.pcrs)) expect(text).toContain(`recorded ${value}`)
})

it('keeps the set that was recorded before, and not that of a record which changes nothing', () => {
  const next = recordOf(imageOf({ code: 'new' }), recorded)
  expect(next.former).toEqual(recorded.pcrs)
  expect(recordOf(imageOf({ code: 'new' }), next)).toEqual(next)
})

it('ends a reproduction with 1 at a planted byte, of the image as of the WASM, and names it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-recorded-'))
  try {
    const file = (name: string, contents: Uint8Array): string => {
      writeFileSync(join(folder, name), contents)
      return join(folder, name)
    }
    const images = ['code', 'c0de'].map((code) => ['--image', file(`${code}.eif`, writeEif(imageOf({ code })))])
    const modules = ['wasm', 'wasp'].map((text) => ['--wasm', file(text, Buffer.from(text))])
    const program = new URL('../src/compare-builds.ts', import.meta.url).pathname
    const options = ['--conditions=source', '--no-warnings', program, ...images.flat(), ...modules.flat()]
    const { status, stdout } = spawnSync(process.execPath, options, { encoding: 'utf8' })
    expect(stdout).toContain('the image: rootfs/app/enclave.mjs differs at byte 1: 6f and 30\n')
    expect(stdout).toContain('the WASM: mpc.wasm differs at byte 3: 6d and 70\n')
    expect(stdout).toContain('NOT THE RECORDED MEASUREMENTS')
    expect(status).toBe(1)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
