import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { schnorr } from '@noble/curves/secp256k1.js'
import type { Metafile } from 'esbuild'
import { nip19 } from 'nostr-tools'
import type { Browser, Page as Tab } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDocument } from '@quorate/shared/attestation/verify'
import { createSigner } from '@quorate/shared/crypto/sign'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { bundlePage } from './browser/bundle.ts'
import type { Page } from './browser/page.ts'
import { runIn } from './browser/run.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'
import { chromiumIsThere, openChromium } from '../../shared/test/chromium.js'

const vector = (name: string) => readFileSync(new URL(`../../shared/test/vectors/${name}`, import.meta.url))
const wasm = new URL('../../shared/mpc/mpc.wasm', import.meta.url)

let script: string
let metafile: Metafile
beforeAll(async () => {
  ;({ script, metafile } = await bundlePage())
})

describe('the bundle for browsers', () => {
  it('imports nothing of Node', () => {
    const imported = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path))
    expect(imported.filter((path) => path.startsWith('node:') || isBuiltin(path))).toEqual([])
    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
    const files = Object.keys(metafile.inputs)
    expect(
      files
        .filter((path) => /ed25519|gcm|module\.(web|node)/.test(path))
        .map((path) => path.split('/').pop())
        .sort(),
    ).toEqual(['ed25519.web.ts', 'gcm.web.ts', 'module.web.ts'])
    expect(files.filter((path) => path.includes('@noble/curves') || path.includes('/cli/'))).toEqual([])
  })
})

describe.skipIf(!chromiumIsThere('the tests of the SDK in a browser'))('in Chromium', () => {
  let browser: Browser
  let tab: Tab
  let fleet: Fleet
  let gateway: Gateway
  const run = <N extends keyof Page>(name: N, ...given: Parameters<Page[N]>) => runIn(tab, name, ...given)

  beforeAll(async () => {
    fleet = await createFleet()
    gateway = await startGateway(fleet)
    gateway.files.set('/', { type: 'text/html', body: '<script type="module" src="/js/page.js"></script>' })
    gateway.files.set('/js/page.js', { type: 'text/javascript', body: script })
    gateway.files.set('/mpc.wasm', { type: 'application/wasm', body: readFileSync(wasm) })
    browser = await openChromium()
    tab = await browser.newPage()
    await tab.goto(gateway.url)
    await tab.waitForFunction(() => 'page' in globalThis)
  })
  afterAll(async () => {
    await browser.close()
    await gateway.close()
  })

  it('verifies a genuine attestation document at its own time, and refuses it now', async () => {
    const document = new Uint8Array(vector('nitro-attestation/marlin_sample1.bin'))
    const { payload } = openDocument(document)
    const roots = [vector('nitro-attestation/aws_nitro_root_g1.pem').toString()]
    const policy = { roots, measurements: [{ '0': payload.pcrs['0']! }] }
    const moduleId = await run('attest', toBase64url(document), { policy, now: payload.timestamp })
    expect(moduleId).toBe(payload.moduleId)
    await expect(run('attest', toBase64url(document), { policy, now: Date.now() })).rejects.toThrow()
  })

  it('seals what an enclave opens', async () => {
    const { keys, identity } = fleet.enclaves[0]!
    const sealed = await run('seal', identity.sealKey, 'c0ffee')
    expect(toHex(keys.open(fromBase64url(sealed)))).toBe('c0ffee')
  })

  it('runs a host of shares', async () => {
    const { sealKey, nonce } = await run('host', fleet.trust)
    expect(sealKey).toMatch(/^0[23][0-9a-f]{64}$/)
    expect(nonce).toMatch(/^[0-9a-f]{64}$/)
  })

  it('signs with Ed25519 as Node does', async () => {
    const signer = await createSigner(new Uint8Array(32).fill(7))
    const signed = await run('sign', '07'.repeat(32), 'abcd')
    const signature = toHex(await signer.sign(fromHex('abcd')))
    expect(signed).toEqual({ publicKey: toHex(signer.publicKey), signature, verified: true })
  })

  it('verifies BIP-340 in WebAssembly', async () => {
    const secret = new Uint8Array(32).fill(9)
    const key = toHex(schnorr.getPublicKey(secret))
    const signature = toHex(schnorr.sign(fromHex('abcd'), secret))
    expect(await run('verify', key, 'abcd', signature)).toBe(true)
    expect(await run('verify', key, 'abce', signature)).toBe(false)
  })

  it('makes a key and signs with it', async () => {
    const { groupKey, signature } = await run('makeKeyAndSign', fleet.trust, 'from a browser')
    expect(schnorr.verify(fromHex(signature), hashOfBytes('from a browser'), fromHex(groupKey))).toBe(true)
  })

  it('deals a key that its owner has whole, and signs with it', async () => {
    const secret = schnorr.utils.randomSecretKey()
    const dealt = await run('dealKeyAndSign', fleet.trust, nip19.nsecEncode(secret), 'from a browser')
    expect(dealt.groupKey).toBe(toHex(schnorr.getPublicKey(secret)))
    expect(dealt.left).toBe('00'.repeat(32))
    const message = hashOfBytes('from a browser')
    expect(schnorr.verify(fromHex(dealt.signature), message, fromHex(dealt.groupKey))).toBe(true)
  })

  it('refuses an enclave of another fleet, by its code', async () => {
    const { trust } = await createFleet(1)
    expect(await run('refusal', trust)).toBe('attestation.invalid')
  })
})
