/** Enclave Image Format, version 4, as aws-nitro-enclaves-image-format defines it. Every number is big-endian. */

export const magic = Buffer.from('.eif', 'latin1')
export const version = 4
export const maxSections = 32
export const headerSize = 548
export const sectionHeaderSize = 12
/** Where the header's last field lies. The checksum covers the whole file but these four bytes. */
export const crcOffset = headerSize - 4

const offsetsAt = 28
const sizesAt = offsetsAt + 8 * maxSections

/** Numbers of the section types on the wire; 0 is invalid. */
export const sectionTypes = { kernel: 1, cmdline: 2, ramdisk: 3, signature: 4, metadata: 5 } as const
export type SectionType = keyof typeof sectionTypes

/** Where a section's header starts in the file, and how many bytes follow that header. */
export type Extent = Readonly<{ offset: number; size: number }>

export type Header = Readonly<{
  version: number
  /** Bit 0: the image is for aarch64. */
  flags: number
  /** Bytes of memory and number of CPUs that a launcher takes when it is told none. */
  defaultMemory: number
  defaultCpus: number
  sections: readonly Extent[]
  crc: number
}>

/** The header's 548 bytes; places after the last section stay zero. Throws when there are more than 32 sections. */
export function encodeHeader(header: Header): Buffer {
  const { sections } = header
  if (sections.length > maxSections) throw new Error(`an EIF holds ${maxSections} sections at most`)
  const bytes = Buffer.alloc(headerSize)
  magic.copy(bytes)
  bytes.writeUInt16BE(header.version, 4)
  bytes.writeUInt16BE(header.flags, 6)
  bytes.writeBigUInt64BE(BigInt(header.defaultMemory), 8)
  bytes.writeBigUInt64BE(BigInt(header.defaultCpus), 16)
  bytes.writeUInt16BE(sections.length, 26)
  for (const [index, { offset, size }] of sections.entries()) {
    bytes.writeBigUInt64BE(BigInt(offset), offsetsAt + 8 * index)
    bytes.writeBigUInt64BE(BigInt(size), sizesAt + 8 * index)
  }
  bytes.writeUInt32BE(header.crc, crcOffset)
  return bytes
}

/** Throws on what no writer of version 4 makes: another magic or version, too many sections, anything but zero where zero belongs. */
export function decodeHeader(bytes: Buffer): Header {
  if (bytes.length < headerSize || !bytes.subarray(0, 4).equals(magic)) throw new Error('not an EIF')
  const found = bytes.readUInt16BE(4)
  if (found !== version) throw new Error(`an EIF of version ${found}, not ${version}`)
  const count = bytes.readUInt16BE(26)
  if (count > maxSections) throw new Error(`an EIF with ${count} sections`)
  const sections = Array.from({ length: count }, (_, index) => ({
    offset: readSafe(bytes, offsetsAt + 8 * index),
    size: readSafe(bytes, sizesAt + 8 * index),
  }))
  const decoded = {
    version: found,
    flags: bytes.readUInt16BE(6),
    defaultMemory: readSafe(bytes, 8),
    defaultCpus: readSafe(bytes, 16),
    sections,
    crc: bytes.readUInt32BE(crcOffset),
  }
  if (decoded.flags > 1) throw new Error(`an EIF with flags ${decoded.flags}`)
  if (!encodeHeader(decoded).equals(bytes.subarray(0, headerSize)))
    throw new Error('an EIF with bytes in unused fields')
  return decoded
}

function readSafe(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64BE(at)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('an EIF with a number beyond any file')
  return Number(value)
}

export function encodeSectionHeader(type: SectionType, size: number): Buffer {
  const bytes = Buffer.alloc(sectionHeaderSize)
  bytes.writeUInt16BE(sectionTypes[type], 0)
  bytes.writeBigUInt64BE(BigInt(size), 4)
  return bytes
}

export function decodeSectionHeader(bytes: Buffer): Readonly<{ type: SectionType; size: number }> {
  const number = bytes.readUInt16BE(0)
  const type = (Object.keys(sectionTypes) as SectionType[]).find((name) => sectionTypes[name] === number)
  if (type === undefined) throw new Error(`an EIF with a section of type ${number}`)
  if (bytes.readUInt16BE(2) !== 0) throw new Error('an EIF with section flags')
  return { type, size: readSafe(bytes, 4) }
}
