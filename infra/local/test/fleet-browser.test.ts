import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { schnorr } from '@noble/curves/secp256k1.js'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundlePage } from '../../../client-sdk/test/browser/bundle.js'
import { runIn } from '../../../client-sdk/test/browser/run.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { chromiumIsThere, openChromium } from '../../../shared/test/chromium.js'
import { projectFolder } from '../src/fleet/entry.ts'
import { startMain } from './support/main-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-pages-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A fleet as `make fleet` starts it, with what it printed. */
async function startedFleet(name: string, env: Readonly<Record<string, string>>) {
  const { child, ended, says, output } = startMain(join(folder, name), env)
  await says(/^ {2}Ctrl-C/m)
  const printed = (what: RegExp) => what.exec(output())?.[1] ?? ''
  const stop = () => {
    child.kill('SIGTERM')
    return ended
  }
  return {
    url: printed(/^ready (\S+)$/m),
    metrics: printed(/^ {2}metrics +(\S+)$/m),
    trust: TrustPolicy.parse(JSON.parse(readFileSync(printed(/^ {2}trust +(\S+)/m), 'utf8'))),
    stop,
  }
}

/** What a developer's own server does: the page, its script and the WASM, on any port of the loopback. */
async function servePage(): Promise<Server> {
  const { script } = await bundlePage()
  const wasm = readFileSync(join(projectFolder, 'shared/mpc/mpc.wasm'))
  const files: Record<string, [type: string, body: string | Uint8Array]> = {
    '/': ['text/html', '<script type="module" src="/js/page.js"></script>'],
    '/js/page.js': ['text/javascript', script],
    '/mpc.wasm': ['application/wasm', wasm],
  }
  const server = createServer((request, response) => {
    const [type, body] = files[request.url ?? ''] ?? ['text/plain', '']
    response.writeHead(200, { 'content-type': type }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

describe('make fleet', () => {
  it('gives CORS to the fleet as it is written', () => {
    const shown = execFileSync('make', ['-n', 'fleet', 'CORS=*'], { cwd: projectFolder, encoding: 'utf8' })
    expect(shown).toMatch(/^exec env .*CORS='\*'.* node infra\/local\/dist\/src\/fleet\/main\.js$/m)
    expect(shown).toContain('compiling …')
  })
})

describe.skipIf(!chromiumIsThere('pages of a local fleet'))('a page in Chromium', () => {
  let browser: Browser
  let pages: Server
  const pageAt = async (host: string) => {
    const tab = await browser.newPage()
    await tab.goto(`http://${host}:${(pages.address() as AddressInfo).port}`)
    await tab.waitForFunction(() => 'page' in globalThis)
    return tab
  }
  beforeAll(async () => {
    browser = await openChromium()
    pages = await servePage()
  })
  afterAll(async () => {
    await browser.close()
    pages.close()
  })

  it.each(['localhost', '127.0.0.1'])('of any port of %s uses the fleet', { timeout: 120_000 }, async (host) => {
    const fleet = await startedFleet('loopback', {})
    try {
      const tab = await pageAt(host)
      const { groupKey, signature } = await runIn(tab, 'makeKeyAndSign', fleet.trust, 'from a browser', fleet.url)
      expect(schnorr.verify(fromHex(signature), hashOfBytes('from a browser'), fromHex(groupKey))).toBe(true)
      expect(await (await fetch(fleet.metrics)).text()).toContain('quorate_http_request_seconds')
    } finally {
      await fleet.stop()
    }
  })

  it('of another origin than CORS names does not', { timeout: 120_000 }, async () => {
    const fleet = await startedFleet('named', { CORS: 'https://app.example' })
    try {
      const tab = await pageAt('localhost')
      const said: string[] = []
      tab.on('console', (line) => said.push(line.text()))
      await expect(runIn(tab, 'makeKeyAndSign', fleet.trust, 'from a browser', fleet.url)).rejects.toThrow()
      expect(said.join('\n')).toContain('blocked by CORS policy')
    } finally {
      await fleet.stop()
    }
  })
})
