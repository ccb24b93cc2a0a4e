import { concatBytes } from '@noble/hashes/utils.js'
import { QuorateError } from '../errors.ts'

/** A body as it comes. `said`: how long it says it is, bytes; NaN or 0 where it does not. `isText`: anything but UTF-8 is an error. `cut`: ends its connection. */
type Body = Readonly<{ chunks: AsyncIterable<Uint8Array>; said: number; isText: boolean; cut: () => void }>

/**
 * The body of an answer as text. Throws `reply.invalid` for one of more than `most` bytes (inflated), whose connection is then cut, and for
 * a reply that is no UTF-8: an error page of a proxy may be anything. Throws what the stream throws when it breaks off.
 */
export async function readText({ chunks, said, isText, cut }: Body, most: number): Promise<string> {
  const read: Uint8Array[] = []
  let length = said > most ? Infinity : 0
  if (length <= most)
    for await (const chunk of chunks) {
      read.push(chunk)
      if ((length += chunk.length) > most) break
    }
  if (length <= most) return decodeUtf8(concatBytes(...read), isText)
  cut()
  throw invalid(`more than ${most} bytes`)
}

function decodeUtf8(bytes: Uint8Array, fatal: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal }).decode(bytes)
  } catch {
    throw invalid('no UTF-8')
  }
}

const invalid = (issue: string): QuorateError => new QuorateError('reply.invalid', 'client', { issues: [issue] })
