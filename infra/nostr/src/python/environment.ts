import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** The workspace, whether this runs as a source or compiled into dist. */
const workspace = join(import.meta.dirname.replace(/\/dist\/src\/python$/, '/src/python'), '../..')
export const sources = join(workspace, 'src')
const requirements = join(sources, 'python/requirements.txt')

const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--retries', '1', '-r']
/** ms */
const LONGEST = 100_000

/** A Python that has what `requirements.txt` names, or why there is none. */
export type Environment = Readonly<{ python: string } | { missing: string }>

/** Made beside its place and moved there whole, so that two processes may make it at once. */
async function make(place: string): Promise<void> {
  const draft = `${place}.${randomUUID()}`
  try {
    await run('python3', ['-m', 'venv', draft])
    await run(join(draft, 'bin/python'), [...install, requirements], { timeout: LONGEST })
    await rename(draft, place)
  } catch (error) {
    if (!existsSync(place)) throw error
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function open(): Promise<Environment> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16)
  const cache = join(workspace, 'node_modules/.cache')
  const place = join(cache, `python-${digest}`)
  try {
    await mkdir(cache, { recursive: true })
    if (!existsSync(place)) await make(place)
    return { python: join(place, 'bin/python') }
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n').find((line) => line !== '') ?? '') : 'unknown'
    process.stderr.write(`skipped: what needs Python (nostr-sdk, nostr-relay): ${reason}\n`)
    return { missing: `no Python environment: ${reason}` }
  }
}

let opened: Promise<Environment> | undefined

/** Makes the environment once, from PyPI. Says loudly on stderr when it cannot. */
export const pythonEnvironment = (): Promise<Environment> => (opened ??= open())
