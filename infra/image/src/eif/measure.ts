import { createHash } from 'node:crypto'
import type { Image } from './image.ts'

type Measured = Pick<Image, 'kernel' | 'cmdline' | 'ramdisks'>

/** SHA-384 in hex by index: 0 the whole image, 1 kernel and boot, 2 the application. As a set of the SDK's trust file. */
export type ImageMeasurements = Readonly<Record<'0' | '1' | '2', string>>

/** What the Nitro hypervisor will find in PCR0, PCR1 and PCR2. Metadata, sizes and defaults are not measured. */
export function measureImage({ kernel, cmdline, ramdisks }: Measured): ImageMeasurements {
  const [boot, ...application] = ramdisks
  if (boot === undefined) throw new Error('an image without a ramdisk')
  const line = Buffer.from(cmdline)
  return {
    '0': extendZero([kernel, line, ...ramdisks]),
    '1': extendZero([kernel, line, boot]),
    '2': extendZero(application),
  }
}

/** PCR8: the certificate, as DER, with whose key the image is signed. */
export const measureCertificate = (der: Uint8Array): string => extendZero([der])

/** A register of 48 zeros, extended once by the digest of the contents, as a TPM does: H(zeros ‖ H(contents)). */
function extendZero(contents: readonly Uint8Array[]): string {
  const content = createHash('sha384')
  for (const part of contents) content.update(part)
  return createHash('sha384').update(Buffer.alloc(48)).update(content.digest()).digest('hex')
}
