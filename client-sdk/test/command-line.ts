import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach } from 'vitest'
import { run } from '../src/cli/program.ts'
import { fleet, gateway, withOwnGateway } from './lying-gateway.ts'

/** Of the test that runs: the trust file, and the home of its people. */
export let folder: string
export const home = (): string => join(folder, 'home')

/** Each test of a file that calls it has a gateway and a folder of its own. */
export function withOwnHome(): void {
  withOwnGateway()
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quorate-cli-'))
    await writeFile(join(folder, 'trust.json'), JSON.stringify(fleet.trust))
  })
  afterEach(() => rm(folder, { recursive: true }))
}

/** Keeps seeds in clear. */
export const inClear = {
  toOpen: () => Promise.reject(new Error('nobody is asked')),
  toKeep: () => Promise.resolve(null),
}

/** What people set for the command. */
export const environment = () => ({
  QUORATE_GATEWAY: gateway.url,
  QUORATE_TRUST: join(folder, 'trust.json'),
  QUORATE_HOME: home(),
  QUORATE_PASSPHRASE_FILE: 'none',
})

export type Line = Record<string, unknown> & { event?: string; keyId?: string }
export type Ran = { code: number; out: string; err: string; lines: Line[] }

/**
 * `told` sees what is printed while it runs, `warned` what stands on stderr: each gives the text so far. Without `typed` the standard input stays
 * open, and `type` writes there.
 */
export type Given = Readonly<{
  typed?: string
  interactive?: boolean
  told?: ((out: string) => void) | undefined
  warned?: (err: string, type: (text: string) => void) => void
  /** A person's Ctrl-C. */
  signal?: AbortSignal
}>

/** Runs one command line in this process. */
export async function runLine(
  line: readonly string[],
  env: Record<string, string>,
  { typed, interactive = false, told, warned, signal = new AbortController().signal }: Given = {},
): Promise<Ran> {
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()]
  if (typed !== undefined) stdin.end(typed)
  const ran = { out: '', err: '' }
  stdout.on('data', (chunk: Buffer) => {
    ran.out += chunk.toString()
    told?.(ran.out)
  })
  stderr.on('data', (chunk: Buffer) => {
    ran.err += chunk.toString()
    warned?.(ran.err, (text) => stdin.write(text))
  })
  const code = await run(line, { env, stdin, stdout, stderr, interactive, signal })
  await new Promise((resolve) => setImmediate(resolve))
  const isJson = line.includes('--json')
  const lines = isJson ? ran.out.split('\n').filter(Boolean) : []
  return { code, ...ran, lines: lines.map((text) => JSON.parse(text) as Line) }
}
