// Makes OCI archives, without a container engine: Node and its libraries as in the enclave's image, and what a program needs of the
// lockfile. The same bytes each time.
// Usage: make-oci --top FOLDER --out FOLDER
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from './build/workspace.ts'
import { writeArchive } from './oci/archive.ts'
import { compositions, contentsOf, runningOf, type CompositionName } from './oci/compositions.ts'

const text = { type: 'string' } as const
const { top, out } = parseArgs({ options: { top: text, out: text } }).values
if (top === undefined || out === undefined) throw new Error('make-oci needs --top and --out')

await mkdir(out, { recursive: true })
for (const name of Object.keys(compositions) as CompositionName[]) {
  const archive = writeArchive(await contentsOf(top, name), runningOf(name, version), version)
  const path = join(out, `quorate-${name}.oci.tar`)
  await writeFile(path, archive)
  process.stdout.write(`${path}: ${(archive.length / 1e6).toFixed(1)} MB\n`)
}
