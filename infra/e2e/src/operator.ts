import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { entry } from '@quorate/local/fleet/entry'

/** `said`: all that it wrote. */
export type Ran = Readonly<{ code: number; said: string }>

/** Runs `quorate-gateway`, the operator's command line, in a process of its own. */
export async function operate(database: string, ...args: string[]): Promise<Ran> {
  const files = ['--database', database, '--storage-key', join(dirname(database), 'storage.key')]
  const child = spawn(process.execPath, [...entry('gateway', 'cli/main'), ...files, ...args])
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, said }
}
