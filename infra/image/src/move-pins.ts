// Moves all pinned packages of Debian to what the suite has today, those of the image and those of the compiler of mpc.wasm.
// Usage: move-pins [--keep FOLDER]   moves, and fills a folder that DEBIAN_MIRROR can name
//        move-pins --check           moves nothing: says which pin cannot be had any more, and succeeds
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { keepPackages } from './debian/keep.ts'
import { checkPins, newestOf } from './debian/move.ts'
import { atVersion, pinnedPackages, pinsFile, readPins, replacePins } from './debian/pins.ts'
import { sourcesOf } from './debian/sources.ts'
import {
  moveToolchain,
  readToolchain,
  toolchainFile,
  toolchainLibraries,
  toolchainPackages,
} from './debian/toolchain-pins.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false }, keep: { type: 'string' } } })
const pins = readPins()
const pinned = pinnedPackages(pins)
const toolchain = readToolchain()
const compiler = toolchainPackages(toolchain)
const sources = await sourcesOf(pins.snapshot)
const say = (lines: readonly string[]): boolean => process.stdout.write(lines.map((line) => `${line}\n`).join(''))

if (values.check) say(await checkPins([...pinned, ...compiler], sources))
else await move()

async function move(): Promise<void> {
  const newer = await newestOf([...pinned, ...compiler], sources)
  const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const compilerNewer = newer.filter((each) => compiler.includes(each.pinned))
  if (newer.length > compilerNewer.length) {
    const moved = replacePins(pins, (one) => newer.find((each) => each.pinned === one)?.taken ?? one)
    await writeFile(pinsFile, `${JSON.stringify({ ...moved, snapshot: now }, null, 2)}\n`)
  }
  await writeFile(toolchainFile, moveToolchain(toolchain, compilerNewer, now))
  say(newer.map((each) => `${atVersion(each.pinned)} -> ${atVersion(each.taken)}`))
  say([`pins: ${newer.length} of ${pinned.length + compiler.length} moved`])
  if (values.keep === undefined) return
  const libraries = [...pins.debian.libraries, ...toolchainLibraries(toolchain)]
  const packages = [...pinnedPackages(readPins()), ...toolchainPackages(readToolchain())].map(atVersion)
  const exact = new Set(packages.map((one) => one.split('=')[0]))
  const wanted = [...packages, ...new Set(libraries.filter((name) => !exact.has(name)))]
  await keepPackages(wanted, sources, resolve(values.keep))
  say([`kept: ${wanted.length} packages in ${values.keep}; use them with DEBIAN_MIRROR=${resolve(values.keep)}`])
}
