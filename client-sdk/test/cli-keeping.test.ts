import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { environment, folder, home, runLine, withOwnHome, type Given, type Ran } from './command-line.ts'
import { keepKey } from './keep-key.ts'

withOwnHome()

const quorate = (line: readonly string[], given: Given = {}, more: Record<string, string> = {}): Promise<Ran> =>
  runLine(line, { ...environment(), ...more }, given)

describe('quorate key rename', () => {
  it('gives a key a name that stands for its id, and takes it away', async () => {
    const { key } = await keepKey('alice')
    expect(await quorate(['key', 'rename', key.keyId.slice(0, 8), 'treasury'])).toMatchObject({ code: 0 })
    expect((await quorate(['key'])).out).toContain('treasury')
    expect((await quorate(['key', 'treasury'])).out).toContain(key.keyId)
    const asked = await quorate(['sign', 'treasury', 'hello', '--no-wait', '--json'])
    expect(asked).toMatchObject({ code: 0, lines: [{ keyId: key.keyId }] })
    expect(await quorate(['key', 'rename', 'treasury'])).toMatchObject({ code: 0 })
    expect(await quorate(['key', 'treasury'])).toMatchObject({ code: 2 })
  })

  it.each(['cafe', 'rename', 'a b', ''])('takes no “%s”, which is not told apart', async (name) => {
    const { key } = await keepKey('alice')
    expect(await quorate(['key', 'rename', key.keyId, name])).toMatchObject({ code: 2 })
  })
})

describe('quorate key export and import', () => {
  it('bring a key to another machine under a passphrase', async () => {
    const { key } = await keepKey('alice')
    const passphrase = join(folder, 'passphrase')
    await writeFile(passphrase, 'correct horse\n')
    const file = join(folder, 'key.age')
    const exported = ['key', 'export', key.keyId, '--out', file]
    expect(await quorate(exported)).toMatchObject({ code: 2 })
    expect(await quorate([...exported, '--passphrase', passphrase])).toMatchObject({ code: 0 })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).not.toContain('sessionSecret')
    const elsewhere = { QUORATE_HOME: join(folder, 'elsewhere') }
    const line = ['key', 'import', file, '--passphrase', passphrase]
    expect(await quorate(line, {}, elsewhere)).toMatchObject({ code: 0 })
    expect((await quorate(['key', key.keyId], {}, elsewhere)).out).toContain(key.groupKey)
    await writeFile(file, (await readFile(file, 'utf8')).replace(/.(?==*\n-----END)/, 'A'))
    expect(await quorate(line, {}, elsewhere)).toMatchObject({ code: 2 })
  })
})

describe('quorate history', () => {
  it('shows what was asked for and decided here, once each, and names signings by their beginning', async () => {
    const { alice, key } = await keepKey('bob')
    const { signingId } = await alice.requestSignature(key, 'pay carol')
    expect(await quorate(['approve', signingId, '-y'])).toMatchObject({ code: 0 })
    const own = await quorate(['sign', key.keyId, 'a message of one’s own', '--no-wait', '--json'])
    const asked = own.lines[0]!['signingId'] as string
    expect(await quorate(['withdraw', asked.slice(0, 8)])).toMatchObject({ code: 0 })
    for (let times = 0; times < 2; times += 1)
      expect(await quorate(['status', signingId.slice(0, 8)])).toMatchObject({ code: 0 })
    const { lines } = await quorate(['history', '--json'])
    expect(lines[0]!['entries']).toMatchObject([
      { event: 'approved', signingId, userId: 'bob', what: 'pay carol' },
      { event: 'requested', signingId: asked, userId: 'bob' },
      { event: 'withdrawn', signingId: asked },
      { event: 'completed', signingId, userId: 'alice' },
    ])
    expect((await quorate(['history', '--last', '1'])).out).not.toContain('approved')
    const file = join(home(), 'history', 'signings.jsonl')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await writeFile(file, 'nonsense\n' + (await readFile(file, 'utf8')))
    expect((await quorate(['history'])).out).toContain('pay carol')
  })
})
