import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A mirror of Debian, by the addresses under which `dists` lies. */
export type Source = Readonly<{ name: string; debian: string; security: string }>

/** By whose keys the lists of every source are signed; from the package debian-archive-keyring. */
export const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * In the order in which they are tried: what DEBIAN_MIRROR names, for whoever names one does not want to wait for others;
 * the mirror that this machine's apt is set up with; and the archive's own archive as of `snapshot`.
 */
export async function sourcesOf(snapshot: string): Promise<Source[]> {
  const named = process.env['DEBIAN_MIRROR'] ?? ''
  const asked = run('apt-get', ['indextargets', '--format', '$(REPO_URI)'])
  const { stdout } = await asked.catch(() => ({ stdout: '' }))
  const debian = stdout.split('\n').find((uri) => /\/debian\/*$/.test(uri))
  return [
    ...(named === '' ? [] : [mirror('DEBIAN_MIRROR', named)]),
    ...(debian === undefined ? [] : [mirror('the mirror', debian)]),
    archive(snapshot),
  ]
}

/** A mirror by its address, or by the folder in which it lies. */
export function mirror(name: string, place: string): Source {
  const debian = `${place.startsWith('/') ? 'copy:' : ''}${place.replace(/\/+$/, '')}`
  return { name, debian, security: `${debian}-security` }
}

function archive(time: string): Source {
  const at = (name: string): string => `http://snapshot.debian.org/archive/${name}/${time}`
  return { name: 'the snapshot archive', debian: at('debian'), security: at('debian-security') }
}

export const suites = ['trixie', 'trixie-updates', 'trixie-security'] as const

/** Lines for apt. A folder that `make pins KEEP=` has filled holds the security suite beside the others. */
export const listsOf = ({ debian, security }: Source): string =>
  [...suites.map((suite) => `${debian} ${suite}`), `${security} trixie-security`]
    .map((suite) => `deb [arch=amd64 target=Packages check-valid-until=no signed-by=${keyring}] ${suite} main\n`)
    .join('')
