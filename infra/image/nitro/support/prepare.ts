import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inWorkspace } from '../../src/build/workspace.ts'

/** The folder with QEMU and its vsock device; null, and loudly why, where a piece of them cannot be had. */
export function prepareTools(): string | null {
  const { status, stdout } = spawnSync('sh', [inWorkspace('nitro/prepare.sh')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status === 0) return stdout.trim()
  if (status !== 3) throw new Error('the Nitro machine could not be prepared')
  process.stderr.write('SKIPPED: nothing boots here, see the line above\n')
  return null
}

/** The files of an application, bundled from this source file of the project. */
export function bundle(source: string): Record<string, Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-bundle-'))
  try {
    execFileSync(process.execPath, [inWorkspace('../local/bundle.js'), source, folder])
    return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
