import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
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
const ofWorkspace = /^(package\.json|LICENSE.*|NOTICE|bin\/.*|dist\/(src|mpc)\/.*)$/

/**
 * What a workspace that has been built needs to run, by the paths at which Node finds it below one folder: itself under its own name, and
 * under node_modules what it depends on, as the lockfile has it. `top`: the folder of the project.
 */
export function workspaceFiles(top: string, workspace: string): Record<string, Buffer> {
  const { packages } = Locked.parse(JSON.parse(readFileSync(join(top, 'package-lock.json'), 'utf8')))
  const places = [workspace, ...dependenciesOf(packages, workspace)]
  const links = places.flatMap((place) => (sourceOf(packages, place) === place ? [] : [place]))
  /** What lies in the node_modules of a linked workspace lies below the link. */
  const inImage = (place: string): string => {
    const link = links.find((one) => place.startsWith(`${sourceOf(packages, one)}/`))
    return link === undefined ? place : link + place.slice(sourceOf(packages, link).length)
  }
  const files: Record<string, Buffer> = {}
  for (const place of places) {
    const source = sourceOf(packages, place)
    const isOurs = !source.includes('node_modules')
    for (const path of filesIn(join(top, source))) {
      const at = `${inImage(place)}/${path}`
      if ((isOurs && !ofWorkspace.test(path)) || unread.some((one) => one.test(at))) continue
      files[at] = readFileSync(join(top, source, path))
    }
  }
  return files
}

/** The folder in which a place of the lockfile really is. */
const sourceOf = (packages: Packages, place: string): string =>
  packages[place]?.link === true ? (packages[place].resolved ?? place) : place

/** Where the lockfile keeps what this place depends on, by whatever way. */
function dependenciesOf(packages: Packages, from: string): Set<string> {
  const found = new Set<string>()
  const visit = (place: string) => {
    const entry = packages[place]
    const wanted = Object.keys(entry?.dependencies ?? {})
    const maybe = Object.keys(entry?.optionalDependencies ?? {})
    for (const name of [...wanted, ...maybe]) {
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
