import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openHome } from '../src/cli/home.ts'
import { inClear } from './command-line.ts'

let path: string
beforeEach(() => (path = mkdtempSync(join(tmpdir(), 'quorate-home-'))))
afterEach(() => rmSync(path, { recursive: true }))

/** A file that somebody has copied in, so that others may read it. */
function copied(kind: string, name: string, text: string): string {
  mkdirSync(join(path, kind), { recursive: true })
  const file = join(path, kind, name)
  writeFileSync(file, text)
  chmodSync(file, 0o644)
  return file
}

const keyId = 'ab'.repeat(16)

/** The longest name: 64 letters of three bytes each. */
const longest = '王'.repeat(64)

describe('a home', () => {
  it('keeps what is in it from others, once it was looked at, whoever wrote it', async () => {
    const home = openHome(path, inClear)
    const seed = copied('seeds', 'alice.seed', 'cd'.repeat(32))
    const key = copied('keys', `${keyId}.json`, '{}')
    const joining = copied('joining', `${keyId}.alice.json`, '{}')
    await home.seed('alice')
    await home.keyIfKept(keyId).catch(() => null)
    await home.joining(keyId, 'alice').catch(() => null)
    for (const file of [seed, key, joining]) expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o600])
  })

  it('names the file that is damaged', async () => {
    const home = openHome(path, inClear)
    const seed = copied('seeds', 'alice.seed', 'CANARY')
    const key = copied('keys', `${keyId}.json`, '{"CANARY"')
    const joining = copied('joining', `${keyId}.alice.json`, '{"CANARY"')
    const said = [home.seed('alice'), home.key('ab'), home.keyIfKept(keyId), home.joining(keyId, 'alice')]
    const messages = (await Promise.allSettled(said)).map((one) => String((one as PromiseRejectedResult).reason))
    for (const [at, file] of [seed, key, key, joining].entries()) expect(messages[at]).toContain(file)
    expect(messages.join()).not.toContain('CANARY')
  })
  it.each([
    ['28 letters', '王'.repeat(28)],
    ['64 letters', longest],
  ])('keeps a name of %s', async (_, name) => {
    const home = openHome(path, inClear)
    const seed = await home.seedOrNew(name)
    expect(await openHome(path, inClear).seed(name)).toEqual(seed)
    expect(await home.participants()).toEqual([name])
    await home.saveBook(keyId, name, { serial: 1, digest: 'ab'.repeat(32) as never })
    expect(await home.book(keyId, name)).toMatchObject({ serial: 1 })
    await expect(home.seed(`${name.slice(1)}x`)).rejects.toThrow(name)
  })

  it('reads what an earlier release has written under the whole of a long name', async () => {
    const name = '王'.repeat(20)
    copied('seeds', `${encodeURIComponent(name)}.seed`, 'cd'.repeat(32))
    const home = openHome(path, inClear)
    expect(await home.participants()).toEqual([name])
    expect(Buffer.from(await home.seedOrNew(name)).toString('hex')).toBe('cd'.repeat(32))
    expect(readdirSync(join(path, 'seeds'))).toHaveLength(1)
  })

  it('gives the keys that can be read, and says why others cannot', async () => {
    copied('keys', `${keyId}.json`, '{"CANARY"')
    const { keys, unreadable } = await openHome(path, inClear).readKeys()
    expect(keys).toEqual([])
    expect(unreadable).toEqual([{ keyId, why: expect.stringContaining(`${keyId}.json`) as string }])
  })
})
