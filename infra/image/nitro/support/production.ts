import { join } from 'node:path'
import { readConfiguration } from '@quorate/enclave/configuration'
import type { Profile } from '../../src/build/cmdline.ts'
import { makeImage } from '../../src/build/make.ts'
import { writeImage, type Registers } from '../../src/build/write-image.ts'
import { bundle } from './bundle.ts'

export type EnclaveImage = Readonly<{ eif: string; registers: Registers; size: number }>

/** The image that ships, but for the measured configuration and the emulator's clock: the bundle of `enclave/src/main.ts`. */
export async function makeEnclaveImage(configuration: string, folder: string, profile: Profile): Promise<EnclaveImage> {
  readConfiguration(configuration)
  const application = { ...bundle('enclave/src/main.ts'), 'configuration.json': Buffer.from(configuration) }
  const eif = join(folder, 'quorate.eif')
  return { eif, ...(await writeImage(await makeImage(application, profile), eif)) }
}
