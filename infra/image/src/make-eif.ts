// Makes an enclave image file and pcrs.json beside it, without Docker and nitro-cli, and prints the measurements.
// Usage: make-eif --application FOLDER --configuration FILE --out FILE [--provider HSM_PROVIDER]
//   [--certificate PEM --key PEM]
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readConfiguration } from '@quorate/enclave/configuration'
import { makeImage, readApplication } from './build/make.ts'
import { readImageProvider, requireProvider } from './build/provider.ts'
import { signImage, writeImage } from './build/write-image.ts'
import { printImage } from './print-image.ts'

const { values } = parseArgs({
  options: {
    application: { type: 'string' },
    configuration: { type: 'string' },
    out: { type: 'string' },
    provider: { type: 'string' },
    certificate: { type: 'string' },
    key: { type: 'string' },
  },
})
const { application, configuration, out, provider, certificate, key } = values
const meant = provider === undefined ? null : readImageProvider(provider)
if (application === undefined || configuration === undefined || out === undefined)
  throw new Error('make-eif needs --application, --configuration and --out')
if ((certificate === undefined) !== (key === undefined)) throw new Error('a signature needs --certificate and --key')

if (meant !== null) requireProvider(readConfiguration(await readFile(configuration, 'utf8')), meant)
const unsigned = await makeImage(await readApplication(application, configuration), 'production')
const image =
  certificate === undefined || key === undefined
    ? unsigned
    : signImage(unsigned, await readFile(certificate, 'utf8'), await readFile(key, 'utf8'))
const { registers, size } = await writeImage(image, out)
printImage(image, registers)
process.stdout.write(`${out}: ${(size / 1e6).toFixed(1)} MB\n`)
