import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Decrypter, armor } from 'age-encryption'
import { describe, expect, it } from 'vitest'
import { seedOf, wordsOf } from '../src/cli/words.ts'
import { environment, folder, home, runLine, withOwnHome, type Given } from './command-line.ts'

withOwnHome()

const seed = 'cd'.repeat(32)

/** `passphrase`: stands in the file that the environment names; null names none. */
async function quorate(passphrase: string | null, line: readonly string[], given: Given = {}) {
  const { QUORATE_GATEWAY, QUORATE_TRUST, QUORATE_HOME } = environment()
  const env = { QUORATE_GATEWAY, QUORATE_TRUST, QUORATE_HOME }
  if (passphrase === null) return runLine(line, env, given)
  const file = join(folder, 'passphrase')
  await writeFile(file, `${passphrase}\n`)
  return runLine(line, { ...env, QUORATE_PASSPHRASE_FILE: file }, given)
}

/** As releases before wrote it. */
async function keepPlain(name: string): Promise<string> {
  await mkdir(join(home(), 'seeds'), { recursive: true })
  const file = join(home(), 'seeds', `${name}.seed`)
  await writeFile(file, seed + '\n')
  return file
}

const keygen = ['keygen', '-t', '2', 'alice', 'bob', '--as', 'alice', '--no-wait', '--json']

/** Types each of these as soon as something is asked. */
function typing(...answers: string[]): Given {
  let asked = 0
  return {
    interactive: true,
    warned: (err, type) => {
      const questions = err.split(/: (?=\n|$)/).length - 1
      while (asked < questions && asked < answers.length) type(`${answers[asked++]!}\n`)
    },
  }
}

describe('a seed', () => {
  it('is kept under the passphrase of a file, and opens with no other', async () => {
    expect(await quorate('correct horse', keygen)).toMatchObject({ code: 0 })
    const [file] = await readdir(join(home(), 'seeds'))
    const kept = JSON.parse(await readFile(join(home(), 'seeds', file!), 'utf8')) as Record<string, string>
    expect(Object.keys(kept)).toEqual(['format', 'userId', 'sealed'])
    const reader = new Decrypter()
    reader.addPassphrase('correct horse')
    const plain = JSON.parse(await reader.decrypt(armor.decode(kept['sealed']!), 'text')) as Record<string, string>
    expect(plain).toEqual({
      format: 'quorate-seed/v1',
      userId: 'alice',
      seed: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    })
    const other = await quorate('battery staple', keygen)
    expect(other).toMatchObject({ code: 2 })
    expect(JSON.stringify(other)).toContain('does not open with this passphrase')
    expect(await quorate('correct horse', ['seed', 'backup', '--words', '--json'])).toMatchObject({
      lines: [{ words: wordsOf(Buffer.from(plain['seed']!, 'hex')) }],
    })
  })

  it('is not drawn where nobody can say how to keep it', async () => {
    const refused = await quorate(null, keygen)
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.out).toContain('QUORATE_PASSPHRASE_FILE')
    expect(await readdir(join(home(), 'seeds'))).toEqual([])
  })

  it('is asked for at a terminal, twice when it is new, and what is typed is not shown', async () => {
    await keepPlain('alice')
    const wrong = await quorate(null, ['seed', 'protect'], typing('horse', 'house'))
    expect(wrong).toMatchObject({ code: 2 })
    expect(wrong.err).toContain('two passphrases')
    const done = await quorate(null, ['seed', 'protect'], typing('horse', 'horse'))
    expect(done).toMatchObject({ code: 0 })
    expect(done.out + done.err).not.toContain('horse')
    const opened = await quorate(null, ['seed', 'backup', '--words'], typing('horse'))
    expect(opened.out.trim()).toBe(wordsOf(Buffer.from(seed, 'hex')))
  })

  it('of an earlier release is read as it is, and put under a passphrase on request', async () => {
    const file = await keepPlain('alice')
    expect((await quorate(null, ['seed', 'backup', '--words'])).out.trim()).toBe(wordsOf(Buffer.from(seed, 'hex')))
    expect(await readFile(file, 'utf8')).toBe(seed + '\n')
    expect(await quorate('correct horse', ['seed', 'protect'])).toMatchObject({ code: 0 })
    expect(await readFile(file, 'utf8')).not.toContain(seed)
    expect(await quorate(null, ['seed', 'backup', '--words'])).toMatchObject({ code: 2 })
  })
})

describe('a backup', () => {
  it('brings the seed back on another machine, under its name', async () => {
    await keepPlain('alice')
    const file = join(folder, 'alice.seed.age')
    expect(await quorate('for the backup', ['seed', 'backup', '--out', file])).toMatchObject({ code: 0 })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await quorate('for the backup', ['seed', 'backup', '--out', file])).toMatchObject({ code: 2 })
    const elsewhere = ['--home', join(folder, 'elsewhere')]
    const restored = await quorate('for the backup', ['seed', 'restore', file, ...elsewhere, '--json'])
    expect(restored.lines).toMatchObject([{ event: 'restored', userId: 'alice' }])
    const words = await quorate('for the backup', ['seed', 'backup', '--words', ...elsewhere])
    expect(words.out.trim()).toBe(wordsOf(Buffer.from(seed, 'hex')))
  })

  it('as words brings it back too, and replaces no other seed', async () => {
    const words = wordsOf(Buffer.from(seed, 'hex'))
    const restore = ['seed', 'restore', '--words', '--as', 'alice']
    expect(await quorate('correct horse', restore, { typed: `  ${words.toUpperCase()}\n` })).toMatchObject({ code: 0 })
    const shown = await quorate('correct horse', ['seed', 'backup', '--words'])
    expect(shown.out.trim()).toBe(words)
    const other = wordsOf(Buffer.from('ab'.repeat(32), 'hex'))
    const refused = await quorate('correct horse', restore, { typed: other })
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.err).toContain('another seed')
  })
})

describe('24 words', () => {
  it('are those of the vectors of BIP-39', () => {
    expect(wordsOf(new Uint8Array(32))).toBe(`${'abandon '.repeat(23)}art`)
    expect(wordsOf(new Uint8Array(32).fill(0xff))).toBe(`${'zoo '.repeat(23)}vote`)
    expect(
      seedOf(
        'legal winner thank year wave sausage worth useful '
          .repeat(3)
          .trim()
          .replace(/ useful$/, ' title'),
      ),
    ).toEqual(new Uint8Array(32).fill(0x7f))
  })

  it.each([
    ['one too few', `${'abandon '.repeat(22)}art`, '23'],
    ['one that is none', `${'abandon '.repeat(22)}quorate art`, 'word 23'],
    ['a wrong one', `${'abandon '.repeat(22)}zoo art`, 'does not fit'],
  ])('with %s are refused, and are not repeated', (_, text, why) => {
    expect(() => seedOf(text)).toThrow(why)
    expect(() => seedOf(text)).not.toThrow('abandon')
  })
})
