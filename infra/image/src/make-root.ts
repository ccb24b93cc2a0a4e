// Lays the application's root, as in the second ramdisk of our own image, into a folder that does not exist yet: modes as
// there, times zero. For whoever packs with other tools: see Dockerfile.enclave.
// Usage: make-root --application FOLDER --configuration FILE --out FOLDER
import { chmod, lutimes, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeRoot, readApplication } from './build/make.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({ options: { application: text, configuration: text, out: text } })
const { application, configuration, out } = values
if (application === undefined || configuration === undefined || out === undefined)
  throw new Error('make-root needs --application, --configuration and --out')

const entries = await makeRoot(await readApplication(application, configuration))
await mkdir(out)
const folders = new Set(['.'])
for (const entry of entries) {
  const path = join(out, entry.path)
  if (entry.type === 'directory') await mkdir(path)
  if (entry.type === 'file') {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, entry.contents)
    await chmod(path, entry.mode)
  }
  for (let folder = dirname(entry.path); folder !== '.'; folder = dirname(folder)) folders.add(folder)
  await lutimes(path, 0, 0)
}
for (const folder of folders) {
  await chmod(join(out, folder), 0o755)
  await lutimes(join(out, folder), 0, 0)
}
