import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumIsThere, openChromium } from '../../shared/test/chromium.js'
import { byEsbuild, byVite, recipe, serve, type Files } from './browser/recipes.ts'

/** Of the generator: the point of the secret 1. */
const POINT = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'

/** What a page does afterwards: something that needs the cryptography, and says what came of it. */
const tell = `
import { proveAdaptor as prove } from '@quorate/client'
globalThis.told = await prove(new Uint8Array(32).fill(1, 31)).then(({ point }) => point)`
const load = `
import { loadWasm as load } from '@quorate/client'
globalThis.told = await load(globalThis.from).then(() => 'loaded', ({ name, code, issues }) => [name, code, ...issues])`

const WASM = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"

describe.skipIf(!chromiumIsThere('the recipes for pages'))('in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openChromium()
  })
  afterAll(() => browser.close())

  async function told(files: Files, policy = WASM): Promise<unknown> {
    const { url, close } = await serve(files, policy)
    const tab = await browser.newPage()
    try {
      await tab.goto(url)
      await tab.waitForFunction(() => 'told' in globalThis)
      return await tab.evaluate(() => (globalThis as unknown as { told: unknown }).told)
    } finally {
      await tab.close()
      close()
    }
  }

  it('the recipe for Vite finds the file, under a policy', async () => {
    expect(await told(await byVite(recipe('Vite') + tell))).toBe(POINT)
  })

  it('Vite brings the file along without a recipe', async () => {
    expect(await told(await byVite(tell))).toBe(POINT)
  })

  it('the recipe for esbuild finds the file', async () => {
    expect(await told(await byEsbuild({ 'app.js': recipe('esbuild') + tell }))).toBe(POINT)
  })

  it('the recipe for workers hands the module over', async () => {
    const page = `${recipe('page')}\nworker.onmessage = ({ data }) => { globalThis.told = data }`
    const worker = `${recipe('worker')}${tell}\npostMessage(globalThis.told)`
    expect(await told(await byEsbuild({ 'app.js': page, 'worker.js': worker }))).toBe(POINT)
  })

  it.each([
    ['a Response', 'globalThis.from = await fetch(new URL(wasm, import.meta.url))'],
    ['a promise of one', 'globalThis.from = fetch(new URL(wasm, import.meta.url))'],
    ['bytes', 'globalThis.from = await (await fetch(new URL(wasm, import.meta.url))).arrayBuffer()'],
  ])('%s will do', async (_, from) => {
    const given = await byEsbuild({
      'app.js': `import './given.js'\n${load}`,
      'given.js': `import wasm from '@quorate/shared/mpc.wasm'\n${from}`,
    })
    expect(await told(given)).toBe('loaded')
  })

  it('a policy without wasm-unsafe-eval is told from a file that is missing', async () => {
    const files = await byEsbuild({
      'app.js': recipe('esbuild').replace(
        /await loadWasm.*/,
        (call) => `
      globalThis.told = await ${call.slice(6)}.catch(({ name, code }) => [name, code])`,
      ),
    })
    expect(await told(files, "default-src 'self'")).toEqual(['QuorateError', 'wasm.refused'])
  })

  it('a page in place of the file is told by its type', async () => {
    const refusal = ['QuorateError', 'wasm.other', expect.stringMatching(/mpc\.wasm is text\/html$/)]
    expect(await told(await byEsbuild({ 'app.js': load }))).toEqual(refusal)
  })

  it('what is no address, and who may not be asked, is missing', async () => {
    const elsewhere = await byEsbuild({ 'app.js': `globalThis.from = 'http://127.0.0.1:9/mpc.wasm'\n${load}` })
    expect(await told(elsewhere)).toEqual(['QuorateError', 'wasm.missing', 'http://127.0.0.1:9/mpc.wasm'])
  })
})
