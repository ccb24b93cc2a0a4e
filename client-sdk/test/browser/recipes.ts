import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'

const top = resolve(import.meta.dirname, '../../..')
const page = readFileSync(join(top, 'docs/sdk.md'), 'utf8')

/** The block of code in docs/sdk.md that begins with this name. */
export function recipe(name: string): string {
  const code = new RegExp(`\`\`\`js\n// ${name}\n([^]*?)\`\`\``).exec(page)?.[1]
  if (code === undefined) throw new Error(`docs/sdk.md has no recipe ${name}`)
  return code
}

export type Files = Readonly<Record<string, string | Uint8Array>>

const folderWith = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-recipe-'))
  symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

const html = '<!doctype html><title>page</title><script type="module" src="./app.js"></script>'

/** These scripts as esbuild bundles them, beside a page that runs `app.js`. */
export async function byEsbuild(scripts: Readonly<Record<string, string>>): Promise<Files> {
  const folder = folderWith(scripts)
  const { outputFiles } = await esbuild({
    entryPoints: Object.keys(scripts).map((name) => join(folder, name)),
    bundle: true,
    write: false,
    outdir: folder,
    format: 'esm',
    target: 'es2023',
    conditions: ['source'],
    loader: { '.wasm': 'file' },
  })
  const built = outputFiles.map(({ path, contents }) => [`/${path.split('/').pop() ?? ''}`, contents] as const)
  return { '/': html, ...Object.fromEntries(built) }
}

/** The same as Vite builds it. */
export async function byVite(script: string): Promise<Files> {
  const root = folderWith({ 'app.js': script, 'index.html': html })
  const built = await vite({
    root,
    configFile: false,
    logLevel: 'silent',
    build: { write: false, target: 'es2023' },
    resolve: { conditions: ['source', 'browser', 'module', 'default'] },
  })
  if (!('output' in built)) throw new Error('one build is expected')
  const files = built.output.map((file) => {
    const path = file.fileName === 'index.html' ? '/' : `/${file.fileName}`
    return [path, file.type === 'chunk' ? file.code : file.source] as const
  })
  return Object.fromEntries(files)
}

const types = { js: 'text/javascript', wasm: 'application/wasm' } as const

/** Serves files under this policy, from one origin. What is not there is answered with a page, as servers of applications do. */
export async function serve(files: Files, policy: string): Promise<Readonly<{ url: string; close: () => void }>> {
  const server = createServer(({ url = '/' }, response) => {
    const type = types[url.split('.').pop() as keyof typeof types] as string | undefined
    const known = files[url]
    const headers = { 'content-type': known === undefined ? 'text/html' : (type ?? 'text/html') }
    response.writeHead(200, { ...headers, 'content-security-policy': policy }).end(known ?? html)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}/`, close }
}
