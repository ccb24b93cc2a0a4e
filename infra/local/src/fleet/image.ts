import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { toHex } from '@quorate/shared/wire/bytes'
import { measure } from '../nsm/measure.ts'
import { keepConfiguration, type Believed } from './enclave-configuration.ts'
import { fromSource, projectFolder } from './entry.ts'
import { FleetError } from './events.ts'

/** What an enclave of this fleet is made of, and the registers that follow: PCR0 to 2, equal for all of them. */
export type EnclaveImage = Readonly<{
  code: string
  configuration: string
  kmsPort: number
  pcrs: ReadonlyMap<number, Uint8Array>
  measurements: Measurements
}>

const bundler = join(projectFolder, 'infra/local/bundle.js')

/**
 * Measures the bundle, the configuration of this state folder and the runtime. `source`: the file that is bundled in place
 * of this package's enclave, into this folder of the state. Throws a `FleetError` when nothing is built.
 */
export async function openImage(
  state: string,
  believed: Believed,
  source?: string,
  name = 'image',
): Promise<EnclaveImage> {
  const folder = source === undefined ? join(projectFolder, 'infra/local/dist/enclave') : join(state, name)
  const files = { code: join(folder, 'enclave.mjs'), wasm: join(folder, 'mpc.wasm') }
  const other = source === undefined ? [] : [source, folder]
  if (fromSource || source !== undefined) await promisify(execFile)(process.execPath, [bundler, ...other])
  if (!existsSync(files.code)) throw new FleetError('there is no enclave to start: run `npm run build` first')
  const configuration = join(state, 'enclave.json')
  const { kms } = await keepConfiguration(configuration, believed)
  const application = [files.code, files.wasm, configuration]
  const pcrs = await measure({ application, runtime: [process.execPath], role: 'quorate-enclave', instanceId: '' })
  const measurements = Object.fromEntries(
    [0, 1, 2].map((index) => [index, toHex(pcrs.get(index) ?? new Uint8Array(48))]),
  )
  return { code: files.code, configuration, kmsPort: Number(new URL(kms.endpoint).port), pcrs, measurements }
}

/** PCR0 to 4 of one enclave: those of the image, and its own instance. Files are measured once for the whole fleet. */
export async function pcrsOf({ pcrs }: EnclaveImage, enclaveId: string): Promise<Map<number, Uint8Array>> {
  const own = await measure({ application: [], runtime: [], role: '', instanceId: enclaveId })
  return new Map([...pcrs, [4, own.get(4) ?? new Uint8Array(48)]])
}
