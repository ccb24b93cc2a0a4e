import { concatBytes } from '@noble/hashes/utils.js'
import { QuorateError } from '../errors.ts'

/**
 * The body of an answer as text. Throws `reply.invalid` for one of more than `most` bytes (inflated), whose connection is then cut, and for
 * a reply that is no UTF-8: an error page of a proxy may be anything. Throws what the stream throws when it breaks off.
 */
export async function readText({ headers, body, ok }: Response, most: number): Promise<string> {
  if (body === null) return ''
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = Number(headers.get('content-length') ?? 0) > most ? Infinity : 0
  while (length <= most) {
    const { done, value } = await reader.read()
    if (done) return decodeUtf8(concatBytes(...chunks), ok)
    chunks.push(value)
    length += (value as Uint8Array).length
  }
  // The stream may have broken off by itself.
  reader.cancel().catch(() => undefined)
  throw tooLong(most)
}

/** Throws `reply.invalid` for what is no UTF-8, where that is fatal: an error page of a proxy may be anything. */
export function decodeUtf8(bytes: Uint8Array, fatal: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal }).decode(bytes)
  } catch {
    throw invalid('no UTF-8')
  }
}

export const tooLong = (most: number): QuorateError => invalid(`more than ${most} bytes`)

const invalid = (issue: string): QuorateError => new QuorateError('reply.invalid', 'client', { issues: [issue] })
