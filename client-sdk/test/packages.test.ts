import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const top = resolve(import.meta.dirname, '../..')

/** The paths that `npm publish` would send, of a workspace that has been built. */
function packed(workspace: string): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const printed = execFileSync('npm', args, { cwd: resolve(top, workspace), encoding: 'utf8', stdio: 'pipe' })
  const [{ files }] = JSON.parse(printed) as [{ files: { path: string }[] }]
  return files.map(({ path }) => path)
}

describe.each(['shared', 'client-sdk'])('the package made of %s', (workspace) => {
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

  it('holds each file that its package.json names', () => {
    const manifest = readFileSync(resolve(top, workspace, 'package.json'), 'utf8')
    const named = [...manifest.matchAll(/"\.\/((?:dist|bin)\/[\w./-]+)"/g)].map(([, path]) => path)
    expect(named.length).toBeGreaterThan(1)
    expect(files).toEqual(expect.arrayContaining(named))
  })
})

it('brings the cryptography along', () => {
  expect(packed('shared')).toContain('dist/mpc/mpc.wasm')
})
