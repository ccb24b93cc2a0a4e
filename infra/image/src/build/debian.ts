import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fits, type DebianPackage } from './pins.ts'

const run = promisify(execFile)

/** Outside the repository and the same for every clone: packages by their digest. */
export const cacheFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'quorate-nitro')

/**
 * Where a `.deb` lies that has exactly the pinned digest, fetched with apt if need be: from the machine's mirror, and from
 * snapshot.debian.org once they have dropped the version. The digest is the trust; the mirrors' signatures add nothing.
 * Throws when no source has the package.
 */
export async function fetchPackages(packages: readonly DebianPackage[], snapshot: string): Promise<string[]> {
  const folder = join(cacheFolder(), 'debs')
  await mkdir(folder, { recursive: true })
  const paths = packages.map(({ sha256 }) => join(folder, `${sha256}.deb`))
  for (const sources of [mirrors, () => archive(snapshot)]) {
    const missing = packages.filter((_, index) => !existsSync(paths[index] ?? ''))
    if (missing.length > 0) await download(missing, await sources(), folder)
  }
  const missing = packages.filter((_, index) => !existsSync(paths[index] ?? ''))
  if (missing.length > 0) throw new Error(`not to be had: ${missing.map(atVersion).join(', ')}`)
  return paths
}

const suites = (debian: string, security: string): string =>
  [`${debian} trixie main`, `${debian} trixie-updates main`, `${security} trixie-security main`]
    .map((source) => `deb [trusted=yes arch=amd64 check-valid-until=no] ${source}\n`)
    .join('')

/** The mirror that this machine's apt is set up with, or the one that DEBIAN_MIRROR names. Empty when there is neither. */
async function mirrors(): Promise<string> {
  const asked = run('apt-get', ['indextargets', '--format', '$(REPO_URI)'])
  const { stdout } = await asked.catch(() => ({ stdout: '' }))
  const uris = [process.env['DEBIAN_MIRROR'] ?? '', ...stdout.split('\n')].map((uri) => uri.replace(/\/$/, ''))
  const debian = uris.find((uri) => uri.endsWith('/debian'))
  return debian === undefined ? '' : suites(debian, `${debian}-security`)
}

const archive = (time: string): string =>
  suites(
    `http://snapshot.debian.org/archive/debian/${time}`,
    `http://snapshot.debian.org/archive/debian-security/${time}`,
  )

const atVersion = ({ name, version }: DebianPackage): string => `${name}=${version}`

/** Apt with a state of its own: it neither sees nor changes what the machine has installed. A failure leaves packages missing. */
async function download(packages: readonly DebianPackage[], sources: string, folder: string): Promise<void> {
  const state = await mkdtemp(join(folder, 'apt-'))
  try {
    await mkdir(join(state, 'lists/partial'), { recursive: true })
    await mkdir(join(state, 'archives/partial'), { recursive: true })
    await writeFile(join(state, 'sources.list'), sources)
    await writeFile(join(state, 'status'), '')
    await writeFile(join(state, 'apt.conf'), configuration(state))
    const options = { cwd: state, env: { ...process.env, APT_CONFIG: join(state, 'apt.conf') } }
    await run('apt-get', ['update', '-qq'], options).catch(() => undefined)
    for (const wanted of packages) {
      await run('apt-get', ['download', '-qq', atVersion(wanted)], options).catch(() => undefined)
    }
    await keepWhatFits(packages, state, folder)
  } finally {
    await rm(state, { recursive: true, force: true })
  }
}

const configuration = (state: string): string =>
  [
    `Dir::State "${state}";`,
    `Dir::State::status "${state}/status";`,
    `Dir::Cache "${state}";`,
    `Dir::Etc::sourcelist "${state}/sources.list";`,
    'Dir::Etc::sourceparts "-";',
    'APT::Architecture "amd64";',
    'APT::Sandbox::User "";',
  ].join('\n')

async function keepWhatFits(packages: readonly DebianPackage[], state: string, folder: string): Promise<void> {
  for (const file of (await readdir(state)).filter((name) => name.endsWith('.deb'))) {
    const path = join(state, file)
    const contents = await readFile(path)
    const found = packages.find(({ sha256 }) => fits(contents, sha256))
    if (found !== undefined) await rename(path, join(folder, `${found.sha256}.deb`))
  }
}

/** Unpacks packages over each other into a folder. */
export async function unpack(paths: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const path of paths) await run('dpkg-deb', ['-x', path, folder])
}
