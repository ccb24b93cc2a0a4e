import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const { resolve } = createRequire(import.meta.url)
const manifest = resolve('@quorate/image/package.json')

/** A file of this workspace, whether the sources run or what was compiled of them. */
export const inWorkspace = (path: string): string => join(dirname(manifest), path)

export const version = (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version

/** The Node binary that the lockfile brings for the enclave. Throws where npm leaves it out: anywhere but Linux on x86-64. */
export function nodeBinary(name: string): string {
  try {
    return resolve(`${name}/bin/node`)
  } catch {
    throw new Error(`npm installs ${name} on Linux on x86-64 only: make the image there`)
  }
}
