// Makes an enclave image file and pcrs.json beside it, without Docker and nitro-cli, prints the measurements, and says whether
// they are those recorded in the tree; with --record it records them.
// Usage: make-eif --application FOLDER --configuration FILE --out FILE [--provider HSM_PROVIDER]
//   [--certificate PEM --key PEM] [--record]
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readConfiguration } from '@quorate/enclave/configuration'
import { makeImage, readApplication } from './build/make.ts'
import { readImageProvider, requireProvider } from './build/provider.ts'
import { signImage, writeImage } from './build/write-image.ts'
import { printImage } from './print-image.ts'
import { compareWithRecord, measurementsFile, readMeasurements, recordOf } from './recorded/measurements.ts'

const { values } = parseArgs({
  options: {
    application: { type: 'string' },
    configuration: { type: 'string' },
    out: { type: 'string' },
    provider: { type: 'string' },
    certificate: { type: 'string' },
    key: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
})
const { application, configuration, out, provider, certificate, key, record } = values
const meant = provider === undefined ? null : readImageProvider(provider)
if (application === undefined || configuration === undefined || out === undefined)
  throw new Error('make-eif needs --application, --configuration and --out')
if ((certificate === undefined) !== (key === undefined)) throw new Error('a signature needs --certificate and --key')

if (meant !== null) requireProvider(readConfiguration(await readFile(configuration, 'utf8'), configuration), meant)
const unsigned = await makeImage(await readApplication(application, configuration), 'production')
const image =
  certificate === undefined || key === undefined
    ? unsigned
    : signImage(unsigned, await readFile(certificate, 'utf8'), await readFile(key, 'utf8'))
const { registers, size } = await writeImage(image, out)
printImage(image, registers)
process.stdout.write(`${out}: ${(size / 1e6).toFixed(1)} MB\n`)
if (record) {
  const before = existsSync(measurementsFile) ? readMeasurements() : null
  const recorded = recordOf(unsigned, before)
  await writeFile(measurementsFile, `${JSON.stringify(recorded, null, 2)}\n`)
  for (const index of [0, 1, 2] as const)
    process.stdout.write(`PCR${index} was ${recorded.former?.[index] ?? 'none'}\n       is ${recorded.pcrs[index]}\n`)
}
process.stdout.write(compareWithRecord(unsigned, readMeasurements()).text)
