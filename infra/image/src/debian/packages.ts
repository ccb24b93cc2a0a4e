import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openApt, type Apt, type Found } from './apt.ts'
import { adopt, cacheFolder, makeCache, missingLibraries, missingPins, partialFolder } from './cache.ts'
import { withLock } from './lock.ts'
import { atVersion, pinnedPackages, replacePins, type DebianPackage, type Pins } from './pins.ts'
import { sourcesOf, type Source } from './sources.ts'

const run = promisify(execFile)

export type Newer = Readonly<{ pinned: DebianPackage; taken: DebianPackage }>

/** `pins`: those in effect, with the newer packages in the place of what is not to be had any more. */
export type Fetched = Readonly<{ pins: Pins; newer: readonly Newer[] }>

/** Whose newest version is the kernel: its own package has another name with every version. */
const kernelOfToday = 'linux-image-cloud-amd64'

const asked = new Map<string, Promise<Fetched>>()

/** `fetchPins` from the usual sources, which a process asks once. */
export function fetchPackages(pins: Pins): Promise<Fetched> {
  const key = JSON.stringify([pins, cacheFolder()])
  const fetching = asked.get(key) ?? sourcesOf(pins.snapshot).then((sources) => fetchPins(pins, sources))
  asked.set(key, fetching)
  return fetching
}

/**
 * Has every pinned package in the cache with exactly its digest, and every library as a suite has it, from the first source that
 * has it. A pinned package that none has any more is replaced by the newest one. Throws when there is not even that.
 */
export async function fetchPins(pins: Pins, sources: readonly Source[]): Promise<Fetched> {
  const wanted = pinnedPackages(pins)
  const { libraries } = pins.debian
  const complete = async (): Promise<boolean> =>
    missingLibraries(libraries).length === 0 && (await missingPins(wanted)).length === 0
  if (await complete()) return { pins, newer: [] }
  await makeCache()
  return withLock(join(cacheFolder(), 'lock'), async () => {
    await adopt(wanted)
    for (const source of sources) if (!(await complete())) await fetchFrom(source, wanted, libraries)
    const newer = await fetchNewer(await missingPins(wanted), sources)
    const without = missingLibraries(libraries)
    if (without.length > 0) throw new Error(`not to be had: ${without.join(', ')}`)
    await rm(partialFolder(), { recursive: true, force: true })
    return { newer, pins: replacePins(pins, (one) => newer.find(({ pinned }) => pinned === one)?.taken ?? one) }
  })
}

/** The lists are gone afterwards; what an interruption leaves of them is read again. */
export async function withApt<T>(source: Source, act: (apt: Apt) => Promise<T>): Promise<T> {
  const state = join(cacheFolder(), 'apt')
  await rm(state, { recursive: true, force: true })
  try {
    return await act(await openApt(state, source))
  } finally {
    await rm(state, { recursive: true, force: true })
  }
}

const fetchFrom = (source: Source, pinned: readonly DebianPackage[], names: readonly string[]): Promise<void> =>
  withApt(source, async (apt) => {
    const exact = (await apt.find((await missingPins(pinned)).map(atVersion))).filter(({ sha256 }) =>
      pinned.some((one) => one.sha256 === sha256),
    )
    const libraries = await apt.find(missingLibraries(names))
    await apt.download([...exact, ...libraries].map(atVersion), partialFolder())
    await adopt(pinned, libraries)
  })

/** Throws unless a source has a version of each. */
async function fetchNewer(missing: readonly DebianPackage[], sources: readonly Source[]): Promise<Newer[]> {
  const newer: Newer[] = []
  const left = (): DebianPackage[] => missing.filter((one) => newer.every(({ pinned }) => pinned !== one))
  for (const source of sources) {
    if (left().length === 0) continue
    await withApt(source, async (apt) => {
      const found = await findNewest(apt, left())
      await apt.download(
        found.map(({ taken }) => atVersion(taken)),
        partialFolder(),
      )
      await adopt(found.map(({ taken }) => taken))
      const absent = await missingPins(found.map(({ taken }) => taken))
      newer.push(...found.filter(({ taken }) => !absent.includes(taken)))
    })
  }
  if (left().length > 0) throw new Error(`not to be had: ${left().map(atVersion).join(', ')}`)
  return newer
}

/** The newest version that a source has of each; a package that it lacks is left out. */
export async function findNewest(apt: Apt, pinned: readonly DebianPackage[]): Promise<Newer[]> {
  const kernels = await apt.find([kernelOfToday])
  const kernel = /^[^ ,]+/.exec(kernels[0]?.depends ?? '')?.[0]
  const nameNow = ({ name }: DebianPackage): string =>
    name.startsWith('linux-image-') && kernel !== undefined ? kernel : name
  const found = await apt.find(pinned.map(nameNow))
  return pinned.flatMap((one) => {
    const taken = found.find(({ name }) => name === nameNow(one))
    return taken === undefined ? [] : [{ pinned: one, taken: identify(taken) }]
  })
}

const identify = ({ name, version, sha256 }: Found): DebianPackage => ({ name, version, sha256 })

/** Unpacks packages over each other into a folder. */
export async function unpack(paths: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const path of paths) await run('dpkg-deb', ['-x', path, folder])
}
