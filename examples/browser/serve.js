// node browser/serve.js [PORT]     Bundles the page by esbuild, and serves it with the WASM.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const { QUORATE_GATEWAY: gateway = 'http://127.0.0.1:3000', QUORATE_TRUST = '../.fleet/trust.json' } = process.env
const here = import.meta.dirname

const { outputFiles } = await build({
  entryPoints: [join(here, 'page.js')],
  bundle: true,
  minify: true,
  write: false,
  format: 'esm',
  target: 'es2023',
})
const shared = dirname(createRequire(import.meta.url).resolve('@quorate/shared/mpc'))
const trust = JSON.parse(await readFile(QUORATE_TRUST, 'utf8'))

/** @type {Record<string, [type: string, body: string | Uint8Array]>} */
const files = {
  '/': ['text/html; charset=utf-8', await readFile(join(here, 'index.html'))],
  '/js/page.js': ['text/javascript', outputFiles[0]?.contents ?? ''],
  '/mpc.wasm': ['application/wasm', await readFile(join(shared, '../mpc.wasm'))], // one folder above the script
  '/settings.json': ['application/json', JSON.stringify({ gateway, trust })],
}
const policy = `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; connect-src 'self' ${gateway}`

const server = createServer((request, response) => {
  const [type, body] = files[request.url ?? ''] ?? ['text/plain', '']
  const found = body.length > 0 ? 200 : 404
  response.writeHead(found, { 'content-type': type, 'content-security-policy': policy }).end(body)
})
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address) console.log(`http://127.0.0.1:${address.port}`)
})
