import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inWorkspace } from '../../src/build/workspace.ts'

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
