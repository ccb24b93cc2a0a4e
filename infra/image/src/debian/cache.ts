import { existsSync } from 'node:fs'
import { mkdir, readFile, rename } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { debsIn } from './apt.ts'
import { fits, type DebianPackage } from './pins.ts'

/** Outside the repository and the same for every clone. */
export const cacheFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'quorate-nitro')

const debs = (): string => join(cacheFolder(), 'debs')

/** Where apt downloads to, and goes on after an interruption. */
export const partialFolder = (): string => join(debs(), 'partial')

/** A pinned package by its digest, a library by its name. */
export const placeOf = (wanted: DebianPackage | string): string =>
  join(debs(), `${typeof wanted === 'string' ? wanted : wanted.sha256}.deb`)

export const makeCache = (): Promise<unknown> => mkdir(partialFolder(), { recursive: true })

/** Those that are not in the cache; a file there with another digest counts for nothing. */
export async function missingPins(packages: readonly DebianPackage[]): Promise<DebianPackage[]> {
  const missing: DebianPackage[] = []
  for (const one of packages) {
    const contents = await readFile(placeOf(one)).catch(() => null)
    if (contents === null || !fits(contents, one.sha256)) missing.push(one)
  }
  return missing
}

export const missingLibraries = (names: readonly string[]): string[] =>
  names.filter((name) => !existsSync(placeOf(name)))

/** Moves what has been downloaded whole into the cache: what has the digest of a pin, or of what the suite's signed lists say. */
export async function adopt(
  packages: readonly DebianPackage[],
  libraries: readonly DebianPackage[] = [],
): Promise<void> {
  for (const file of await debsIn(partialFolder())) {
    const path = join(partialFolder(), file)
    const contents = await readFile(path)
    const fitting = ({ sha256 }: DebianPackage): boolean => fits(contents, sha256)
    const pin = packages.find(fitting)
    const library = libraries.find(fitting)
    if (pin !== undefined) await rename(path, placeOf(pin))
    else if (library !== undefined) await rename(path, placeOf(library.name))
  }
}
