import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Image } from '../eif/image.ts'
import { assembleImage } from './assemble.ts'
import type { Profile } from './cmdline.ts'
import { readPins } from './pins.ts'

/** node:ffi is Node's experiment, and what vsock and /dev/nsm are reached by; its warning would be the first line of every log. */
const command = ['/usr/bin/node', '--disable-warning=ExperimentalWarning', '/app/enclave.mjs']

/** The image whose /app holds the files of this folder, `enclave.mjs` among them. */
export async function makeImage(application: string, profile: Profile): Promise<Image> {
  const work = await mkdtemp(join(tmpdir(), 'quorate-image-'))
  try {
    const names = await readdir(application)
    if (!names.includes('enclave.mjs')) throw new Error(`no enclave.mjs in ${application}`)
    const files = names.map(async (name) => [name, await readFile(join(application, name))] as const)
    const contents = Object.fromEntries(await Promise.all(files))
    return await assembleImage({ pins: readPins(), work, profile, application: contents, command })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
