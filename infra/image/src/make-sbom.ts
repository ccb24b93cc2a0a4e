// Prints what of others is in the enclave image, as CycloneDX 1.5. It follows from files of the tree alone, and so is the same each time.
import { readFileSync } from 'node:fs'
import { imageSbom } from './sbom/image-sbom.ts'

const read = (path: string) => readFileSync(path, 'utf8')
process.stdout.write(`${JSON.stringify(imageSbom(read), null, 2)}\n`)
