import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { makeFile } from './store/database-file.ts'

/**
 * Reads a storage key: 32 bytes as hex. Throws a plain Error that names the setting and the file, and nothing of what is in it.
 */
export function readStorageKey(path: string, setting: string): Uint8Array {
  const fault = (what: string) => new Error(`${setting}: ${path}: ${what}`)
  const { mode, text } = readWithMode(path, (code) =>
    fault(code === 'ENOENT' ? 'there is no such file; `quorate-gateway init` makes one' : `cannot be read (${code})`),
  )
  if ((mode & 0o077) !== 0) throw fault('others than its owner may read it; chmod 600')
  if (!/^[0-9a-f]{64}$/i.test(text)) throw fault('expected 32 bytes as hex')
  return new Uint8Array(Buffer.from(text, 'hex'))
}

/** Mode and content are read from the same open file, so that it cannot be changed between the two. */
function readWithMode(path: string, faultOf: (code: string) => Error): { mode: number; text: string } {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    return { mode: fstatSync(file).mode, text: readFileSync(file, 'utf8').trim() }
  } catch (error) {
    throw faultOf((error as NodeJS.ErrnoException).code ?? 'unknown')
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Draws a storage key into a new file. Throws a plain Error when the file is there. */
export async function makeStorageKey(path: string): Promise<Uint8Array> {
  const key = randomBytes(32)
  await makeFile(path, (draft) => writeFileSync(draft, `${key.toString('hex')}\n`))
  return new Uint8Array(key)
}
