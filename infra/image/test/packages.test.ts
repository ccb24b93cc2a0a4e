import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cacheFolder, makeCache, missingPins, partialFolder, placeOf } from '../src/debian/cache.ts'
import { keepPackages } from '../src/debian/keep.ts'
import { askEach, checkPins, newestOf } from '../src/debian/move.ts'
import { fetchPins } from '../src/debian/packages.ts'
import { fits, type DebianPackage, type Pins } from '../src/debian/pins.ts'
import { mirror, sourcesOf } from '../src/debian/sources.ts'
import { serve } from './support/mirror.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-packages-'))
const kept = join(folder, 'kept')
const names = ['libatomic1', 'libgcc-s1', 'libmpc3']
const library = 'libjansson4'
let found: DebianPackage[] = []

/** Small packages of today's suite, kept as `make pins KEEP=` keeps them. Without a mirror the tests are skipped. */
const usual = process.env['XDG_CACHE_HOME']
process.env['XDG_CACHE_HOME'] = join(folder, 'first')
const unavailable = await keepPackages([...names, library], await sourcesOf('20260101T000000Z'), kept)
  .then(() =>
    askEach([mirror('kept', kept)], async (apt) => {
      found = await apt.find(names)
    }),
  )
  .then(() => null)
  .catch((error: unknown) => String(error))
if (unavailable !== null) process.stderr.write(`where packages come from is not tested here: ${unavailable}\n`)

afterAll(() => {
  if (usual === undefined) delete process.env['XDG_CACHE_HOME']
  else process.env['XDG_CACHE_HOME'] = usual
  rmSync(folder, { recursive: true, force: true })
})

const identify = ({ name, version, sha256 }: DebianPackage): DebianPackage => ({ name, version, sha256 })
function pinsOf(change: (one: DebianPackage) => DebianPackage = (one) => one): Pins {
  const [first, ...others] = found.map((one) => change(identify(one)))
  const debian = { kernel: [first!] as [DebianPackage], runtime: others, toolchain: [], libraries: [library] }
  return { snapshot: '20260101T000000Z', debian, node: { package: '', version: '', sha256: '0'.repeat(64) } }
}
const gone = (one: DebianPackage): DebianPackage =>
  one.name === 'libatomic1' ? { ...one, version: '1.0-1', sha256: '1'.repeat(64) } : one
const debsOf = (asked: readonly string[]): string[] => asked.filter((path) => path.endsWith('.deb'))

describe.skipIf(unavailable !== null)('packages of Debian', { timeout: 120_000 }, () => {
  let test = 0
  beforeEach(() => {
    process.env['XDG_CACHE_HOME'] = join(folder, `cache-${(test += 1)}`)
  })
  afterEach(() => {
    const debs = join(cacheFolder(), 'debs')
    expect(existsSync(debs) ? readdirSync(debs).filter((name) => !name.endsWith('.deb')) : []).toEqual([])
    expect(existsSync(join(cacheFolder(), 'apt'))).toBe(false)
  })

  it('come from a kept folder, by its path or over loopback, and then from the cache', async () => {
    const server = await serve(kept)
    const pins = pinsOf()
    for (const place of [kept, server.url]) {
      process.env['XDG_CACHE_HOME'] = join(folder, `from-${test}-${place.length}`)
      process.env['DEBIAN_MIRROR'] = place
      const [named] = await sourcesOf(pins.snapshot)
      expect((await fetchPins(pins, [named!])).newer).toEqual([])
      expect(existsSync(placeOf(library))).toBe(true)
    }
    delete process.env['DEBIAN_MIRROR']
    expect(debsOf(server.asked)).toHaveLength(4)
    await server.close()
    expect(await fetchPins(pins, [])).toEqual({ pins, newer: [] })
  })

  it('come from the next source when the first is silent or lacks them', async () => {
    const sources = [mirror('nobody', 'http://127.0.0.1:9/debian'), mirror('empty', folder), mirror('kept', kept)]
    expect((await fetchPins(pinsOf(), sources)).newer).toEqual([])
  })

  it('that are gone, or have another digest than the pinned one, are replaced by the newest, which is told', async () => {
    const pins = pinsOf((one) => (one.name === 'libgcc-s1' ? { ...one, sha256: '2'.repeat(64) } : gone(one)))
    const { pins: inEffect, newer } = await fetchPins(pins, [mirror('kept', kept)])
    expect(newer.map(({ pinned }) => pinned)).toEqual([pins.debian.kernel[0], pins.debian.runtime[0]])
    expect(newer.map(({ taken }) => taken)).toEqual(found.slice(0, 2).map(identify))
    expect(inEffect).toEqual(pinsOf())
  })

  it('end in an error that names them when there is none at all', async () => {
    await expect(fetchPins(pinsOf(), [])).rejects.toThrow(/^not to be had: libatomic1=/)
    rmSync(partialFolder(), { recursive: true })
  })

  it('are said to be stale by a check, which does not fail', async () => {
    const { debian } = pinsOf(gone)
    const lines = await checkPins([...debian.kernel, ...debian.runtime], [mirror('kept', kept)])
    expect(lines).toEqual([
      `stale: libatomic1=1.0-1 is not to be had; the newest is libatomic1=${found[0]!.version}`,
      'pins: 2 of 3 can be had: 2 from kept',
    ])
    expect(await checkPins(debian.runtime, [])).toEqual(['pins: not checked, since no source can be reached'])
    expect(await newestOf([...debian.kernel, ...debian.runtime], [mirror('kept', kept)])).toHaveLength(1)
  })

  it('that were downloaded before a kill are not asked for again', async () => {
    const [first] = found
    const pins = pinsOf()
    const stuck = await serve(kept, (path) => path.endsWith('.deb') && !path.includes(`/${first!.name}_`))
    await makeCache()
    const changes = watch(partialFolder())[Symbol.asyncIterator]()
    const program = new URL('support/fetch.ts', import.meta.url).pathname
    const fetching = spawn(
      process.execPath,
      ['--conditions=source', '--no-warnings', program, JSON.stringify(pins), stuck.url],
      { stdio: 'inherit' },
    )
    const whole = (): boolean =>
      readdirSync(partialFolder()).some((name) => fits(readFileSync(join(partialFolder(), name)), first!.sha256))
    while (!whole()) await changes.next()
    const ended = once(fetching, 'exit')
    fetching.kill('SIGKILL')
    await ended
    await stuck.close()

    const server = await serve(kept)
    await fetchPins(pins, [mirror('kept', server.url)])
    expect(await missingPins([...pins.debian.kernel, ...pins.debian.runtime])).toEqual([])
    expect(debsOf(server.asked).filter((path) => path.includes(`/${first!.name}_`))).toEqual([])
    expect(debsOf(server.asked)).toHaveLength(3)
    await server.close()
  })
})
