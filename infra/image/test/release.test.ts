import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { verifyManifest } from '@quorate/shared/verify/manifest'
import { Manifest } from '@quorate/shared/wire/manifest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const program = new URL('../src/release.ts', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'quorate-release-'))
const file = (name: string) => join(folder, name)
const keys: string[] = []
const run = promisify(execFile)

async function release(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['--conditions=source', '--no-warnings', program, ...args])
  return stdout
}
const complaint = async (...args: string[]): Promise<string> =>
  release(...args).then(
    () => 'nothing',
    (error: unknown) => String((error as { stderr?: unknown }).stderr),
  )

const pcrs = (digit: string) => ({ 0: digit.repeat(96), 1: digit.repeat(96), 2: digit.repeat(96) })
const writeJson = (name: string, value: unknown) => writeFileSync(file(name), JSON.stringify(value))

beforeAll(async () => {
  for (const name of ['ann', 'ben', 'cleo']) keys.push((await release('key', '--out', file(`${name}.pem`))).trim())
  writeJson('old.json', pcrs('a'))
  writeJson('new.json', pcrs('b'))
  writeJson('enclave.json', { release: { keys, quorum: 2, delaySeconds: 60, leastSerial: 1 } })
  const images = ['--image', `1.0=${file('old.json')}`, '--image', `1.1=${file('new.json')}`]
  await release('draft', '--serial', '4', ...images, '--out', file('draft.json'))
  for (const name of ['ann', 'ben'])
    await release('sign', file('draft.json'), '--key', file(`${name}.pem`), '--out', file(`by-${name}.json`))
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

describe('a release key', () => {
  it('is a file for its owner alone, and never written over', async () => {
    expect(statSync(file('ann.pem')).mode & 0o777).toBe(0o600)
    const before = readFileSync(file('ann.pem'))
    expect(await complaint('key', '--out', file('ann.pem'))).toContain('EEXIST')
    expect(readFileSync(file('ann.pem'))).toEqual(before)
  })

  it('signs nothing while others may read it', async () => {
    const loose = file('loose.pem')
    await release('key', '--out', loose)
    chmodSync(loose, 0o640)
    expect(await complaint('sign', file('draft.json'), '--key', loose, '--out', file('x.json'))).toContain('chmod 600')
    expect(existsSync(file('x.json'))).toBe(false)
  })
})

describe('a manifest', () => {
  it('is signed by people one by one, joined, and then what enclaves take', async () => {
    await release('join', file('by-ann.json'), file('by-ben.json'), '--out', file('manifest.json'))
    const said = await release('check', file('manifest.json'), '--configuration', file('enclave.json'))
    expect(said).toContain('serial 4')
    expect(said).toContain(`signed by ${keys[1] ?? ''}`)
    const manifest = Manifest.parse(JSON.parse(readFileSync(file('manifest.json'), 'utf8')))
    await verifyManifest(manifest, { keys, quorum: 2 })
    expect(manifest.body.images.map(({ label }) => label)).toEqual(['1.0', '1.1'])
  })

  it('does not pass with one signature of two, also when it is joined with itself', async () => {
    await release('join', file('by-ann.json'), file('by-ann.json'), '--out', file('twice.json'))
    for (const name of ['by-ann.json', 'twice.json'])
      expect(await complaint('check', file(name), '--configuration', file('enclave.json'))).toContain('1 release keys')
  })

  it('is not joined from signatures of different manifests, or with one that does not verify', async () => {
    await release('draft', '--serial', '5', '--image', `1.0=${file('old.json')}`, '--out', file('other.json'))
    expect(await complaint('join', file('by-ann.json'), file('other.json'), '--out', file('x.json'))).toContain(
      'different',
    )
    const { signatures } = Manifest.parse(JSON.parse(readFileSync(file('by-ann.json'), 'utf8')))
    const { body } = JSON.parse(readFileSync(file('other.json'), 'utf8')) as { body: unknown }
    writeJson('moved.json', { body, signatures })
    expect(await complaint('join', file('moved.json'), '--out', file('x.json'))).toContain('does not verify')
    expect(existsSync(file('x.json'))).toBe(false)
  })

  it('lists no image in debug mode, and none that is named by PCR0 alone', async () => {
    writeJson('debug.json', pcrs('0'))
    writeJson('short.json', { 0: 'a'.repeat(96) })
    const draft = (name: string) =>
      complaint('draft', '--serial', '4', '--image', `x=${file(name)}`, '--out', file('x.json'))
    expect(await draft('debug.json')).toContain('debug mode')
    expect(await draft('short.json')).toContain('PCR0, 1 and 2')
    expect(existsSync(file('x.json'))).toBe(false)
  })
})
