import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * The text of this file, which is made when it is not there, for its owner alone: whole or not at all, and the first one wins
 * when two processes start together.
 */
export async function keepOnce(path: string, make: () => string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const kept = await readFile(path, 'utf8').catch((error: unknown) => absent(error))
  if (kept !== null) return kept
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, make(), { mode: 0o600, flag: 'wx' })
  await link(draft, path).catch((error: unknown) => present(error))
  await rm(draft)
  return readFile(path, 'utf8')
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

function absent(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null
  throw error
}

function present(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error
}
