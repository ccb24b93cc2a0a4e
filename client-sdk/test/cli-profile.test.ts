import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { trustDigest } from '../src/trust-digest.ts'
import { environment, folder, home, runLine, withOwnHome, type Ran } from './command-line.ts'
import { fleet, gateway } from './lying-gateway.ts'

withOwnHome()

const elsewhere = 'http://127.0.0.1:1'

/** Without a gateway and a trust file in the environment, unless it is said. */
const quorate = (line: readonly string[], env: Record<string, string> = {}): Promise<Ran> => {
  const { QUORATE_HOME, QUORATE_PASSPHRASE_FILE } = environment()
  return runLine(line, { QUORATE_HOME, QUORATE_PASSPHRASE_FILE, ...env })
}
const atWork = ['--profile', 'work']
const trusting = () => ['trust', 'add', '--digest', trustDigest(fleet.trust)]
const keygen = ['keygen', '-t', '2', 'alice', 'bob', '--no-wait', '--json']

/** A profile that names the gateway, and who acts there. */
async function addWork(): Promise<void> {
  for (const line of [
    ['profile', 'add', 'work', '--gateway', gateway.url, '--as', 'alice'],
    [...atWork, ...trusting(), join(folder, 'trust.json')],
  ])
    expect(await quorate(line)).toMatchObject({ code: 0 })
}

async function inUse(): Promise<unknown[]> {
  const { lines } = await quorate(['profile', 'list', '--json'])
  return lines.filter((line) => line['inUse']).map((line) => line['profile'])
}

describe('a profile', () => {
  it('is a home of its own: its gateway, who acts, whom it trusts, and its seeds', async () => {
    await addWork()
    expect(await quorate([...atWork, ...keygen])).toMatchObject({ code: 0 })
    const kept = join(home(), 'profiles/work')
    expect(await readdir(join(kept, 'seeds'))).toEqual(['alice.seed'])
    expect((await stat(kept)).mode & 0o777).toBe(0o700)
    expect(await readdir(home())).toEqual(['profiles'])
    expect(await quorate(keygen)).toMatchObject({ code: 2 })
  })

  it('is chosen by --profile, by QUORATE_PROFILE, or for good by `quorate profile use`', async () => {
    await addWork()
    expect(await quorate(['fleet'])).toMatchObject({ code: 2 })
    expect(await quorate([...atWork, 'fleet'])).toMatchObject({ code: 0 })
    expect(await quorate(['fleet'], { QUORATE_PROFILE: 'work' })).toMatchObject({ code: 0 })
    expect(await inUse()).toEqual(['default'])
    expect(await quorate(['profile', 'use', 'work'])).toMatchObject({ code: 0 })
    expect(await inUse()).toEqual(['work'])
    expect(await quorate(['fleet'])).toMatchObject({ code: 0 })
    expect(await quorate(['--profile', 'default', 'fleet'])).toMatchObject({ code: 2 })
  })

  it('goes before the environment where the line names it, and behind it where it is in use', async () => {
    await addWork()
    const other = { QUORATE_GATEWAY: elsewhere, QUORATE_TRUST: join(folder, 'none.json') }
    expect(await quorate([...atWork, 'fleet'], other)).toMatchObject({ code: 0 })
    await quorate(['profile', 'use', 'work'])
    expect(await quorate(['fleet'], other)).toMatchObject({
      code: 2,
      err: expect.stringContaining('none.json') as string,
    })
    expect(await quorate([...atWork, '--trust', join(folder, 'none.json'), 'fleet'])).toMatchObject({ code: 2 })
  })

  it('is no typing error: one that was not added is refused, and the others are named', async () => {
    await addWork()
    const { code, err } = await quorate(['--profile', 'wrok', 'fleet'])
    expect([code, err]).toEqual([2, expect.stringContaining('there are default, work')])
    expect(await quorate(['profile', 'use', 'wrok'])).toMatchObject({ code: 2 })
    for (const name of ['..', '.x', 'a/b', '', 'x'.repeat(41)])
      expect(await quorate(['profile', 'add', name])).toMatchObject({ code: 2 })
    expect(await quorate(['profile', 'add', 'x', '--gateway', 'ftp://x'])).toMatchObject({ code: 2 })
  })

  it('can be left when it is gone, and written anew when it is damaged', async () => {
    await addWork()
    await quorate(['profile', 'use', 'work'])
    await writeFile(join(home(), 'profiles/work/profile.json'), '{')
    expect(await quorate(['fleet'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('quorate profile add work') as string,
    })
    await addWork()
    expect(await quorate(['fleet'])).toMatchObject({ code: 0 })
    await rm(join(home(), 'profiles/work'), { recursive: true })
    expect(await quorate(['fleet'])).toMatchObject({ code: 2 })
    expect(await quorate(['profile', 'use', 'default'])).toMatchObject({ code: 0 })
    expect(await inUse()).toEqual(['default'])
  })
})
