import type { IncomingMessage } from 'node:http'
import { Refusal } from '@quorate/shared/errors'
import { MAX_REQUEST } from '@quorate/shared/wire/routes/route'

/**
 * The body of a request that is JSON as it stands, `longest` bytes at most. Throws `request.unsupported_media` for any other type, any charset but
 * UTF-8 and any Content-Encoding (so that nothing is ever inflated), and `request.too_large` as soon as that is known.
 */
export async function readBody(request: IncomingMessage, longest = MAX_REQUEST): Promise<Buffer> {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throw new Refusal('request.unsupported_media')
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json *(; *charset="?utf-8"?)? *$/i.test(type)) throw new Refusal('request.unsupported_media')
  if (Number(request.headers['content-length'] ?? 0) > longest) throw new Refusal('request.too_large')

  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > longest) {
        request.pause()
        request.removeAllListeners('data')
        reject(new Refusal('request.too_large'))
      } else chunks.push(chunk)
    })
    request.on('end', () => resolve(Buffer.concat(chunks, size)))
    request.on('error', () => reject(new Refusal('request.invalid')))
    request.on('close', () => reject(new Refusal('request.invalid')))
  })
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Throws `request.invalid` for bytes that are not UTF-8. */
export function decodeText(body: Uint8Array): string {
  try {
    return utf8.decode(body)
  } catch {
    throw new Refusal('request.invalid')
  }
}
