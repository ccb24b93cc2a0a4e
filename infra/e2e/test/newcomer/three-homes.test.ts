import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { schnorr } from '@noble/curves/secp256k1.js'
import { fromHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../../shared/test/bytes-hash.js'
import { start, type Running } from './clean-folder.ts'
import { long, withNewcomer } from './with-newcomer.ts'

/*
 * Three people at three machines, by the packed command alone, as docs/quick-start.md and docs/bobs-machine.md tell them.
 */

let folder: string
const newcomer = withNewcomer((clean) => {
  folder = clean.project('command', { dependencies: clean.packages })
})

type Line = Readonly<Record<string, unknown>>
type Person = 'alice' | 'bob' | 'carol' | 'bob-anew'

/** Starts the command at this person's machine: nothing of another's home is there. */
function begin(person: Person, ...line: string[]): Running {
  const home = join(folder, person)
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'passphrase'), `the passphrase of ${person}\n`)
  const { clean, env } = newcomer()
  // A passphrase costs a second of work each time, which is meant: one of them pays it.
  const passphrase = person.startsWith('bob') ? join(home, 'passphrase') : 'none'
  const own = { HOME: home, QUORATE_PASSPHRASE_FILE: passphrase }
  const trust = person === 'alice' ? { QUORATE_TRUST: env['QUORATE_TRUST'] ?? '' } : {}
  const gateway = { QUORATE_GATEWAY: env['QUORATE_GATEWAY'] ?? '' }
  const quorate = join(folder, 'node_modules/.bin/quorate')
  return start(clean.nodes.oldest, [quorate, ...line, '--json'], { cwd: home, env: { ...own, ...trust, ...gateway } })
}

async function quorate(person: Person, ...line: string[]): Promise<Line> {
  const { status, out, err } = await begin(person, ...line).ended
  if (status !== 0) throw new Error(`quorate ${line.join(' ')} ended with ${status}: ${err}${out}`)
  return lastOf(out)
}

const lastOf = (out: string): Line => JSON.parse(out.trim().split('\n').slice(-1)[0] ?? '{}') as Line

const homeOf = (person: Person, file: string) => join(folder, person, file)
/** Of the one object that it prints. */
const textOf = (line: Line, name: string) => String(line[name])

describe('three people at three homes', { timeout: long }, () => {
  let keyId: string
  let groupKey: string
  let digest: string

  it('make a key, of whom two know the fleet by the digest that their invitations carry', async () => {
    const keygen = begin('alice', 'keygen', '-t', '2', 'alice', 'bob', 'carol', '--as', 'alice')
    const [invited] = await keygen.says(/^\{"event":"invited".*\}$/m)
    const { invitations } = JSON.parse(invited) as { invitations: { userId: 'bob' | 'carol'; link: string }[] }
    for (const { userId, link } of invitations) {
      const refused = await begin(userId, 'participate', link, '--as', userId).ended
      expect(refused.status).toBe(2)
      ;[digest = ''] = /\b[0-9a-f]{64}\b/.exec(refused.out + refused.err) ?? []
      await quorate(userId, 'trust', 'add', newcomer().fleet.trustPath, '--digest', digest)
      await quorate(userId, 'participate', link, '--as', userId, '--no-wait')
    }
    const { status, out } = await keygen.ended
    expect(status).toBe(0)
    const made = lastOf(out)
    keyId = textOf(made, 'keyId')
    groupKey = textOf(made, 'groupKey')
    for (const person of ['bob', 'carol'] as const) await quorate(person, 'status', keyId)
  })

  it('sign with it, by a yes of the second, and the third verifies the proof', async () => {
    const signing = begin('alice', 'sign', keyId, 'hello', '--as', 'alice', '--out', 'hello.proof.json')
    await quorate('bob', 'approve', '--wait', '--yes', '--as', 'bob')
    const { status, out } = await signing.ended
    expect(status).toBe(0)
    const { signatures } = lastOf(out) as { signatures: string[] }
    expect(schnorr.verify(fromHex(signatures[0]!), hashOfBytes('hello'), fromHex(groupKey))).toBe(true)
    await quorate('carol', 'verify', keyId, '--proof', homeOf('alice', 'hello.proof.json'))
  })

  it('say no, take back, and find it in what is kept here', async () => {
    const asked = await quorate('alice', 'sign', keyId, 'not this', '--as', 'alice', '--no-wait')
    const signing = textOf(asked, 'signingId')
    const { pending } = await quorate('carol', 'pending', '--as', 'carol')
    expect(pending).toMatchObject([{ signingId: signing, asker: 'alice' }])
    await quorate('carol', 'approve', signing, '--reject', 'not by me', '--as', 'carol')
    await quorate('alice', 'withdraw', signing, '--as', 'alice')
    const { entries } = await quorate('alice', 'history')
    const happened = (entries as { event: string }[]).map(({ event }) => event)
    expect(happened).toEqual(['requested', 'completed', 'requested', 'withdrawn'])
  })

  it('bring seed and key to another machine, where the next yes is said', async () => {
    const backup = homeOf('bob', 'backup-passphrase')
    writeFileSync(backup, 'another passphrase\n')
    await quorate('bob', 'seed', 'backup', '--out', 'bob.seed.age', '--passphrase', backup, '--as', 'bob')
    await quorate('bob', 'key', 'export', keyId, '--out', 'key.age', '--passphrase', backup)
    await quorate('bob-anew', 'trust', 'add', newcomer().fleet.trustPath, '--digest', digest)
    await quorate('bob-anew', 'seed', 'restore', homeOf('bob', 'bob.seed.age'), '--passphrase', backup)
    await quorate('bob-anew', 'key', 'import', homeOf('bob', 'key.age'), '--passphrase', backup)
    await quorate('bob-anew', 'key', 'rename', keyId.slice(0, 8), 'treasury')

    const signing = begin('alice', 'sign', keyId, 'from elsewhere', '--as', 'alice')
    await quorate('bob-anew', 'approve', '--wait', '--yes', '--key', 'treasury', '--as', 'bob')
    expect((await signing.ended).status).toBe(0)
  })

  it('have the shares of the key made anew, and sign on', async () => {
    await quorate('alice', 'refresh', keyId, '--as', 'alice')
    await quorate('carol', 'update', keyId)
    const signing = begin('alice', 'sign', keyId, 'after that', '--as', 'alice')
    await quorate('carol', 'approve', '--wait', '--yes', '--as', 'carol')
    expect((await signing.ended).status).toBe(0)
    expect(await quorate('bob', 'status', keyId)).toMatchObject({ keyId })
  })
})
