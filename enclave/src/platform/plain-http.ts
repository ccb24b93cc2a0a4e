import { request, type IncomingMessage } from 'node:http'
import type { TunnelAgent } from './tunnel.ts'

export type PlainQuestion = Readonly<{ method: 'GET' | 'PUT'; path: string; headers: Readonly<Record<string, string>> }>

/** In ms, for a request with its answer. */
const patience = 5_000
const longestAnswer = 16 * 1024

/**
 * A request to what the parent instance offers by plain HTTP at the end of a tunnel: nothing of the answer can be believed, and
 * nothing that is asked is secret. The host's name is that of the metadata services. Throws a plain Error for any status but 200.
 */
export async function askPlainly(agent: TunnelAgent, { method, path, headers }: PlainQuestion): Promise<Buffer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const signal = AbortSignal.timeout(patience)
    request({ agent, host: '169.254.169.254', method, path, headers, signal })
      .on('response', resolve)
      .on('error', reject)
      .end()
  })
  if (response.statusCode !== 200) {
    response.destroy()
    throw new Error(`the metadata service answers ${String(response.statusCode)}`)
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > longestAnswer) throw new Error('the metadata service answers too much')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
