/** An archive in the "new ASCII" cpio format that Linux unpacks into its initial root (Documentation/…/buffer-format.rst). */

type Node = Readonly<{ type: 'directory' } | { type: 'file'; contents: Uint8Array } | { type: 'link'; target: string }>

/** `path` is relative, with `/` between its parts; `mode` holds the permission bits. A link's mode is always 777. */
export type Entry = Readonly<{ path: string; mode: number }> & Node

const typeBits = { directory: 0o040000, file: 0o100000, link: 0o120000 }
/** Linux looks for the next archive at a multiple of four from where this one began; tar's and cpio's block is the habit. */
const blockSize = 512

/**
 * The same entries give the same bytes, in whatever order they come and whoever builds: times, owners and devices are zero,
 * inodes are counted, entries are sorted, and folders that are missing are added with mode 755. Throws on a path that is
 * absolute, climbs, is not plain ASCII, or comes twice.
 */
export function writeCpio(entries: readonly Entry[]): Buffer {
  const sorted = sortedTree(entries)
  const parts = sorted.flatMap((entry, index) => encodeEntry(entry, index + 1))
  const archive = Buffer.concat([
    ...parts,
    ...encodeMember('TRAILER!!!', { inode: 0, mode: 0, links: 1 }, Buffer.alloc(0)),
  ])
  return Buffer.concat([archive, padding(archive.length, blockSize)])
}

/** The entries and the folders that are missing (mode 755), by their paths. Throws as `writeCpio`. */
export const sortedTree = (entries: readonly Entry[]): Entry[] =>
  withFolders(entries).sort((a, b) => (a.path < b.path ? -1 : 1))

function withFolders(entries: readonly Entry[]): Entry[] {
  const known = new Map<string, Entry>()
  for (const entry of entries) {
    if (!/^[\x21-\x7e]+$/.test(entry.path) || entry.path.split('/').some((part) => /^\.{0,2}$/.test(part))) {
      throw new Error(`not a path for an archive: ${JSON.stringify(entry.path)}`)
    }
    if (known.has(entry.path)) throw new Error(`twice in one archive: ${entry.path}`)
    known.set(entry.path, entry)
  }
  for (const { path } of entries) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end)
      const above = known.get(folder)
      if (above === undefined) known.set(folder, { type: 'directory', path: folder, mode: 0o755 })
      else if (above.type !== 'directory') throw new Error(`not a folder, yet with entries: ${folder}`)
    }
  }
  return [...known.values()]
}

function encodeEntry(entry: Entry, inode: number): Buffer[] {
  const permissions = entry.type === 'link' ? 0o777 : entry.mode & 0o7777
  const contents =
    entry.type === 'file' ? entry.contents : entry.type === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0)
  const links = entry.type === 'directory' ? 2 : 1
  return encodeMember(entry.path, { inode, mode: typeBits[entry.type] | permissions, links }, contents)
}

type Status = Readonly<{ inode: number; mode: number; links: number }>

function encodeMember(path: string, { inode, mode, links }: Status, contents: Uint8Array): Buffer[] {
  const nameSize = path.length + 1
  const [owner, group, time, major, minor, check] = [0, 0, 0, 0, 0, 0]
  const fields = [inode, mode, owner, group, links, time, contents.length, major, minor, major, minor, nameSize, check]
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${path}\0`)
  return [head, padding(head.length, 4), Buffer.from(contents), padding(contents.length, 4)]
}

const padding = (length: number, to: number): Buffer => Buffer.alloc((to - (length % to)) % to)
