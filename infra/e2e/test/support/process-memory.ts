import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const CHUNK = 16 << 20

/** Which of these byte strings stand in the memory that this process can write. Linux; the process is a child of this one. */
export function foundInMemory(pid: number, wanted: ReadonlyMap<string, Uint8Array>): Set<string> {
  const longest = Math.max(...[...wanted.values()].map(({ length }) => length))
  const found = new Set<string>()
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    for (const [from, to] of writableRegions(pid))
      // Neighbouring chunks overlap, so that nothing is missed between them.
      for (let at = from; at < to; at += CHUNK - longest) {
        const bytes = readAt(memory, at, Math.min(CHUNK, to - at))
        for (const [name, sought] of wanted) if (bytes.includes(sought)) found.add(name)
        if (at + CHUNK >= to) break
      }
    return found
  } finally {
    closeSync(memory)
  }
}

function writableRegions(pid: number): [number, number][] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')
  return lines.flatMap((line): [number, number][] => {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
    return from === undefined || to === undefined ? [] : [[Number.parseInt(from, 16), Number.parseInt(to, 16)]]
  })
}

/** What was unmapped meanwhile, or belongs to a device, reads as nothing. */
function readAt(memory: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  try {
    return bytes.subarray(0, readSync(memory, bytes, 0, length, at))
  } catch {
    return Buffer.alloc(0)
  }
}
