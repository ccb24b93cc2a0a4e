// Reads an enclave image file, refuses one that is not sound or whose signature does not verify, and prints what it measures.
// Usage: describe-eif FILE
import { readFile } from 'node:fs/promises'
import { registersOf } from './build/write-image.ts'
import { readEif } from './eif/read.ts'
import { printImage } from './print-image.ts'

const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('describe-eif needs a file')
const image = readEif(await readFile(path))
printImage(image, registersOf(image))
