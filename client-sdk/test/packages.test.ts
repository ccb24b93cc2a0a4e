import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'

const top = resolve(import.meta.dirname, '../..')

/** The paths that `npm publish` would send, of a workspace that has been built. */
function packed(workspace: string): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const printed = execFileSync('npm', args, { cwd: resolve(top, workspace), encoding: 'utf8', stdio: 'pipe' })
  const [{ files }] = JSON.parse(printed) as [{ files: { path: string }[] }]
  return files.map(({ path }) => path)
}

describe.each(['shared', 'shared/party', 'client-sdk'])('the package made of %s', (workspace) => {
  const files = packed(workspace)

  it('holds no test and nothing of the build itself', () => {
    expect(files.filter((path) => /(^|\/)tests?\/|\.test\.|tsbuildinfo|\.d\.ts\.map$/.test(path))).toEqual([])
  })

  it('has types for every module, and nothing that is not compiled', () => {
    const modules = files.filter((path) => path.startsWith('dist/') && path.endsWith('.js'))
    expect(modules.length).toBeGreaterThan(30)
    for (const path of modules) expect(files).toContain(path.replace(/\.js$/, '.d.ts'))
    expect(files.filter((path) => /(?<!\.d)\.ts$/.test(path))).toEqual([])
  })

  it('says what it is, under which licences, on which Node, and that a bundler may leave out what is not used', () => {
    expect(files.filter((path) => /^(LICENSE|README)/.test(path)).sort()).toEqual([
      'LICENSE-APACHE',
      'LICENSE-MIT',
      'README.md',
    ])
    const manifest = JSON.parse(readFileSync(resolve(top, workspace, 'package.json'), 'utf8')) as object
    expect(manifest).toMatchObject({
      license: '(Apache-2.0 OR MIT)',
      description: expect.stringMatching(/^\w.{20}/) as string,
      keywords: expect.arrayContaining(['threshold-signature', 'frost']) as string[],
      engines: { node: '>=20.19' },
      sideEffects: false,
    })
  })

  it('holds each file that its package.json names', () => {
    const manifest = readFileSync(resolve(top, workspace, 'package.json'), 'utf8')
    const named = [...manifest.matchAll(/"\.\/((?:dist|bin)\/[\w./-]+\*?[\w./-]*)"/g)].map(([, path]) => path!)
    expect(named.length).toBeGreaterThan(1)
    for (const path of named) {
      const [before = '', after = ''] = path.split('*')
      expect(files.filter((file) => file.startsWith(before) && file.endsWith(after))).not.toEqual([])
    }
  })
})

/** What a page imports that makes keys and signs with them. */
const page = `
  import { decodeInvitation, encodeInvitation, exportKey, importKey, loadWasm, Quorate, showContent } from '@quorate/client'
  globalThis.sdk = { decodeInvitation, encodeInvitation, exportKey, importKey, loadWasm, Quorate, showContent }`

/** A page as a bundler makes it: what it loads at once, what it loads when it is called, and the files that the first is made of. */
type Loaded = Readonly<{ first: Uint8Array[]; later: Uint8Array[]; used: string[] }>

async function bundled(contents: string): Promise<Loaded> {
  // As npm installs the two packages: of what both want there is one copy.
  const alias = { '@noble/ciphers': resolve(top, 'client-sdk/node_modules/@noble/ciphers') }
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: resolve(top, 'client-sdk') },
    absWorkingDir: top,
    outdir: resolve(top, 'out'),
    ...{
      bundle: true,
      splitting: true,
      minify: true,
      write: false,
      metafile: true,
      alias,
      platform: 'browser',
      format: 'esm',
    },
  })
  const { outputs } = metafile
  const first = new Set(Object.keys(outputs).filter((path) => outputs[path]!.entryPoint === '<stdin>'))
  for (const path of first)
    for (const { kind, path: next } of outputs[path]!.imports) if (kind === 'import-statement') first.add(next)
  const scripts = outputFiles.map(({ path, contents }) => ({ path: relative(top, path), contents }))
  const inputs = [...first].flatMap((path) => Object.entries(outputs[path]!.inputs))
  return {
    first: scripts.filter(({ path }) => first.has(path)).map(({ contents }) => contents),
    later: scripts.filter(({ path }) => !first.has(path)).map(({ contents }) => contents),
    used: inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  }
}

