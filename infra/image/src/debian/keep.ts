import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Apt, Found } from './apt.ts'
import { debsIn } from './apt.ts'
import { askEach } from './move.ts'
import { suites, type Source } from './sources.ts'

/**
 * Fills a folder with these packages, by `name=version` or by name, so that it is a mirror with nothing else: its lists are
 * Debian's own with Debian's signatures. Throws unless one source has them all.
 */
export async function keepPackages(
  wanted: readonly string[],
  sources: readonly Source[],
  folder: string,
): Promise<void> {
  let without = wanted
  await askEach(sources, async (apt) => {
    if (without.length === 0) return
    const found = await apt.find(wanted)
    const lacks = wanted.filter(
      (one) => !found.some(({ name, version }) => one === name || one === `${name}=${version}`),
    )
    if (lacks.length > 0) without = lacks.length < without.length ? lacks : without
    else without = await keepFrom(apt, found, folder)
  })
  if (without.length > 0) throw new Error(`no source has all of them: ${without.join(', ')}`)
}

/** Gives what could not be downloaded. */
async function keepFrom(apt: Apt, found: readonly Found[], folder: string): Promise<string[]> {
  const partial = join(folder, 'partial')
  await mkdir(partial, { recursive: true })
  await apt.download(
    found.map(({ name, version }) => `${name}=${version}`),
    partial,
  )
  const files = await debsIn(partial)
  const left: string[] = []
  for (const { name, version, path } of found) {
    // Apt writes an epoch's colon as %3a, which the mirror leaves out.
    const file = files.find((each) => each.startsWith(`${name}_${version.replace(':', '%3a')}_`))
    if (file === undefined) left.push(`${name}=${version}`)
    else await place(join(partial, file), join(folder, path))
  }
  await rm(partial, { recursive: true })
  for (const suite of suites) await keepLists(apt, suite, join(folder, 'dists', suite))
  return left
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await rename(from, to)
}

/** A list as the signature knows it: `InRelease` itself, and what it names, unpacked. */
async function keepLists(apt: Apt, suite: string, folder: string): Promise<void> {
  const names = await readdir(apt.lists)
  const release = names.find((name) => name.endsWith(`_dists_${suite}_InRelease`))
  const packages = names.find((name) => name.includes(`_dists_${suite}_main_binary-amd64_Packages`))
  if (release === undefined || packages === undefined) return
  await mkdir(join(folder, 'main/binary-amd64'), { recursive: true })
  await writeFile(join(folder, 'InRelease'), await apt.readList(release))
  await writeFile(join(folder, 'main/binary-amd64/Packages'), await apt.readList(packages))
}
