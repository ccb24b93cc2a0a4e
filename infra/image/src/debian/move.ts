import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Apt } from './apt.ts'
import { cacheFolder } from './cache.ts'
import { withLock } from './lock.ts'
import { findNewest, withApt, type Newer } from './packages.ts'
import { atVersion, type DebianPackage } from './pins.ts'
import type { Source } from './sources.ts'

/** Asks every source in turn while no other uses the cache. */
export async function askEach(
  sources: readonly Source[],
  ask: (apt: Apt, source: Source) => Promise<void>,
): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true })
  await withLock(join(cacheFolder(), 'lock'), async () => {
    for (const source of sources) await withApt(source, (apt) => ask(apt, source))
  })
}

/** The newest version of each that is another than the pinned one. Throws when no source has a package at all. */
export async function newestOf(pinned: readonly DebianPackage[], sources: readonly Source[]): Promise<Newer[]> {
  const newest: Newer[] = []
  const left = (): DebianPackage[] => pinned.filter((one) => newest.every((each) => each.pinned !== one))
  await askEach(sources, async (apt) => {
    if (left().length > 0) newest.push(...(await findNewest(apt, left())))
  })
  if (left().length > 0) throw new Error(`not to be had: ${left().map(atVersion).join(', ')}`)
  return newest.filter(({ pinned, taken }) => pinned.sha256 !== taken.sha256)
}

/** Which source has each pin with its digest, the first first; of what none has, a line that begins with `stale:`. */
export async function checkPins(pinned: readonly DebianPackage[], sources: readonly Source[]): Promise<string[]> {
  const had = new Map<DebianPackage, string>()
  const newest = new Map<DebianPackage, DebianPackage>()
  let reached = 0
  await askEach(sources, async (apt, { name }) => {
    const exact = await apt.find(pinned.map(atVersion))
    const found = await findNewest(apt, pinned)
    if (found.length > 0) reached += 1
    for (const one of pinned) if (!had.has(one) && exact.some(({ sha256 }) => sha256 === one.sha256)) had.set(one, name)
    for (const each of found) if (!newest.has(each.pinned)) newest.set(each.pinned, each.taken)
  })
  if (reached === 0) return ['pins: not checked, since no source can be reached']
  const stale = pinned.filter((one) => !had.has(one))
  const sourceNames = [...new Set(had.values())].map(
    (name) => `${[...had.values()].filter((each) => each === name).length} from ${name}`,
  )
  return [
    ...stale.map((one) => `stale: ${atVersion(one)} is not to be had; ${describeNewest(newest.get(one))}`),
    `pins: ${had.size} of ${pinned.length} can be had${had.size > 0 ? `: ${sourceNames.join(', ')}` : ''}`,
  ]
}

const describeNewest = (newest: DebianPackage | undefined): string =>
  newest === undefined ? 'nor is another version' : `the newest is ${atVersion(newest)}`
