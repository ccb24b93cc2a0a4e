import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import * as z from 'zod'

const Names = z.record(z.string(), z.string()).optional()
const Locked = z.object({
  packages: z.record(
    z.string(),
    z.object({
      dependencies: Names,
      optionalDependencies: Names,
      link: z.boolean().optional(),
      resolved: z.string().optional(),
    }),
  ),
})
type Packages = z.infer<typeof Locked>['packages']

/** What nothing reads when a program runs: types, maps, prose, C sources, binaries for other machines, and what tests of ours are made of. */
const unread = [
  /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|tsbuildinfo|cc|hpp|gyp)$/,
  /^node_modules\/better-sqlite3\/(deps|src)\//,
  /^node_modules\/better-sqlite3\/prebuilds\/(?!linux-x64)/,
  /\/dist\/(test|mpc\/test)\/|\.test\.js$/,
  /node_modules\/(@[^/]+\/)?[^/]+\/(tests?|bench|benchmarks?|examples?|\.[^/]+)\//,
]

/** Of workspaces: what runs. Of packages: all of them. */
const ofWorkspace = /^(package\.json|LICENSE.*|NOTICE|bin\/.*|dist\/(src|mpc|enclave)\/.*)$/

/** Files by their paths, and what links of node_modules point to. */
export type WorkspaceTree = Readonly<{
  files: Readonly<Record<string, Buffer>>
  links: Readonly<Record<string, string>>
}>

/**
 * What workspaces that have been built need to run, as it lies in the folder of the project (`top`): themselves, and what they depend on, as
 * the lockfile has it. `without`: dependencies that what is run here does not import.
 */
export function workspaceTree(
  top: string,
  workspaces: readonly string[],
  without: readonly string[] = [],
): WorkspaceTree {
  const { packages } = Locked.parse(JSON.parse(readFileSync(join(top, 'package-lock.json'), 'utf8')))
  const places = new Set(workspaces.flatMap((one) => [one, ...dependenciesOf(packages, one, without)]))
  const files: Record<string, Buffer> = {}
  const links: Record<string, string> = {}
  for (const place of places) {
    const source = sourceOf(packages, place)
    if (source !== place) links[place] = relative(dirname(place), source)
    const isOurs = !source.includes('node_modules')
    for (const path of filesIn(join(top, source))) {
      const at = `${source}/${path}`
      if ((isOurs && !ofWorkspace.test(path)) || unread.some((one) => one.test(at))) continue
      files[at] = readFileSync(join(top, at))
    }
  }
  return { files, links }
}

/** The folder in which a place of the lockfile really is. */
const sourceOf = (packages: Packages, place: string): string =>
  packages[place]?.link === true ? (packages[place].resolved ?? place) : place

/** Where the lockfile keeps what this place depends on, by whatever way. */
function dependenciesOf(packages: Packages, from: string, without: readonly string[]): Set<string> {
  const found = new Set<string>()
  const visit = (place: string) => {
    const entry = packages[place]
    const wanted = Object.keys(entry?.dependencies ?? {})
    const maybe = Object.keys(entry?.optionalDependencies ?? {})
    for (const name of [...wanted, ...maybe]) {
      if (without.includes(name)) continue
      const at = placeOf(packages, place, name)
      if (at === null && maybe.includes(name)) continue
      if (at === null) throw new Error(`${name}, which ${place} needs, is not in the lockfile`)
      if (found.has(at)) continue
      found.add(at)
      visit(sourceOf(packages, at))
    }
  }
  visit(from)
  return found
}

/** As Node looks for it: in node_modules of this folder, then of those above. */
function placeOf(packages: Packages, from: string, name: string): string | null {
  for (let folder = from; ; folder = folder.includes('/') ? folder.slice(0, folder.lastIndexOf('/')) : '') {
    const at = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (Object.hasOwn(packages, at)) return at
    if (folder === '') return null
  }
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('node_modules/'))
    .sort()
