import { createHash, randomBytes } from 'node:crypto'
import { access, chmod, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from './usage.ts'

/** The folder of one kind of thing in a home, for its owner alone. It is made when there is none. */
export async function folder(path: string, kind: string): Promise<string> {
  await mkdir(join(path, kind), { recursive: true, mode: 0o700 })
  return join(path, kind)
}

/** The names of the files with this ending, without it. */
export async function list(path: string, kind: string, ending: string): Promise<string[]> {
  const files = await readdir(await folder(path, kind))
  return files.filter((file) => file.endsWith(ending)).map((file) => file.slice(0, -ending.length))
}

/** Whole or not at all: a power cut must not leave half a key. */
export async function write(file: string, content: string): Promise<string> {
  const draft = `${file}.${randomBytes(4).toString('hex')}.tmp`
  await writeFile(draft, content, { mode: 0o600, flush: true })
  await rename(draft, file)
  return file
}

/** A file that replaces nothing, for its owner alone. Throws `UsageError`. */
export async function writeNew(file: string, content: string): Promise<void> {
  try {
    await writeFile(file, content.trimEnd() + '\n', { mode: 0o600, flag: 'wx', flush: true })
  } catch (error) {
    throw new UsageError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'it fails'})`)
  }
}

/** Null when there is no such file. From then on it is for its owner alone, whoever wrote it. */
export async function readIfThere(file: string): Promise<string | null> {
  try {
    const text = await readFile(file, 'utf8')
    await chmod(file, 0o600)
    return text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Characters of a participant's name in a file name. File systems take 255 bytes, some 143; 32 hex digits and an ending stand around it. */
const LONGEST = 90

/** No participant's name has it. */
const digested = '~'

/**
 * The file that `named` makes of a participant's name. A name that is too long for one stands there by its digest, unless an earlier
 * release has written the file under the whole of it.
 */
export async function fileOf(userId: string, named: (name: string) => string): Promise<string> {
  const written = encodeURIComponent(userId)
  const whole = named(written)
  if (written.length <= LONGEST || (await isThere(whole))) return whole
  return named(digested + createHash('sha256').update(userId).digest('hex'))
}

/** The participant whose name a file name has; null when it has a digest in its place, or nobody's name. */
export function nameIn(written: string): string | null {
  if (written.startsWith(digested)) return null
  try {
    return decodeURIComponent(written)
  } catch {
    return null
  }
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )
