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
    return { status, header: (name) => response.headers.get(name), text: await readText(response, most) }
  }

export const send: Send = (what) => sendBy(fetch)(what)
