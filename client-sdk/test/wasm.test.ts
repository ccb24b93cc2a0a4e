import { readFileSync } from 'node:fs'
import { copyFile, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type * as Sdk from '../src/index.ts'

const wasm = new URL('../../shared/mpc/mpc.wasm', import.meta.url)

/** The SDK as a program has it that has loaded nothing yet. */
let sdk: typeof Sdk
beforeEach(async () => {
  vi.resetModules()
  sdk = await import('../src/index.ts')
})

const works = async (): Promise<string> => (await sdk.proveAdaptor(new Uint8Array(32).fill(1, 31))).point

describe('on Node', () => {
  it.each<[string, () => Sdk.WasmSource | undefined]>([
    ['nothing', () => undefined],
    ['the URL of a file', () => wasm],
    ['such a URL as text', () => wasm.href],
    ['bytes', () => new Uint8Array(readFileSync(wasm))],
    ['a Response', () => new Response(readFileSync(wasm))],
    ['a compiled module', () => new WebAssembly.Module(readFileSync(wasm))],
  ])('%s loads the cryptography', async (_, source) => {
    await sdk.loadWasm(source())
    expect(await works()).toMatch(/^0279be66/)
  })

  it.each<[string, Sdk.WasmSource, object]>([
    ['a path', './mpc.wasm', { code: 'wasm.missing', issues: ['./mpc.wasm is no URL'] }],
    ['a file that is not there', 'file:///nowhere/mpc.wasm', { code: 'wasm.missing' }],
    ['a server that is not there', 'http://127.0.0.1:9/mpc.wasm', { code: 'wasm.missing' }],
    ['an answer without it', new Response('', { status: 404 }), { code: 'wasm.missing' }],
    ['other bytes', new Uint8Array(8), { code: 'wasm.other', issues: ['8 bytes'] }],
    ['another module', new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)), { code: 'wasm.other' }],
    ['an object', {}, { code: 'wasm.other' }],
  ])('%s is a QuorateError, and no reason not to try again', async (_, source, refusal) => {
    await expect(sdk.loadWasm(source)).rejects.toMatchObject({ name: 'QuorateError', by: 'client', ...refusal })
    expect(await works()).toMatch(/^0279be66/)
  })

  it('what lies beside a bundle is held to the release', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quorate-wasm-'))
    await copyFile(wasm, join(folder, 'mpc.wasm'))
    const url = pathToFileURL(join(folder, 'mpc.wasm'))
    const bytes = readFileSync(wasm)
    bytes[bytes.length - 1]! ^= 1
    await writeFile(url, bytes)
    await expect(sdk.loadWasm(url)).rejects.toMatchObject({ code: 'wasm.other', issues: [url.pathname] })
  })
})