const bytesOf = (scripts: readonly Uint8Array[]): number => scripts.reduce((sum, { length }) => sum + length, 0)

describe('a page that makes keys and signs', () => {
  let loaded: Loaded
  beforeAll(async () => {
    loaded = await bundled(page)
  })

  it('speaks no language but one', () => {
    expect(loaded.used.flatMap((path) => /locales\/(.*)/.exec(path)?.[1] ?? [])).toEqual(['en.js'])
  })

  it('loads as much as docs/sdk.md says, beside the WebAssembly', () => {
    const text = readFileSync(resolve(top, 'docs/sdk.md'), 'utf8')
    const [, plain, packed, later] =
      /at most (\d+) kB of script, (\d+) kB compressed by gzip[^]*?Another (\d+) kB/.exec(text) ?? []
    expect(bytesOf(loaded.first)).toBeLessThanOrEqual(Number(plain) * 1_000)
    const compressed = loaded.first.map((script) => gzipSync(script, { level: 9 }))
    expect(bytesOf(compressed)).toBeLessThanOrEqual(Number(packed) * 1_000)
    expect(bytesOf(loaded.later)).toBeLessThanOrEqual(Number(later) * 1_000)
  })
})

it('brings the cryptography along, and says whose it is', () => {
  expect(packed('shared')).toEqual(expect.arrayContaining(['dist/mpc/mpc.wasm', 'NOTICE']))
})

/** Takes from this Node what Node 20 does not have. */
const asNode20 = `
  for (const name of ['fromHex', 'fromBase64']) delete Uint8Array[name]
  for (const name of ['toHex', 'toBase64', 'setFromHex', 'setFromBase64']) delete Uint8Array.prototype[name]
  for (const name of ['try', 'withResolvers']) delete Promise[name]
  for (const name of ['union', 'intersection', 'difference', 'isSubsetOf']) delete Set.prototype[name]
  for (const name of ['map', 'filter', 'toArray', 'some', 'every']) delete Iterator.prototype[name]
  delete Array.fromAsync
  delete URL.parse
`

/** What a program says that runs as if Node 20 did. */
function runAsNode20(program: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', asNode20 + program], {
    cwd: resolve(top, 'client-sdk'),
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  return stdout
}

it('lets a program of Node 20 be a client', () => {
  const root = readFileSync(resolve(top, 'shared/test/vectors/nitro-attestation/aws_nitro_root_g1.pem'), 'utf8')
  const program = `
    const { Quorate, loadWasm } = await import('@quorate/client')
    await loadWasm()
    const trust = { roots: [${JSON.stringify(root)}], measurements: [{ 0: '00'.repeat(48) }] }
    console.log(new Quorate({ gateway: 'http://127.0.0.1:1/', trust }).gateway)`
  expect(runAsNode20(program)).toBe('http://127.0.0.1:1\n')
})

it('lets a program of Node 20 be a host', () => {
  const program = `
    const { loadMpc } = await import('@quorate/shared/mpc')
    const { deriveHostKeys } = await import('@quorate/party/host-keys')
    const { createParty } = await import('@quorate/party/party')
    const mpc = await loadMpc()
    const keys = await deriveHostKeys(mpc, 'node-20', crypto.getRandomValues(new Uint8Array(32)))
    const images = { policy: () => null, accepts: () => false, serial: () => 0 }
    const life = { id: '00'.repeat(32), startedAt: Date.now() }
    const [clock, alarm, giveWay, log] = [Date.now, () => () => {}, async () => {}, () => {}]
    const party = createParty({ mpc, keys, images, measurements: {}, life, clock, alarm, giveWay, log })
    console.log((await party.challenge({})).nonce)`
  expect(runAsNode20(program)).toMatch(/^[0-9a-f]{64}\n$/)
})
