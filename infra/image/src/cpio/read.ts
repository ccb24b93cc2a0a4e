export type Member = Readonly<{ path: string; mode: number; contents: Buffer }>

/** Reads a newc archive by its definition, apart from the writer's code: every member but the trailer. */
export function readCpio(archive: Buffer): Member[] {
  const members: Member[] = []
  for (let at = 0; ;) {
    const field = (index: number): number =>
      parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16)
    if (archive.toString('latin1', at, at + 6) !== '070701') throw new Error(`no member at ${at}`)
    const path = archive.toString('latin1', at + 110, at + 109 + field(11))
    if (path === 'TRAILER!!!') return members
    const start = (at + 110 + field(11) + 3) & ~3
    members.push({ path, mode: field(1), contents: archive.subarray(start, start + field(6)) })
    at = (start + field(6) + 3) & ~3
  }
}
