import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { chromiumIsThere, openChromium } from '../../shared/test/chromium.js'
import { byEsbuild, recipe, serve } from './browser/recipes.ts'

const ask = `
const publicKeyOf = async (keyId) => (await signer.forKey(keyId)).publicKey
await createPasskey('alice')
globalThis.told = [await publicKeyOf('aa'.repeat(16)), await publicKeyOf('aa'.repeat(16)), await publicKeyOf('bb'.repeat(16))]`

describe.skipIf(!chromiumIsThere('the recipe for passkeys'))('in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openChromium()
  })
  afterAll(() => browser.close())

  it('the recipe for passkeys gives the pair of a key again, and each key another', async () => {
    const files = await byEsbuild({ 'app.js': recipe('passkey') + ask })
    const { url, close } = await serve(files, "default-src 'self'")
    const tab = await browser.newPage()
    try {
      const devtools = await tab.context().newCDPSession(tab)
      await devtools.send('WebAuthn.enable')
      const user = { hasResidentKey: true, hasUserVerification: true, isUserVerified: true, hasPrf: true }
      const options = { protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', ...user } as const
      await devtools.send('WebAuthn.addVirtualAuthenticator', { options })
      // A passkey belongs to a name, and an address is none.
      await tab.goto(url.replace('127.0.0.1', 'localhost'))
      await tab.waitForFunction(() => 'told' in globalThis)
      const told = await tab.evaluate(() => (globalThis as unknown as { told: string[] }).told)
      expect(told[0]).toMatch(/^[0-9a-f]{64}$/)
      expect(told[1]).toBe(told[0])
      expect(told[2]).not.toBe(told[0])
    } finally {
      await tab.close()
      close()
    }
  })
})
