import { LoadError } from './load-error.ts'

/** Bytes that were read, and from where, for whom it concerns when they are not what they should be. */
export type ReadBytes = Readonly<{ bytes: Uint8Array; from: string }>

/** The body of an answer. A server that has no such file may answer with a page. */
export async function readResponse(response: Response): Promise<ReadBytes> {
  const type = response.headers.get('content-type') ?? 'of no type'
  if (!response.ok) throw new LoadError('wasm.missing', `${response.url} answers with ${response.status}`)
  return { bytes: new Uint8Array(await response.arrayBuffer()), from: `${response.url} is ${type}` }
}
