import { crc32 } from 'node:zlib'
import { crcOffset, decodeHeader, decodeSectionHeader, headerSize, sectionHeaderSize } from './format.ts'
import type { Header, SectionType } from './format.ts'
import { Metadata } from './image.ts'
import type { Image } from './image.ts'

type Section = Readonly<{ type: SectionType; contents: Buffer }>

/**
 * Reads a whole EIF and throws unless it is sound: header, checksum, and sections that follow each other without gap to the
 * file's end, in the order in which they are measured. The parts are views of `bytes`.
 */
export function readEif(bytes: Buffer): Image {
  const header = decodeHeader(bytes)
  const crc = crc32(bytes.subarray(headerSize), crc32(bytes.subarray(0, crcOffset)))
  if (crc !== header.crc) throw new Error('an EIF whose checksum does not fit')
  const sections = readSections(bytes, header)
  const signature = optional(sections, 'signature')
  return {
    architecture: header.flags & 1 ? 'aarch64' : 'x86_64',
    defaultMemory: header.defaultMemory,
    defaultCpus: header.defaultCpus,
    kernel: one(sections, 'kernel'),
    cmdline: one(sections, 'cmdline').toString(),
    metadata: Metadata.parse(JSON.parse(one(sections, 'metadata').toString())),
    ramdisks: sections.filter(({ type }) => type === 'ramdisk').map(({ contents }) => contents),
    ...(signature === undefined ? {} : { signature }),
  }
}

function readSections(bytes: Buffer, header: Header): Section[] {
  let next = headerSize
  const sections = header.sections.map(({ offset, size }) => {
    const start = offset + sectionHeaderSize
    if (offset !== next || start + size > bytes.length) throw new Error('an EIF with a section out of place')
    const found = decodeSectionHeader(bytes.subarray(offset, start))
    if (found.size !== size) throw new Error('an EIF with two sizes for one section')
    next = start + size
    return { type: found.type, contents: bytes.subarray(start, next) }
  })
  if (next !== bytes.length) throw new Error('an EIF with trailing bytes')
  const order = sections.map(({ type }) => type).join(' ')
  if (!/^kernel cmdline metadata( ramdisk)+( signature)?$/.test(order)) throw new Error(`an EIF of ${order}`)
  return sections
}

const optional = (sections: readonly Section[], wanted: SectionType): Buffer | undefined =>
  sections.find(({ type }) => type === wanted)?.contents

function one(sections: readonly Section[], wanted: SectionType): Buffer {
  const found = optional(sections, wanted)
  if (found === undefined) throw new Error(`an EIF without ${wanted}`)
  return found
}
