import { crc32 } from 'node:zlib'
import { crcOffset, encodeHeader, encodeSectionHeader, headerSize, sectionHeaderSize, version } from './format.ts'
import type { SectionType } from './format.ts'
import type { Image } from './image.ts'

type Section = Readonly<{ type: SectionType; contents: Uint8Array }>

/**
 * The image as a file, in the order in which AWS's builder writes: kernel, command line, metadata, ramdisks, signature.
 * Same image, same bytes. Throws when the command line would end early or a part is missing.
 */
export function writeEif(image: Image): Buffer {
  const sections = sectionsOf(image)
  const parts = sections.flatMap(({ type, contents }) => [encodeSectionHeader(type, contents.length), contents])
  const header = {
    version,
    flags: image.architecture === 'aarch64' ? 1 : 0,
    defaultMemory: image.defaultMemory,
    defaultCpus: image.defaultCpus,
    sections: extentsOf(sections),
  }
  const unchecked = encodeHeader({ ...header, crc: 0 }).subarray(0, crcOffset)
  const crc = parts.reduce((sum, part) => crc32(part, sum), crc32(unchecked))
  return Buffer.concat([encodeHeader({ ...header, crc }), ...parts])
}

function sectionsOf({ kernel, cmdline, metadata, ramdisks, signature }: Image): Section[] {
  if (kernel.length === 0 || ramdisks.length === 0) throw new Error('an image needs a kernel and a ramdisk')
  if (cmdline.includes('\0')) throw new Error('a command line ends at its first NUL')
  return [
    { type: 'kernel', contents: kernel },
    { type: 'cmdline', contents: Buffer.from(cmdline) },
    { type: 'metadata', contents: Buffer.from(JSON.stringify(metadata)) },
    ...ramdisks.map((contents) => ({ type: 'ramdisk' as const, contents })),
    ...(signature === undefined ? [] : [{ type: 'signature' as const, contents: signature }]),
  ]
}

function extentsOf(sections: readonly Section[]): { offset: number; size: number }[] {
  let offset = headerSize
  return sections.map(({ contents: { length: size } }) => {
    const extent = { offset, size }
    offset += sectionHeaderSize + size
    return extent
  })
}
