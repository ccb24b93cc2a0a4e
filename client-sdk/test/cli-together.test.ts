import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { schnorr } from '@noble/curves/secp256k1.js'
import { fromHex } from '@quorate/shared/wire/bytes'
import { beforeEach, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'
import { environment, folder, home, runLine, withOwnHome } from './command-line.ts'
import { sentTo } from './lying-gateway.ts'

withOwnHome()

const as = (name: string, ...line: string[]) => runLine([...line, '--as', name], environment())
const quorate = (...line: string[]) => as('alice', ...line)

/** A key of alice and these, two of whom sign. */
async function makeKey(others = ['bob'], ...more: string[]): Promise<{ keyId: string; groupKey: string }> {
  const { lines } = await quorate('keygen', '-t', '2', 'alice', ...others, '--no-wait', '--json', ...more)
  const [made] = lines as unknown as [{ keyId: string; invitations: { link: string }[] }]
  for (const [at, name] of others.entries()) await as(name, 'participate', made.invitations[at]!.link, '--no-wait')
  const ended = await quorate('status', made.keyId, '--wait', '--json')
  const { groupKey } = ended.lines.find(({ event }) => event === 'completed') as unknown as { groupKey: string }
  return { keyId: made.keyId, groupKey }
}

let one: Awaited<ReturnType<typeof makeKey>>
let other: typeof one
beforeEach(async () => {
  one = await makeKey()
  other = await makeKey()
})

const of = (...keys: readonly (typeof one)[]) => keys.map(({ keyId }) => keyId).join(',')

/** The ids of what alice has asked for. */
async function asked(...line: string[]): Promise<string[]> {
  const { code, lines } = await quorate('sign', ...line, '--no-wait', '--json')
  expect(code).toBe(0)
  return lines.filter(({ event }) => event === 'requested').map(({ signingId }) => signingId as string)
}

describe('quorate with several keys', () => {
  it('asks for the same under each in one call, takes one yes for all, and shows each signature', async () => {
    let ids: string[] = []
    const told = (err: string) => {
      const line = /quorate approve ([0-9a-f]{32}) ([0-9a-f]{32})/.exec(err)
      if (line === null || ids.length > 0) return
      ids = line.slice(1)
      void as('bob', 'approve', ...ids, '--yes').then((ran) => expect(ran).toMatchObject({ code: 0 }))
    }
    const line = ['sign', of(one, other), 'hello', '--as', 'alice']
    const { code, out, err } = await runLine(line, environment(), { warned: told })
    expect(code).toBe(0)
    expect([sentTo('requestSignings').length, sentTo('approveSignings').length]).toEqual([1, 1])
    const signatures = [...out.matchAll(/signature +([0-9a-f]{128})/g)].map(([, hex]) => hex!)
    const isGood = ({ groupKey }: typeof one, at: number) =>
      schnorr.verify(fromHex(signatures[at]!), hashOfBytes('hello'), fromHex(groupKey))
    expect([one, other].map(isGood)).toEqual([true, true])
    for (const { keyId } of [one, other]) expect(err).toContain(`key ${keyId}:`)
  })

  it('has one answer for several requests: a question, or a no', async () => {
    const ids = await asked(of(one, other, one), 'hello')
    expect(ids).toHaveLength(2)
    const refused = await runLine(['approve', ...ids, '--as', 'bob'], environment(), {
      typed: 'n\n',
      interactive: true,
    })
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.err).toContain('Sign all 2?')
    expect(sentTo('approveSignings')).toHaveLength(0)
    const no = await as('bob', 'approve', ...ids, '--reject', 'not today', '--json')
    expect(no.lines.map(({ event }) => event)).toEqual(['rejected', 'rejected'])
    expect((await quorate('status', ids[0]!)).code).toBe(1)
  })

  it('names the key that refuses, and has the others sign', async () => {
    const raw = await makeKey(['bob'], '--content', 'raw')
    const line = ['sign', of(one, raw), 'abab', '--raw', '--hex', '--no-wait', '--json', '--as', 'alice']
    const { code, lines } = await runLine(line, environment())
    expect(code).not.toBe(0)
    expect(lines.map(({ event, keyId }) => [event, keyId])).toEqual([
      ['passed_over', one.keyId],
      ['requested', raw.keyId],
      ['error', undefined],
    ])
    expect(lines[0]).toMatchObject({ code: 'content.not_permitted' })
  })

  it('says that a word was not needed where it came too late, and takes the others', async () => {
    const ids = await asked(of(await makeKey(['bob', 'carol']), other), 'hello')
    expect(await as('carol', 'approve', ids[0]!, '--yes')).toMatchObject({ code: 0 })
    const { code, lines } = await as('bob', 'approve', ...ids, '--yes', '--json')
    expect(code).toBe(0)
    expect(lines.map(({ event, signingId }) => [event, signingId])).toEqual([
      ['not_needed', ids[0]],
      ['approved', ids[1]],
    ])
  })

  it('says what one command cannot do for several', async () => {
    const [id, also] = await asked(of(one, other), 'hello')
    const cases: [string[], string][] = [
      [['sign', of(one, other), 'hello', '--out', join(folder, 'proof.json')], '--out keeps the proof of one key'],
      [['sign', of(one, other), '--file', '-'], 'standard input'],
      [['sign', `${one.keyId},`, 'hello'], 'beginning of several keys'],
      [['approve', id!, also!, '--items', '1'], 'items of one signing'],
    ]
    for (const [line, why] of cases) {
      const ran = await quorate(...line)
      expect({ line, code: ran.code }).toEqual({ line, code: 2 })
      expect(ran.err).toContain(why)
    }
    const file = join(home(), 'keys', `${other.keyId}.json`)
    const elsewhere = (await readFile(file, 'utf8')).replace(/"gateway": ?"[^"]+"/, '"gateway":"http://127.0.0.1:9"')
    await writeFile(file, elsewhere)
    const env = Object.fromEntries(Object.entries(environment()).filter(([name]) => name !== 'QUORATE_GATEWAY'))
    const ran = await runLine(['sign', of(one, other), 'hello', '--as', 'alice'], env)
    expect(ran).toMatchObject({ code: 2 })
    expect(ran.err).toContain('several gateways')
  })
})
