import { once } from 'node:events'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { schnorr } from '@noble/curves/secp256k1.js'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../../shared/test/bytes-hash.js'
import { chromiumIsThere, openChromium } from '../../../../shared/test/chromium.js'
import { copyExamples, run, type CleanFolder } from './clean-folder.ts'
import { asCommonJs, pageFiles, pageHtml, tenLines } from './programs.ts'
import { long, withNewcomer } from './with-newcomer.ts'

/** From the oldest that the README of the SDK names to the newest. */
const compilers = ['5.7.3', '5.9.3', '6.0.3', '7.0.2']
/** These read every declaration that is reached, which takes the others longest. */
const wholly = ['5.7.3', '7.0.2']
const compiler = (version: string) => `typescript-${version}`

let program: string
let page: string
let typed: string

function install(clean: CleanFolder): void {
  const dependencies = clean.packages
  const files = { 'use.mjs': tenLines(), 'use.cjs': asCommonJs(tenLines()) }
  program = clean.project('program', { dependencies }, files)
  const bundlers = { esbuild: '0.28.2', vite: '8.3.8' }
  page = clean.project('page', { type: 'module', dependencies: { ...dependencies, ...bundlers } }, pageFiles)
  const versions = compilers.map((version) => [compiler(version), `npm:typescript@${version}`] as const)
  const types = { '@types/node': '20.19.25', ...Object.fromEntries(versions) }
  typed = clean.project(
    'typed',
    { type: 'module', dependencies: { ...dependencies, ...types } },
    { 'use.ts': tenLines() },
  )
}
const newcomer = withNewcomer(install)

const holds = (groupKey: string, signature: Uint8Array) =>
  schnorr.verify(signature, hashOfBytes('hello'), fromHex(groupKey))

describe.each(['oldest', 'own'] as const)('a program on the %s Node', { timeout: long }, (node) => {
  it.each(['use.mjs', 'use.cjs'])('of ten lines makes a key and signs: %s', async (file) => {
    const { clean, env } = newcomer()
    const { status, out, err } = await run(clean.nodes[node], [file], { cwd: program, env })
    expect({ status, err: err.replaceAll(/^\(.*(Experimental|--trace-warnings).*\n/gm, '') }).toEqual({
      status: 0,
      err: '',
    })
    const [groupKey = '', signature = '', receipts] = out.trim().split(' ')
    expect(holds(groupKey, fromHex(signature))).toBe(true)
    expect(receipts).toBe('2')
  })
})

describe('the types', () => {
  const options = {
    ...{ strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, noEmit: true },
    ...{ target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], types: ['node'] },
  }
  it.each(compilers)('are read strictly by TypeScript %s', { timeout: long }, async (version) => {
    const config = `tsconfig.${version}.json`
    const skipLibCheck = !wholly.includes(version)
    const compilerOptions = { ...options, skipLibCheck, module: 'nodenext', moduleResolution: 'nodenext' }
    writeFileSync(join(typed, config), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
    const tsc = join('node_modules', compiler(version), 'bin/tsc')
    const { status, out } = await run(newcomer().clean.nodes.oldest, [tsc, '-p', config], { cwd: typed })
    expect({ status, out }).toEqual({ status: 0, out: '' })
  })

  it('fit the examples', { timeout: long }, async () => {
    const examples = copyExamples(newcomer().clean)
    const files = [
      'make-key',
      'person',
      'approve',
      'taproot/spend',
      'approval-service/service',
      'browser/page',
      'browser/serve',
    ]
    const compilerOptions = { ...options, allowJs: true, checkJs: true, skipLibCheck: true, module: 'nodenext' }
    const typeRoots = [join(typed, 'node_modules/@types')]
    const config = { compilerOptions: { ...compilerOptions, typeRoots }, files: files.map((file) => `${file}.js`) }
    writeFileSync(join(examples, 'tsconfig.json'), JSON.stringify(config))
    const tsc = join(typed, 'node_modules', compiler('6.0.3'), 'bin/tsc')
    const { status, out } = await run(newcomer().clean.nodes.oldest, [tsc, '-p', '.'], { cwd: examples })
    expect({ status, out }).toEqual({ status: 0, out: '' })
  })
})

const contentTypes: Record<string, string> = {
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
  '.html': 'text/html',
}

/** Serves a folder, as any web server does. */
async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url === '/' ? '/index.html' : (request.url ?? '')
    try {
      const body = readFileSync(join(folder, path))
      response.writeHead(200, { 'content-type': contentTypes[extname(path)] ?? 'text/plain' }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Each makes `public` of the page's folder. */
const bundlers = {
  esbuild: async () => {
    const line = ['page.js', 'worker.js', '--bundle', '--format=esm', '--target=es2023', '--outdir=esbuild/js']
    expect(
      await run(newcomer().clean.nodes.own, ['node_modules/esbuild/bin/esbuild', ...line], { cwd: page }),
    ).toMatchObject({ status: 0 })
    const shared = join(page, 'node_modules/@quorate/shared')
    copyFileSync(join(shared, 'dist/mpc/mpc.wasm'), join(page, 'esbuild/mpc.wasm'))
    writeFileSync(join(page, 'esbuild/index.html'), pageHtml('/js/page.js'))
  },
  vite: async () => {
    mkdirSync(join(page, 'vite'), { recursive: true })
    writeFileSync(join(page, 'index.html'), pageHtml('/page.js'))
    const line = ['node_modules/vite/bin/vite.js', 'build', '--outDir', 'vite', '--emptyOutDir']
    writeFileSync(
      join(page, 'vite.config.js'),
      "export default { worker: { format: 'es' }, build: { target: 'es2023' } }\n",
    )
    expect(await run(newcomer().clean.nodes.own, line, { cwd: page })).toMatchObject({ status: 0 })
  },
}

describe.skipIf(!chromiumIsThere('pages that are bundled from the packed SDK')).each(['esbuild', 'vite'] as const)(
  'a page that %s has bundled',
  (bundler) => {
    let browser: Browser
    let server: Server
    beforeAll(async () => {
      await bundlers[bundler]()
      server = await serve(join(page, bundler))
      browser = await openChromium()
    })
    afterAll(async () => {
      await browser.close()
      server.close()
    })

    it.each(['use', 'useInWorker'])('makes a key and signs, by %s', async (name) => {
      const tab = await browser.newPage()
      await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
      await tab.waitForFunction(() => 'useInWorker' in globalThis)
      const { url, trust } = newcomer().fleet
      const { groupKey, signature } = await tab.evaluate(
        ([called, given]) =>
          (
            globalThis as unknown as Record<
              string,
              (given: unknown) => Promise<{ groupKey: string; signature: number[] }>
            >
          )[called]!(given),
        [name, { gateway: url, trust }] as const,
      )
      expect(holds(groupKey, Uint8Array.from(signature))).toBe(true)
    })
  },
)
