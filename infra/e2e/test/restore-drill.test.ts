import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { Quorate } from '@quorate/client'
import { entry } from '@quorate/local/fleet/entry'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { afterAll, describe, expect, it } from 'vitest'
import { makeKey, sign, type People } from './support/crash-fleet.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-drill-'))
const state = join(folder, 'state')
const backup = join(folder, 'backup.db')
const seeds = { alice: randomBytes(32), bob: randomBytes(32), carol: randomBytes(32) }
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const start = (): Promise<Fleet> => startFleet({ port: 0, state, rateLimit: 1_000_000 })

function peopleOf({ url, trust }: Fleet): People {
  const quorate = new Quorate({ gateway: url, trust, retry: { attempts: 14, pause: 100 } })
  const person = (name: keyof typeof seeds) => quorate.participant(name, { seed: seeds[name] })
  return { alice: person('alice'), bob: person('bob'), carol: person('carol') }
}

/** The operator's command line, in a process of its own. Gives what it says. */
async function gateway(database: string, ...args: string[]): Promise<string> {
  const files = ['--database', database, '--storage-key', join(dirname(database), 'storage.key')]
  const child = spawn(process.execPath, [...entry('gateway', 'cli/main'), ...files, ...args])
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  expect([code, said]).toEqual([0, said])
  return said
}

describe('a gateway whose database is lost', { timeout: 240_000 }, () => {
  it('does not start, and after a restore the key that was made before signs', async () => {
    const first = await start()
    const key = await makeKey(peopleOf(first))
    expect(await gateway(first.database, 'backup', backup)).toContain('keys 1, with 1 epochs; roots of enclaves 3')
    await sign(peopleOf(first), key, 'after the backup')
    await first.stop()
    for (const file of ['', '-wal', '-shm', '-lock']) rmSync(first.database + file, { force: true })

    await expect(start()).rejects.toThrow()
    expect(readFileSync(join(state, 'logs', 'gateway.log'), 'utf8')).toContain(
      `${first.database}: there is no database`,
    )

    expect(await gateway(first.database, 'restore', '--check', backup)).toContain('keys 1')
    await gateway(first.database, 'restore', backup)
    const second = await start()
    await sign(peopleOf(second), key, 'after the restore')
    await second.stop()
    expect(await gateway(first.database, 'verify-audit')).toContain('audit chain:')
  })
})
