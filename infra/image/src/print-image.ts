import type { Registers } from './build/write-image.ts'
import type { Image } from './eif/image.ts'

/** Prints the registers, and the sizes of what they measure. */
export function printImage({ kernel, cmdline, ramdisks }: Image, registers: Registers): void {
  const megabytes = (part: Uint8Array): string => `${(part.length / 1e6).toFixed(1)} MB`
  const lines = [
    ...Object.entries(registers).map(([index, register]) => `PCR${index}     ${register}`),
    `cmdline  ${cmdline}`,
    `kernel   ${megabytes(kernel)}`,
    `ramdisks ${ramdisks.map(megabytes).join(', ')}`,
  ]
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}
