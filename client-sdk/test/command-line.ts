import { PassThrough } from 'node:stream'
import { run } from '../src/cli/program.ts'

export type Line = Record<string, unknown> & { event?: string; keyId?: string }
export type Ran = { code: number; out: string; err: string; lines: Line[] }

/** Runs one command line in this process; `told` sees what it prints while it runs. */
export async function runLine(
  line: readonly string[],
  env: Record<string, string>,
  told?: (out: string) => void,
): Promise<Ran> {
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const ran = { out: '', err: '' }
  stdout.on('data', (chunk: Buffer) => {
    ran.out += chunk.toString()
    told?.(ran.out)
  })
  stderr.on('data', (chunk: Buffer) => (ran.err += chunk.toString()))
  const signal = new AbortController().signal
  const code = await run(line, { env, stdin, stdout, stderr, interactive: false, signal })
  await new Promise((resolve) => setImmediate(resolve))
  const isJson = line.includes('--json')
  const lines = isJson ? ran.out.split('\n').filter(Boolean) : []
  return { code, ...ran, lines: lines.map((text) => JSON.parse(text) as Line) }
}
