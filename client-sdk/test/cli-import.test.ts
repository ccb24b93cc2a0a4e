import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nip19 } from 'nostr-tools'
import * as nip49 from 'nostr-tools/nip49'
import { generateSecretKey, getPublicKey } from 'nostr-tools/pure'
import { describe, expect, it } from 'vitest'
import { toHex } from '@quorate/shared/wire/bytes'
import { environment, folder, home, runLine, withOwnHome, type Given, type Line } from './command-line.ts'
import { gateway } from './lying-gateway.ts'

withOwnHome()

const quorate = (line: readonly string[], { typed = '', ...given }: Given = {}) =>
  runLine(line, environment(), { typed, ...given })

const linesOf = (out: string) => out.split('\n').flatMap((text) => (text ? [JSON.parse(text) as Line] : []))
const named = ['-t', '2', 'alice', 'bob', '--as', 'alice']

/** What this machine keeps, and all that was said to the gateway. */
async function whatIsLeft(): Promise<string> {
  const files = await readdir(home(), { recursive: true, withFileTypes: true })
  const kept = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'utf8'))
  return [...(await Promise.all(kept)), JSON.stringify(gateway.asked)].join('\n')
}

describe('quorate import', () => {
  it('says in its help what a person must know before', async () => {
    const { code, out } = await quorate(['import', '--help'])
    expect(code).toBe(0)
    for (const said of ['whoever finds a copy signs alone', 'delete every copy', 'quorate refresh KEY', 'Example'])
      expect(out).toContain(said)
  })

  it('deals the nsec of standard input; who is invited names its dealer, or takes no part', async () => {
    const secret = generateSecretKey()
    const nsec = nip19.nsecEncode(secret)
    const options = ['--secret', '-', '--yes', '--no-wait', '--json']
    const dealt = await quorate(['import', ...named, ...options], { typed: `${nsec}\n` })
    expect(dealt.code).toBe(0)
    const [{ keyId, invitations }] = linesOf(dealt.out) as [{ keyId: string; invitations: { link: string }[] }]
    const { link } = invitations[0]!

    const unnamed = await quorate(['participate', link, '--as', 'bob', '--no-wait'])
    expect(unnamed).toMatchObject({ code: 2 })
    expect(unnamed.err).toContain('--dealt-by alice')
    const wrong = await quorate(['participate', link, '--as', 'bob', '--no-wait', '--dealt-by', 'carol'])
    expect(wrong.err).toContain('keygen.skeleton_mismatch')
    expect(await quorate(['participate', link, '--as', 'bob', '--dealt-by', 'alice'])).toMatchObject({ code: 0 })

    expect((await quorate(['status', keyId, '--as', 'alice', '--wait'])).code).toBe(0)
    const shown = await quorate(['key', keyId])
    expect(shown.out).toContain(nip19.npubEncode(getPublicKey(secret)))
    expect(shown.out).toContain('alice, who has known all of it')
    const left = await whatIsLeft()
    for (const whole of [nsec, toHex(secret)]) expect([left, dealt.out, dealt.err].join().includes(whole)).toBe(false)
  })

  it('waits, and says to delete every copy and to refresh', async () => {
    await writeFile(join(folder, 'secret'), toHex(generateSecretKey()))
    const alone = ['-t', '2', 'alice', 'bob', '--as', 'alice', '--secret', join(folder, 'secret'), '--yes']
    const joins: ReturnType<typeof quorate>[] = []
    const told = (printed: string) => {
      const [link] = /quorate:join#[\w-]+/.exec(printed) ?? []
      if (link !== undefined && joins.length === 0)
        joins.push(quorate(['participate', link, '--as', 'bob', '--dealt-by', 'alice']))
    }
    const { code, out, err } = await quorate(['import', ...alone], { told })
    expect(code).toBe(0)
    expect(await joins[0]).toMatchObject({ code: 0 })
    expect(err).toContain('whoever finds a copy signs alone')
    expect(out).toMatch(/delete every other copy/)
    expect(out).toMatch(/quorate refresh [0-9a-f]{32}/)
  })

  it('deals an ncryptsec with the password of a file, and no other key than that of the public key', async () => {
    const secret = generateSecretKey()
    await writeFile(join(folder, 'key'), nip49.encrypt(secret, 'open sesame', 4))
    await writeFile(join(folder, 'word'), 'open sesame\n')
    const line = ['import', ...named, '--secret', join(folder, 'key'), '--yes', '--no-wait']
    const given = [...line, '--password', join(folder, 'word')]
    const other = getPublicKey(generateSecretKey())
    expect((await quorate([...given, '--public-key', other])).err).toContain('secret.invalid')
    expect(await quorate(line)).toMatchObject({ code: 2 })
    await writeFile(join(folder, 'wrong'), 'open barley\n')
    expect((await quorate([...line, '--password', join(folder, 'wrong')])).err).toContain('secret.invalid')
    expect(gateway.asked).toEqual([])
    expect((await quorate([...given, '--public-key', getPublicKey(secret)])).code).toBe(0)
  })

  it('takes no secret in its arguments, and asks before it goes on', async () => {
    const nsec = nip19.nsecEncode(generateSecretKey())
    await writeFile(join(folder, 'nsec'), nsec)
    const { code, err } = await quorate(['import', ...named, '--secret', nsec, '--yes'])
    expect(code).toBe(2)
    expect(err).not.toContain(nsec)
    const line = ['import', ...named, '--secret', join(folder, 'nsec'), '--no-wait']
    expect(await quorate(line)).toMatchObject({ code: 2 })
    expect(await quorate(line, { interactive: true, typed: 'n\n' })).toMatchObject({ code: 2 })
    expect(await quorate(['import', ...named, '--secret', '-'], { interactive: true, typed: nsec })).toMatchObject({
      code: 2,
    })
    expect(gateway.asked).toEqual([])
    expect(await quorate(line, { interactive: true, typed: 'y\n' })).toMatchObject({ code: 0 })
  })

  it.each([
    ['nothing', ''],
    ['no nsec', 'nsec1x'],
    ['31 bytes', 'ab'.repeat(31)],
    ['what is too long', 'x'.repeat(9_000)],
  ])('refuses %s', async (_, text) => {
    const { code } = await quorate(['import', ...named, '--secret', '-', '--yes'], { typed: text })
    expect(code).toBe(2)
    expect(gateway.asked).toEqual([])
  })
})
