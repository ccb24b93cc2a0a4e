import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Image } from '../eif/image.ts'
import { measureImage } from '../eif/measure.ts'
import { readEif } from '../eif/read.ts'
import { signPcr0, verifySignature } from '../eif/signature.ts'
import { writeEif } from '../eif/write.ts'

/** PCR index → SHA-384 in hex: one set of the SDK's trust file, and what the key policy's generator takes. */
export type Registers = Readonly<Record<string, string>>

/** PCR0, 1, 2, and 8 of a signed image, whose signature it verifies. */
export function registersOf(image: Image): Registers {
  const registers = measureImage(image)
  if (image.signature === undefined) return registers
  return { ...registers, '8': verifySignature(image.signature, registers['0']).pcr8 }
}

/** Signs with the P-384 key of a certificate, both PEM. */
export const signImage = (image: Image, certificate: string, key: string): Image => ({
  ...image,
  signature: signPcr0(measureImage(image)['0'], certificate, key),
})

/** Writes the image and, beside it, `pcrs.json`: the registers of what it reads back. */
export async function writeImage(image: Image, path: string): Promise<{ registers: Registers; size: number }> {
  const eif = writeEif(image)
  const registers = registersOf(readEif(eif))
  await mkdir(dirname(path), { recursive: true })
  await replace(path, eif)
  await replace(join(dirname(path), 'pcrs.json'), `${JSON.stringify(registers, null, 2)}\n`)
  return { registers, size: eif.length }
}

/** Whole or not at all. */
async function replace(path: string, contents: Uint8Array | string): Promise<void> {
  const draft = `${path}.${process.pid}`
  await writeFile(draft, contents)
  await rename(draft, path)
}
