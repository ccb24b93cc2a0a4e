import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfiguration } from '@quorate/enclave/configuration'
import type { Entry } from '../cpio/newc.ts'
import { fetchPackages } from '../debian/packages.ts'
import { readPins } from '../debian/pins.ts'
import { warnOfNewer } from '../debian/warn.ts'
import type { Image } from '../eif/image.ts'
import { assembleImage, collectApplication, type Parts } from './assemble.ts'
import type { Profile } from './cmdline.ts'
import { applicationEntries } from './ramdisks.ts'

/** node:ffi, by which vsock and /dev/nsm are reached, is an experiment of Node's; its warning would begin every log. */
export const command = ['/usr/bin/node', '--disable-warning=ExperimentalWarning', '/app/enclave.mjs']

type Application = Readonly<Record<string, Uint8Array>>

/** The image whose /app holds these files, `enclave.mjs` among them. */
export const makeImage = (application: Application, profile: Profile): Promise<Image> =>
  withParts(application, (parts) => assembleImage(parts, profile))

/** The files of that image's second ramdisk, as they lie in the application's root. */
export const makeRoot = (application: Application): Promise<Entry[]> =>
  withParts(application, async (parts) => applicationEntries(await collectApplication(parts)))

/** The root of another program: the same Node and libraries, and below /app these files. */
export const makeRootOf = (files: Application): Promise<Entry[]> =>
  withPackages(files, async (parts) =>
    applicationEntries(await collectApplication(parts)).filter(({ path }) => path !== 'command'),
  )

async function withParts<T>(application: Application, make: (parts: Parts) => Promise<T>): Promise<T> {
  if (application['enclave.mjs'] === undefined) throw new Error('an application without enclave.mjs')
  return withPackages(application, make)
}

async function withPackages<T>(application: Application, make: (parts: Parts) => Promise<T>): Promise<T> {
  const { pins, newer } = await fetchPackages(readPins())
  warnOfNewer(newer)
  const work = await mkdtemp(join(tmpdir(), 'quorate-image-'))
  try {
    return await make({ pins, work, application, command })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The bundle's files, and the configuration beside them. Throws on a configuration with which the enclave would not start. */
export async function readApplication(folder: string, configuration: string): Promise<Record<string, Buffer>> {
  const contents = await readFile(configuration)
  readConfiguration(contents.toString(), configuration)
  const files = (await readdir(folder)).map(async (name) => [name, await readFile(join(folder, name))] as const)
  return { ...Object.fromEntries(await Promise.all(files)), 'configuration.json': contents }
}
