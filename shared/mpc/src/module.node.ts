import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { LoadError } from './load-error.ts'
import { readResponse, type ReadBytes } from './read-response.ts'

/** Beside a bundle, or where the sources and the compiled package keep it. */
const PLACES = ['./mpc.wasm', '../mpc.wasm']

/** The artefact that comes with this source. */
export function readOwn(): Promise<ReadBytes> {
  const places = PLACES.map((path) => new URL(path, import.meta.url))
  return readUrl(places.find((url) => existsSync(url)) ?? new URL(PLACES[0] ?? '', import.meta.url))
}

/** `file:` too. */
export async function readUrl(source: string | URL): Promise<ReadBytes> {
  if (!URL.canParse(source.toString())) throw new LoadError('wasm.missing', `${source.toString()} is no URL`)
  const url = new URL(source)
  try {
    if (url.protocol === 'file:') return { bytes: await readFile(url), from: url.pathname }
    return await readResponse(await fetch(url))
  } catch (cause) {
    throw cause instanceof LoadError ? cause : new LoadError('wasm.missing', url.href, cause)
  }
}
