import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfiguration } from '@quorate/enclave/configuration'
import type { Image } from '../eif/image.ts'
import { assembleImage } from './assemble.ts'
import type { Profile } from './cmdline.ts'
import { readPins } from './pins.ts'

/** node:ffi, by which vsock and /dev/nsm are reached, is an experiment of Node's; its warning would begin every log. */
const command = ['/usr/bin/node', '--disable-warning=ExperimentalWarning', '/app/enclave.mjs']

/** The image whose /app holds these files, `enclave.mjs` among them. */
export async function makeImage(application: Readonly<Record<string, Uint8Array>>, profile: Profile): Promise<Image> {
  if (application['enclave.mjs'] === undefined) throw new Error('an application without enclave.mjs')
  const work = await mkdtemp(join(tmpdir(), 'quorate-image-'))
  try {
    return await assembleImage({ pins: readPins(), work, profile, application, command })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The bundle's files, and the configuration beside them. Throws on a configuration with which the enclave would not start. */
export async function readApplication(folder: string, configuration: string): Promise<Record<string, Buffer>> {
  const contents = await readFile(configuration)
  readConfiguration(contents.toString())
  const files = (await readdir(folder)).map(async (name) => [name, await readFile(join(folder, name))] as const)
  return { ...Object.fromEntries(await Promise.all(files)), 'configuration.json': contents }
}
