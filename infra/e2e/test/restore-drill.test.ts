import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { Quorate } from '@quorate/client'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { afterAll, describe, expect, it } from 'vitest'
import { operate } from '../src/operator.ts'
import { peopleBy, type People } from '../src/people.ts'
import { makeKey, sign } from './support/crash-fleet.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-drill-'))
const state = join(folder, 'state')
const backup = join(folder, 'backup.db')
const seeds = { alice: randomBytes(32), bob: randomBytes(32), carol: randomBytes(32) }
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const start = (): Promise<Fleet> => startFleet({ port: 0, state, rateLimit: 1_000_000 })

function peopleOf({ url, trust }: Fleet): People {
  const quorate = new Quorate({ gateway: url, trust, retry: { attempts: 14, pause: 100 } })
  return peopleBy((name) => quorate.participant(name, { seed: seeds[name] }))
}

/** The operator's command line. Gives what it says. */
async function gateway(...args: Parameters<typeof operate>): Promise<string> {
  const { code, said } = await operate(...args)
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
