import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encode } from '@quorate/shared/crypto/cbor'
import { toBase64url } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { decodeInvitation, type Invitation } from '../src/index.ts'
import { trustDigest } from '../src/trust-digest.ts'
import { environment, folder, runLine, withOwnHome, type Given, type Ran } from './command-line.ts'
import { fleet, gateway } from './lying-gateway.ts'

withOwnHome()

/** Without a trust file in the environment. */
const quorate = (line: readonly string[], given: Given = {}): Promise<Ran> => {
  const { QUORATE_GATEWAY, QUORATE_HOME, QUORATE_PASSPHRASE_FILE } = environment()
  return runLine(line, { QUORATE_GATEWAY, QUORATE_HOME, QUORATE_PASSPHRASE_FILE }, given)
}
const file = () => join(folder, 'trust.json')
const answering = (answer: string): Given => {
  let isAsked = false
  return {
    interactive: true,
    warned: (err, type) => {
      if (!isAsked && err.includes('[y/N]')) type(`${answer}\n`)
      isAsked ||= err.includes('[y/N]')
    },
  }
}

describe('quorate trust', () => {
  it('shows the PCRs, asks, and remembers what was said yes to', async () => {
    expect(await quorate(['fleet'])).toMatchObject({ code: 2 })
    expect(await quorate(['trust', 'add', file()], answering('n'))).toMatchObject({ code: 2 })
    expect(await quorate(['fleet'])).toMatchObject({ code: 2 })
    const added = await quorate(['trust', 'add', file()], answering('y'))
    expect(added).toMatchObject({ code: 0 })
    expect(added.err).toContain(fleet.trust.measurements[0]!['0'])
    expect(await quorate(['fleet'])).toMatchObject({ code: 0 })
    expect((await quorate(['trust', 'show', '--json'])).lines).toMatchObject([{ digest: trustDigest(fleet.trust) }])
  })

  it('takes a file from an address without a question only by its digest, and none over plain HTTP from elsewhere', async () => {
    gateway.files.set('/trust.json', { type: 'application/json', body: await readFile(file(), 'utf8') })
    const from = `${gateway.url}/trust.json`
    expect(await quorate(['trust', 'add', from])).toMatchObject({ code: 2 })
    expect(await quorate(['trust', 'add', from, '--digest', 'ab'.repeat(32)])).toMatchObject({ code: 2 })
    expect(await quorate(['trust', 'add', 'http://192.0.2.1/trust.json'])).toMatchObject({ code: 2 })
    expect(await quorate(['trust', 'add', from, '--digest', trustDigest(fleet.trust)])).toMatchObject({ code: 0 })
    expect(await quorate(['fleet'])).toMatchObject({ code: 0 })
  })

  it('has one digest for what is the same, and another for what is not', () => {
    const { roots, measurements } = fleet.trust
    const [set] = measurements
    const turned = Object.fromEntries(Object.entries(set!).reverse()) as typeof set & object
    expect(trustDigest({ roots: [...roots, ...roots], measurements: [turned] })).toBe(trustDigest(fleet.trust))
    expect(trustDigest({ roots, measurements: [Object.assign({}, set, { 0: 'ab'.repeat(48) })] })).not.toBe(
      trustDigest(fleet.trust),
    )
  })
})

describe('an invitation', () => {
  const keygen = ['keygen', '-t', '2', 'alice', 'bob', '--as', 'alice', '--no-wait', '--trust']
  const invited = async (): Promise<string> => {
    const { lines } = await quorate([...keygen, file(), '--json'])
    return (lines[0]!['invitations'] as [{ link: string }])[0].link
  }

  it('is a short link with the digest of the trust file, and links of before are read', async () => {
    const link = await invited()
    expect(link.length).toBeLessThan(280)
    const invitation = decodeInvitation(link)
    expect(invitation).toMatchObject({ gateway: gateway.url, userId: 'bob', trust: trustDigest(fleet.trust) })
    const before: Partial<Invitation> = { ...invitation }
    delete before.trust
    expect(decodeInvitation(`quorate:join#${toBase64url(encode(before))}`)).toEqual(before)
  })

  it('comes as a line to send, and at a terminal as a QR code too', async () => {
    const scripted = await quorate([...keygen, file()])
    expect(scripted.out).toMatch(
      /Send bob, and nobody else, this line:\n {2}quorate participate 'quorate:join#[\w-]+' --as bob/,
    )
    expect(scripted.out).not.toContain('█')
    expect((await quorate([...keygen, file()], { interactive: true })).out).toContain('█')
  })

  it('names the trust file to who has none, and warns who has another', async () => {
    const join_ = ['participate', await invited(), '--as', 'bob', '--no-wait', '--home', join(folder, 'bob')]
    const without = await quorate(join_)
    expect(without).toMatchObject({ code: 2 })
    expect(without.err).toContain(trustDigest(fleet.trust))
    const { roots, measurements } = fleet.trust
    const other = join(folder, 'other.json')
    await writeFile(other, JSON.stringify({ roots, measurements: [...measurements, { 0: 'ab'.repeat(48) }] }))
    const { code, err } = await quorate([...join_, '--trust', other])
    expect(code).toBe(0)
    expect(err).toContain('takes others for enclaves')
  })
})

describe('quorate completion', () => {
  /** What bash offers after these words. */
  const offered = (script: string, ...line: string[]): string[] => {
    const shown = `${script}\nCOMP_WORDS=(quorate ${line.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${line.length}\n_quorate\nprintf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['-c', shown], { encoding: 'utf8' }).trim().split('\n')
  }

  it('completes commands, commands below them, and options, in bash', async () => {
    const { out } = await quorate(['completion', 'bash'])
    expect(offered(out, 'par')).toEqual(['participate'])
    expect(offered(out, 'seed', 'ba')).toEqual(['backup'])
    expect(offered(out, 'sign', '3f2a', '--nostr')).toEqual(['--nostr-event'])
    expect(offered(out, 'bunker', 'offer', '--as', 'bob', '--pre')).toEqual(['--preset'])
  })

  it.each(['zsh', 'fish'])('knows every command in %s', async (shell) => {
    const { out } = await quorate(['completion', shell])
    for (const word of ['participate', 'withdraw', 'backup', '--standing']) expect(out).toContain(word)
  })
})
