// Makes an OCI archive of the gateway, without a container engine: Node and its libraries as in the enclave's image, and what the gateway
// needs of the lockfile. The same bytes each time.
// Usage: make-oci --top FOLDER --out FILE
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from './build/workspace.ts'
import { writeArchive } from './oci/archive.ts'
import { gatewayContents, gatewayRunning } from './oci/gateway.ts'

const text = { type: 'string' } as const
const { top, out } = parseArgs({ options: { top: text, out: text } }).values
if (top === undefined || out === undefined) throw new Error('make-oci needs --top and --out')

const archive = writeArchive(await gatewayContents(top), gatewayRunning(version), version)
await mkdir(dirname(out), { recursive: true })
await writeFile(out, archive)
process.stdout.write(`${out}: ${(archive.length / 1e6).toFixed(1)} MB\n`)
