import { sortedTree, type Entry } from '../cpio/newc.ts'

const block = 512
const typeFlags = { file: '0', link: '2', directory: '5' } as const

/** Owner and group of what has another than 0, by its path. */
export type Owners = Readonly<Record<string, number>>

/**
 * An archive in the ustar format (POSIX.1-1988). The same entries give the same bytes: times are zero, entries are sorted, and folders
 * that are missing are added. Throws as `writeCpio`, and on a path that is too long.
 */
export const writeTar = (entries: readonly Entry[], owners: Owners = {}): Buffer =>
  Buffer.concat([
    ...sortedTree(entries).flatMap((entry) => encodeEntry(entry, owners[entry.path] ?? 0)),
    Buffer.alloc(2 * block),
  ])

function encodeEntry(entry: Entry, owner: number): Buffer[] {
  const contents = entry.type === 'file' ? entry.contents : Buffer.alloc(0)
  const rest = Buffer.alloc((block - (contents.length % block)) % block)
  return [
    headerOf(entry, contents.length, owner),
    Buffer.from(contents.buffer, contents.byteOffset, contents.length),
    rest,
  ]
}

function headerOf(entry: Entry, size: number, owner: number): Buffer {
  const header = Buffer.alloc(block)
  const { name, prefix } = splitPath(entry.type === 'directory' ? `${entry.path}/` : entry.path)
  const octal = (value: number, digits: number, at: number) =>
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1')
  header.write(name, 0, 'latin1')
  octal(entry.type === 'link' ? 0o777 : entry.mode & 0o7777, 7, 100)
  octal(owner, 7, 108)
  octal(owner, 7, 116)
  octal(size, 11, 124)
  octal(0, 11, 136)
  header.fill(' ', 148, 156)
  header.write(typeFlags[entry.type], 156, 'latin1')
  if (entry.type === 'link') header.write(entry.target, 157, 100, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  header.write(prefix, 345, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

/** A name has 100 bytes; the folders before it stand in a prefix of 155. */
function splitPath(path: string): Readonly<{ name: string; prefix: string }> {
  if (path.length <= 100) return { name: path, prefix: '' }
  const cut = path.indexOf('/', path.length - 101)
  if (cut < 1 || cut > 155 || cut === path.length - 1) throw new Error(`too long for an archive: ${path}`)
  return { name: path.slice(cut + 1), prefix: path.slice(0, cut) }
}
