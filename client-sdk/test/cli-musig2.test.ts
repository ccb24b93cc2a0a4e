import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { toHex } from '@quorate/shared/wire/bytes'
import { aggregateOf, sortedKeys } from '../../shared/test/bip327.js'
import { environment, folder, home, runLine, withOwnHome } from './command-line.ts'
import { gateway } from './lying-gateway.ts'

withOwnHome()

const quorate = (...line: string[]) => runLine(line, environment())
const named = ['--scheme', 'musig2', '-t', '2', 'alice', 'bob', '--as', 'alice', '--no-wait', '--json']

async function secretFile(name: string): Promise<{ file: string; secret: Uint8Array; publicKey: Uint8Array }> {
  const secret = schnorr.utils.randomSecretKey()
  const file = join(folder, name)
  await writeFile(file, toHex(secret))
  return { file, secret, publicKey: secp256k1.getPublicKey(secret, true) }
}

/** The key id, and the link for bob. */
async function invited(...more: string[]): Promise<{ keyId: string; link: string }> {
  const { code, lines } = await quorate('keygen', ...named, ...more)
  expect(code).toBe(0)
  const [{ keyId, invitations }] = lines as unknown as [{ keyId: string; invitations: { link: string }[] }]
  return { keyId, link: invitations[0]!.link }
}

const groupKeyOf = async (keyId: string): Promise<unknown> => {
  const { lines } = await quorate('status', keyId, '--as', 'alice', '--wait', '--json')
  return lines.find(({ event }) => event === 'completed')?.groupKey
}

describe('quorate keygen of a scheme to which each contributes a key', () => {
  it('takes the keys that people bring, sorted or not, and keeps no copy', async () => {
    for (const [order, more] of [
      [sortedKeys, []],
      [(keys: readonly Uint8Array[]) => keys, ['--unsorted']],
    ] as const) {
      const [alices, bobs] = [await secretFile('alice'), await secretFile('bob')]
      const { keyId, link } = await invited('--secret', alices.file, ...more)
      const bob = await quorate('participate', link, '--as', 'bob', '--secret', bobs.file, '--no-wait')
      expect(bob).toMatchObject({ code: 0 })
      expect(await groupKeyOf(keyId)).toBe(toHex(aggregateOf(order([alices.publicKey, bobs.publicKey]))))
      const files = await readdir(home(), { recursive: true, withFileTypes: true })
      const kept = files
        .filter((file) => file.isFile())
        .map((file) => readFile(join(file.parentPath, file.name), 'utf8'))
      const left = [...(await Promise.all(kept)), JSON.stringify(gateway.asked)].join()
      for (const { secret } of [alices, bobs]) expect(left.includes(toHex(secret))).toBe(false)
    }
  })

  it('goes on, for who brought a key, without being given it again', async () => {
    const { file } = await secretFile('bob')
    const { keyId, link } = await invited()
    expect(await quorate('participate', link, '--as', 'bob', '--secret', file, '--no-wait')).toMatchObject({ code: 0 })
    expect(await quorate('status', keyId, '--as', 'bob', '--wait')).toMatchObject({ code: 0 })
  })

  it('says that keys of other schemes take none', async () => {
    const { file } = await secretFile('alice')
    const ran = await quorate('keygen', '-t', '2', 'alice', 'bob', '--as', 'alice', '--secret', file)
    expect(ran.code).not.toBe(0)
    expect(ran.err).toContain('keygen.contribution_invalid')
  })

  it('lists the option with the schemes that take it', async () => {
    for (const command of ['keygen', 'participate']) {
      const { out } = await quorate(command, '--help')
      expect(out.replaceAll(/\s+/g, ' ')).toContain('bring this key of my own (musig2)')
    }
  })
})

describe('quorate with a sub-group', () => {
  const three = ['--scheme', 'musig2', '-t', '3', 'alice', 'bob', 'carol', '--as', 'alice', '--no-wait', '--json']

  it('makes its key, shows who is in it, and has its members sign with it', async () => {
    const groups = ['--subgroup', 'pair=alice,bob', '--subgroup', 'others=bob,carol']
    const { lines } = await quorate('keygen', ...three, ...groups)
    const [{ keyId, invitations }] = lines as unknown as [{ keyId: string; invitations: { link: string }[] }]
    for (const [at, name] of ['bob', 'carol'].entries()) {
      const joined = await quorate('participate', invitations[at]!.link, '--as', name, '--no-wait')
      expect(joined.out.replaceAll(/ +/g, ' ')).toContain('pair: alice, bob')
    }
    for (const name of ['alice', 'bob'])
      expect(await quorate('status', keyId, '--as', name, '--wait')).toMatchObject({ code: 0 })
    const asked = await quorate('sign', keyId, 'hello', '--subgroup', 'pair', '--as', 'alice', '--no-wait', '--json')
    const { signingId } = asked.lines.find(({ event }) => event === 'requested') as { signingId: string }
    const approved = await quorate('approve', signingId, '--as', 'bob', '--yes')
    expect(approved.err.replaceAll(/ +/g, ' ')).toContain('sub-group pair')
    const signed = await quorate('status', signingId, '--as', 'alice', '--wait', '--json')
    const { signatures, publicKeys } = signed.lines.find(({ event }) => event === 'completed') as {
      signatures: string[]
      publicKeys: string[]
    }
    const shown = await quorate('key', keyId, '--as', 'alice', '--json')
    const { subgroups } = shown.lines[0] as unknown as { subgroups: { id: string; groupKey: string }[] }
    expect(publicKeys).toEqual([subgroups[0]!.groupKey])
    for (const [name, code] of [
      ['pair', 0],
      ['others', 3],
    ] as const)
      expect(await quorate('verify', keyId, signatures[0]!, 'hello', '--subgroup', name)).toMatchObject({ code })
  })

  it('says what a sub-group is written like', async () => {
    for (const [text, why] of [
      ['pair', 'NAME=PERSON,PERSON'],
      ['=alice,bob', 'NAME=PERSON,PERSON'],
      ['alone=alice', 'keygen.subgroup_invalid'],
    ] as const) {
      const ran = await quorate('keygen', ...three, '--subgroup', text)
      expect(ran.code).not.toBe(0)
      expect(ran.err + ran.out).toContain(why)
    }
    const twice = await quorate('keygen', ...three, '--subgroup', 'a=alice,bob', '--subgroup', 'a=bob,carol')
    expect(twice.err + twice.out).toContain('two of this name')
  })
})
