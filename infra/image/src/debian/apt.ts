import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DebianPackage } from './pins.ts'
import { keyring, listsOf, type Source } from './sources.ts'

const run = promisify(execFile)

/** What signed lists say of one version of a package. `path`: below the mirror. */
export type Found = DebianPackage & Readonly<{ path: string; depends: string }>

/** Apt over one source. It neither sees nor changes what the machine has installed. */
export type Apt = Readonly<{
  /** Of `name=version` that one and of `name` the newest; what the source lacks is left out. */
  find: (wanted: readonly string[]) => Promise<Found[]>
  /** Into a folder, in one call; goes on where an earlier one was interrupted. A failure leaves packages missing. */
  download: (wanted: readonly string[], folder: string) => Promise<void>
  /** The folder with the lists as they were read. */
  lists: string
  /** A list as plain text. */
  readList: (name: string) => Promise<string>
}>

/** Reads the source's lists into `state`. A suite that the source lacks, or whose signature is not Debian's, is left out. */
export async function openApt(state: string, source: Source): Promise<Apt> {
  if (!existsSync(keyring)) throw new Error('not to be had: debian-archive-keyring is not installed')
  for (const folder of ['lists/partial', 'archives/partial']) await mkdir(join(state, folder), { recursive: true })
  await writeFile(join(state, 'sources.list'), listsOf(source))
  await writeFile(join(state, 'status'), '')
  await writeFile(join(state, 'apt.conf'), configuration(state))
  const env = { ...process.env, APT_CONFIG: join(state, 'apt.conf') }
  // Apt ends with whoever asked, also when that was killed: two of them in one folder would write one file.
  const ask = (args: readonly string[], cwd = state): Promise<{ stdout: string }> =>
    run('setpriv', ['--pdeathsig', 'KILL', '--', ...args], { cwd, env, maxBuffer: 1 << 28 })
  await ask(['apt-get', 'update', '-qq']).catch(() => undefined)
  return {
    lists: join(state, 'lists'),
    readList: async (name) => (await ask(['/usr/lib/apt/apt-helper', 'cat-file', join(state, 'lists', name)])).stdout,
    find: async (wanted) => {
      if (wanted.length === 0) return []
      // Fails when it does not know one of the names, and shows the others all the same.
      const asked = ask(['apt-cache', 'show', '--no-all-versions', '-q', ...wanted])
      return readStanzas((await asked.catch((error: unknown) => error as { stdout: string })).stdout)
    },
    download: async (wanted, folder) => {
      if (wanted.length === 0) return
      await ask(['apt-get', 'download', '-qq', ...wanted], folder).catch(() => undefined)
    },
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
    'Acquire::Languages "none";',
    'Acquire::Retries "0";',
    'Acquire::http::Timeout "20";',
    'Acquire::https::Timeout "20";',
  ].join('\n')

function readStanzas(text: string): Found[] {
  return text
    .split('\n\n')
    .filter((stanza) => stanza.includes('Package:'))
    .map((stanza) => {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? ''
      return {
        name: field('Package'),
        version: field('Version'),
        sha256: field('SHA256'),
        path: field('Filename'),
        depends: field('Depends'),
      }
    })
}

/** Names of the files in a folder that are whole or partial packages. */
export const debsIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.deb'))
