import type { Newer } from './packages.ts'
import { atVersion } from './pins.ts'

/** What nobody may overlook, in a frame. */
export function frame(lines: readonly string[]): string {
  const width = Math.max(...lines.map(({ length }) => length))
  const rule = '*'.repeat(width + 4)
  return [rule, ...lines.map((line) => `* ${line.padEnd(width)} *`), rule].map((line) => `${line}\n`).join('')
}

/** Says on stderr what was taken in the place of pinned packages. */
export function warnOfNewer(newer: readonly Newer[]): void {
  if (newer.length === 0) return
  const lines = newer.map(({ pinned, taken }) => `stale: ${atVersion(pinned)}, taken: ${atVersion(taken)}`)
  process.stderr.write(frame(['THIS IS NOT THE IMAGE WHOSE MEASUREMENTS ARE RECORDED.', ...lines]))
}
