import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openManifestFile, type ManifestFile } from '../../src/release/manifest-file.ts'
import { noticed, until } from '../../../shared/test/noticing.js'
import { signedManifest } from './signed-manifest.ts'

let folder: string
let path: string
let file: ManifestFile | null
const serials: number[] = []
const faults: string[] = []

const write = async (serial: number) => {
  writeFileSync(`${path}.draft`, JSON.stringify(await signedManifest(serial)))
  renameSync(`${path}.draft`, path)
}
const open = async () =>
  (file = await openManifestFile(path, {
    onManifest: ({ body }) => {
      serials.push(body.serial)
      noticed()
    },
    onFault: (fault) => faults.push(fault),
  }))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-manifest-'))
  path = join(folder, 'manifest.json')
  file = null
  serials.length = 0
  faults.length = 0
})
afterEach(() => {
  file?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('the file of the manifest', () => {
  it('is read at the start, when another is renamed into its place, and when it is asked to', async () => {
    await write(1)
    const { reload } = await open()
    expect(serials).toEqual([1])
    await write(2)
    await until(() => serials.includes(2), 'the change')
    file?.close()
    await write(3)
    await reload()
    await reload()
    expect(serials).toEqual([1, 2, 3])
  })

  it('need not be there when the gateway starts, but may hold nothing else than a manifest', async () => {
    const { close } = await open()
    expect(faults).toEqual([`${path} is not there yet`])
    await write(1)
    await until(() => serials.includes(1), 'the first manifest')
    close()
    writeFileSync(path, '{}')
    await expect(open()).rejects.toThrow(`QUORATE_MANIFEST: ${path} is not a signed manifest`)
    rmSync(path)
    mkdirSync(path)
    await expect(open()).rejects.toThrow(`QUORATE_MANIFEST: ${path} cannot be read`)
    rmSync(folder, { recursive: true })
    await expect(open()).rejects.toThrow(`QUORATE_MANIFEST: ${path} cannot be read`)
  })

  it('that is spoilt later is a fault, and the former manifest stays', async () => {
    await write(1)
    const { reload } = await open()
    file?.close()
    writeFileSync(path, '{"body"')
    await reload()
    rmSync(path)
    await reload()
    expect(serials).toEqual([1])
    expect(faults).toEqual(
      ['is not a signed manifest', 'is not there any more'].map((what) => `QUORATE_MANIFEST: ${path} ${what}`),
    )
  })
})
