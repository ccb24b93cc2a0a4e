import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openHome } from '../src/cli/home.ts'

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

describe('a home', () => {
  it('keeps what is in it from others, once it was looked at, whoever wrote it', async () => {
    const home = openHome(path)
    const seed = copied('seeds', 'alice.seed', 'cd'.repeat(32))
    const key = copied('keys', `${keyId}.json`, '{}')
    const joining = copied('joining', `${keyId}.alice.json`, '{}')
    await home.seed('alice')
    await home.keyIfKept(keyId).catch(() => null)
    await home.joining(keyId, 'alice').catch(() => null)
    for (const file of [seed, key, joining]) expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o600])
  })

  it('names the file that is damaged', async () => {
    const home = openHome(path)
    const seed = copied('seeds', 'alice.seed', 'CANARY')
    const key = copied('keys', `${keyId}.json`, '{"CANARY"')
    const joining = copied('joining', `${keyId}.alice.json`, '{"CANARY"')
    const said = [home.seed('alice'), home.key('ab'), home.keyIfKept(keyId), home.joining(keyId, 'alice')]
    const messages = (await Promise.allSettled(said)).map((one) => String((one as PromiseRejectedResult).reason))
    for (const [at, file] of [seed, key, key, joining].entries()) expect(messages[at]).toContain(file)
    expect(messages.join()).not.toContain('CANARY')
  })
})
