import { existsSync, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Manifest } from '@quorate/shared/wire/manifest'

export type ManifestFile = Readonly<{ reload: () => Promise<void>; close: () => void }>

export type ManifestFilePorts = Readonly<{
  /** Called with what the file holds at first, and with each later manifest in it. */
  onManifest: (manifest: Manifest) => void
  /** A file that is not there or is no manifest; the former one stays. */
  onFault: (fault: string) => void
}>

/** Writing a file is several events; it is read when it has been quiet for so long, ms. */
const QUIET = 100

/**
 * Reads the manifest in this file, and again whenever the file changes; there need be none yet. Throws a plain Error when the file
 * holds something else at the start, or its folder is not there.
 */
export async function openManifestFile(
  path: string,
  { onManifest, onFault }: ManifestFilePorts,
): Promise<ManifestFile> {
  let last = await readIfThere(path)
  if (last === null) onFault(`${path} is not there yet`)
  else onManifest(parse(path, last))

  async function reload(): Promise<void> {
    try {
      const text = await readIfThere(path)
      if (text === null) throw fault(path, 'is not there any more')
      if (text === last) return
      const manifest = parse(path, text)
      last = text
      onManifest(manifest)
    } catch (error) {
      onFault(error instanceof Error ? error.message : 'the manifest cannot be read')
    }
  }

  // The folder is watched, since a file that is renamed into place is another file.
  let quiet: NodeJS.Timeout | undefined
  const watcher = watch(dirname(path), (_, name) => {
    if (name !== null && name !== basename(path)) return
    clearTimeout(quiet)
    quiet = setTimeout(() => void reload(), QUIET)
  }).on('error', () => onFault('the manifest is not watched any more: send SIGHUP when it changes'))
  return {
    reload,
    close: () => {
      clearTimeout(quiet)
      watcher.close()
    },
  }
}

const fault = (path: string, what: string) => new Error(`QUORATE_MANIFEST: ${path} ${what}`)

/** Null when there is no such file. Throws a plain Error when it cannot be read, or its folder is not there. */
async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && existsSync(dirname(path))) return null
    throw fault(path, `cannot be read (${code})`)
  }
}

function parse(path: string, text: string): Manifest {
  try {
    return Manifest.parse(JSON.parse(text))
  } catch {
    throw fault(path, 'is not a signed manifest')
  }
}
