import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pythonEnvironment, sources } from '../python/environment.ts'
import type { Relay } from './relay.ts'

const program = join(sources, 'relay/nostr_relay_server.py')

/** Every JSON is YAML. */
const configuration = (folder: string): string =>
  JSON.stringify({
    storage: {
      'sqlalchemy.url': `sqlite+aiosqlite:///${folder}/events.sqlite3`,
      validators: ['nostr_relay.validators.is_signed'],
    },
    subscription_limit: 1_000,
  })

/** uvicorn says in its log which port it was given. */
async function urlOf(child: ChildProcessWithoutNullStreams): Promise<string> {
  const said: string[] = []
  for await (const line of createInterface({ input: child.stderr })) {
    const port = /running on http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]
    if (port !== undefined) return `ws://127.0.0.1:${port}`
    said.push(line)
  }
  throw new Error(`nostr-relay did not start: ${said.slice(-5).join(' | ')}`)
}

/** PyPI's `nostr-relay`, a process with a database that goes with it. It asks nobody who they are. */
export async function startPythonRelay(): Promise<Relay> {
  const environment = await pythonEnvironment()
  if ('missing' in environment) throw new Error(environment.missing)
  const folder = await mkdtemp(join(tmpdir(), 'nostr-relay-'))
  const path = join(folder, 'relay.yaml')
  await writeFile(path, configuration(folder))
  const child = spawn(environment.python, [program, path], { cwd: folder })
  child.stdout.resume()
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const url = await urlOf(child)
    child.stderr.resume()
    return { url, close }
  } catch (error) {
    await close()
    throw error
  }
}
