import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imageSbom, type Sbom } from '../src/sbom/image-sbom.ts'

const top = resolve(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(top, path), 'utf8')

describe('the list of what is in the enclave image', () => {
  const { components } = imageSbom(read)

  it('has kernel, libraries, Node, packages and crates, each once and with its digest', () => {
    const kinds = components.map(({ purl }) => /^pkg:(\w+)/.exec(purl)?.[1])
    const count = (kind: string) => kinds.filter((one) => one === kind).length
    expect(count('deb')).toBe(5)
    expect(count('npm')).toBe(read('enclave/DEPENDENCIES.txt').trim().split('\n').length + 1)
    expect(count('cargo')).toBe(read('shared/mpc/Cargo.lock').match(/^checksum = /gm)?.length)
    for (const { name, hashes } of components)
      expect(hashes[0]?.content, name).toMatch(/^([0-9a-f]{64}|[0-9a-f]{128})$/)
    expect(new Set(components.map(({ purl }) => purl)).size).toBe(components.length)
  })

  it('is told of in NOTICE, part by part with a licence, and NOTICE tells of nothing else', () => {
    const told = (file: string) => [...read(file).matchAll(/^ {2}(\S+) +\S.*$/gm)].map(([, name = '']) => name)
    const isCrate = ({ purl }: { purl: string }) => purl.startsWith('pkg:cargo/')
    // Debian names each build of the kernel.
    const named = (some: Sbom['components']) =>
      [...new Set(some.map(({ name }) => name.replace(/^(linux-image)-.*$/, '$1')))].sort()
    expect(told('shared/NOTICE').sort()).toEqual(named(components.filter(isCrate)))
    expect(told('NOTICE').sort()).toEqual(named(components.filter((one) => !isCrate(one))))
  })
})

/** Of what is built already: other tests run meanwhile. */
describe('make sbom', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-sbom-'))
  beforeAll(() => {
    execFileSync('make', ['-s', '-o', 'build', 'sbom', `SBOM=${folder}`], {
      cwd: top,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each([
    ['enclave-image', ['zod', 'frost-core', 'libc6']],
    ['gateway', ['express', 'better-sqlite3', 'swagger-ui-dist']],
    ['client', ['commander', 'age-encryption', 'zod']],
  ])('writes CycloneDX of %s', (name, parts) => {
    expect(readdirSync(folder)).toContain(`${name}.cdx.json`)
    const sbom = JSON.parse(readFileSync(join(folder, `${name}.cdx.json`), 'utf8')) as Sbom
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5' })
    const names = sbom.components.map((one) => one.name)
    expect(names).toEqual(expect.arrayContaining(parts))
    expect(names.filter((one) => ['vitest', 'typescript', 'eslint'].includes(one))).toEqual([])
    const refs = sbom.components.map((one) => one['bom-ref'])
    expect(new Set(refs).size).toBe(refs.length)
  })
})
