// Compares two builds of the image with each other, of the WASM as well, and the first image with the recorded measurements.
// Names the first file and byte that differ, and then ends with 1.
// Usage: compare-builds --image EIF --image EIF [--wasm FILE --wasm FILE]
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readEif } from './eif/read.ts'
import { compareWithRecord, readMeasurements } from './recorded/measurements.ts'
import { firstByte, firstDifference } from './recorded/parts.ts'

const files = { type: 'string', multiple: true, default: [] as string[] } as const
const { values } = parseArgs({ options: { image: files, wasm: files } })
const [image, other] = await Promise.all(values.image.map((path) => readFile(path)))
const [wasm, otherWasm] = await Promise.all(values.wasm.map((path) => readFile(path)))
if (image === undefined || other === undefined) throw new Error('compare-builds needs two images')

function report(what: string, difference: string | null): void {
  process.stdout.write(`${what}: ${difference ?? 'both builds are the same, byte for byte'}\n`)
  if (difference !== null) process.exitCode = 1
}

if (wasm !== undefined && otherWasm !== undefined) {
  const difference = firstByte(wasm, otherWasm)
  report('the WASM', difference === null ? null : `mpc.wasm ${difference}`)
}
report(
  'the image',
  firstDifference(readEif(image), readEif(other)) ??
    (image.equals(other) ? null : 'the files differ in what is not measured'),
)
const { same, text } = compareWithRecord(readEif(image), readMeasurements())
process.stdout.write(text)
if (!same) process.exitCode = 1
