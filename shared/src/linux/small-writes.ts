import type { Socket } from 'node:net'

/**
 * Bytes of one write to vsock at most. Since August 2025 Linux sends a larger one (from about 32 KiB with its headers) from several
 * buffers (commit 6693731487a8), which hypervisors have joined wrongly, Nitro among them (base/base#1444, cloud-hypervisor#7672).
 */
export const longestWrite = 28 << 10

type Chunk = Readonly<{ chunk: Buffer | string; encoding: BufferEncoding }>
type Done = (error?: Error | null) => void

/** Has a stream write at most `longestWrite` bytes in one system call, whatever it is given. Gives the stream back. */
export function inSmallWrites<S extends Socket>(socket: S): S {
  const write = socket._write.bind(socket)
  const writeMany = socket._writev?.bind(socket)
  if (writeMany === undefined) throw new TypeError('a socket that does not write several buffers at once')

  const writeGroups = (groups: Iterator<Chunk[]>, done: Done): void => {
    for (;;) {
      const next = groups.next()
      if (next.done === true) {
        done()
        return
      }
      const state = { waits: false, written: false }
      // The kernel mostly takes a group at once. A stream that is written to at once does not ask its writer to wait.
      writeMany(next.value, (error) => {
        if (error) done(error)
        else if (state.waits) writeGroups(groups, done)
        else state.written = true
      })
      if (state.written) continue
      state.waits = true
      return
    }
  }
  const writeAll = (chunks: readonly Chunk[], done: Done) => writeGroups(groupsOf(chunks), done)

  socket._write = (chunk: Buffer | string, encoding, done) => {
    if (sizeOf({ chunk, encoding }) <= longestWrite) write(chunk, encoding, done)
    else writeAll([{ chunk, encoding }], done)
  }
  socket._writev = writeAll
  return socket
}

const sizeOf = ({ chunk, encoding }: Chunk): number =>
  typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length

/** The same bytes in the same order, in groups that are each small enough for one write. */
function* groupsOf(chunks: readonly Chunk[]): Generator<Chunk[]> {
  let group: Chunk[] = []
  let size = 0
  for (const piece of chunks.flatMap(piecesOf)) {
    if (size + sizeOf(piece) > longestWrite) {
      yield group
      group = []
      size = 0
    }
    group.push(piece)
    size += sizeOf(piece)
  }
  if (group.length > 0) yield group
}

function piecesOf(given: Chunk): Chunk[] {
  if (sizeOf(given) <= longestWrite) return [given]
  const bytes = typeof given.chunk === 'string' ? Buffer.from(given.chunk, given.encoding) : given.chunk
  const pieces: Chunk[] = []
  for (let at = 0; at < bytes.length; at += longestWrite)
    pieces.push({ chunk: bytes.subarray(at, at + longestWrite), encoding: given.encoding })
  return pieces
}
