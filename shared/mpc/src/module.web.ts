import { LoadError } from './load-error.ts'
import { readResponse, type ReadBytes } from './read-response.ts'

/** The artefact from beside the folder of the script. Bundlers that know this form bring it along. */
export const readOwn = (): Promise<ReadBytes> => readUrl(new URL('../mpc.wasm', import.meta.url))

/** Relative to the page, or to the script of the worker. */
export async function readUrl(source: string | URL): Promise<ReadBytes> {
  try {
    return await readResponse(await fetch(source))
  } catch (cause) {
    throw cause instanceof LoadError ? cause : new LoadError('wasm.missing', source.toString(), cause)
  }
}
