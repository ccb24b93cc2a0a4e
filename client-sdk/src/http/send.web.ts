import { readText } from './read-text.ts'
import type { Send } from './send.ts'

/** By `fetch`, or by what its caller has in place of it. */
export const sendBy =
  (ask: typeof fetch): Send =>
  async ({ url, most, timeout, signal, body, ...init }) => {
    const signals = [AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]
    const options = { ...init, signal: AbortSignal.any(signals), redirect: 'manual' as const }
    const response = await ask(url, body === undefined ? options : { ...options, body })
    const status = response.type === 'opaqueredirect' ? 300 : response.status
    return { status, header: (name) => response.headers.get(name), text: await textOf(response, most) }
  }

async function textOf({ headers, body, ok }: Response, most: number): Promise<string> {
  if (body === null) return ''
  const reader = body.getReader()
  const said = Number(headers.get('content-length'))
  // The stream may have broken off by itself.
  const cut = () => void reader.cancel().catch(() => undefined)
  return readText({ chunks: chunksOf(reader), said, isText: ok, cut }, most)
}

/** Not every browser reads a stream as what it is, an iterable. */
async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

export const send: Send = (what) => sendBy(fetch)(what)
