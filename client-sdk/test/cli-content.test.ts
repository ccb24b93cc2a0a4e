import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getEventHash } from 'nostr-tools/pure'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeItem, readContent, type ContentOptions } from '../src/cli/content.ts'
import { UsageError } from '../src/cli/usage.ts'
import type { Mode } from '../src/index.ts'

const publicKey = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
const event = { created_at: 1_700_000_000, kind: 1, tags: [['t', 'x']], content: '\uFEFFgm ü' }
const pubkey = publicKey
const id = getEventHash({ created_at: 1_700_000_000, kind: 1, tags: [['t', 'x']], content: '\uFEFFgm ü', pubkey })

let file: string
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'quorate-content-')), 'event.json')
})
afterEach(() => rm(join(file, '..'), { recursive: true }))

async function read(written: object | Uint8Array) {
  await writeFile(file, written instanceof Uint8Array ? written : JSON.stringify(written))
  return readContent(undefined, { nostrEvent: file }, keyIn({ kind: 'taproot', merkleRoot: '' }))
}

/** What is asked of a key by whose items are signed in this mode when they name none. */
const keyIn = (mode: Mode) => ({
  groupKey: publicKey,
  mode,
  subgroup: (name: string) => ({ id: name, members: [], groupKey: 'cd'.repeat(32) }),
})
const changed = (change: object) => Object.assign({}, event, change)

describe('a Nostr event from a file', () => {
  it.each([
    ['without author and id', {}],
    ['that names the key', { pubkey }],
    ['with the id that the key gives it', { id }],
    ['as the key has signed it', { id, pubkey, sig: '00' }],
  ])('%s is read', async (_, more) => {
    expect(await read(changed(more))).toEqual({ content: { type: 'nostr-event', event }, mode: { kind: 'plain' } })
  })

  it.each([
    ['that names another author', { pubkey: 'ab'.repeat(32) }, 'another author'],
    ['whose author is written otherwise', { pubkey: publicKey.toUpperCase() }, 'another author'],
    ['whose author is nobody', { pubkey: null }, 'another author'],
    ['with the id of another', { id: 'ab'.repeat(32) }, 'id'],
    ['with its id and a change', { id, content: 'gm' }, 'id'],
    ['with an id and without a time', { id, created_at: undefined }, 'id'],
    ['with half a surrogate pair', { content: '\uD83E' }, 'not a Nostr event'],
    ['of another form', { kind: '1' }, 'not a Nostr event'],
  ])('%s is refused', async (_, more, why) => {
    const refused = read(changed(more))
    await expect(refused).rejects.toThrow(UsageError)
    await expect(refused).rejects.toThrow(why)
  })

  it.each([
    ['that is no UTF-8', Buffer.from(JSON.stringify(event).replace('ü', '\xff'), 'latin1')],
    ['that is no JSON', Buffer.from('{')],
    ['that is a list', Buffer.from('[]')],
  ])('%s is refused', async (_, bytes) => {
    await expect(read(bytes)).rejects.toThrow('not a Nostr event')
  })
})

describe('a mode as people see it', () => {
  it.each<[Mode, string]>([
    [{ kind: 'child', path: [0, 5], merkleRoot: null }, 'child 0/5 of the extended public key'],
    [
      { kind: 'child', path: [3], merkleRoot: '' },
      'child 3 of the extended public key: Taproot output key, merkle root none',
    ],
  ])('says which key signs: %j', async (mode, text) => {
    const item = await readContent('hello', {}, keyIn(mode))
    expect(describeItem(item).join('\n')).toContain(text)
  })
})

describe('the mode that options name', () => {
  const tweak = 'ab'.repeat(32)
  const taproot = { kind: 'taproot', merkleRoot: '' } as const
  const modeOf = async (options: ContentOptions, of: Mode = { kind: 'plain' }) =>
    (await readContent('hello', options, keyIn(of))).mode

  it.each<[string, ContentOptions, Mode]>([
    ['none', {}, { kind: 'plain' }],
    ['--taproot', { taproot: true }, taproot],
    ['--taproot with a root', { taproot: tweak }, { kind: 'taproot', merkleRoot: tweak }],
    ['--tweak', { tweak }, { kind: 'tweak', xonly: false, tweak }],
    ['--xonly-tweak', { xonlyTweak: tweak }, { kind: 'tweak', xonly: true, tweak }],
    ['--child', { child: 'm/0/5' }, { kind: 'child', path: [0, 5], merkleRoot: null }],
    ['--child --taproot', { child: '0', taproot: true }, { kind: 'child', path: [0], merkleRoot: '' }],
    ['--child --taproot with a root', { child: '7', taproot: tweak }, { kind: 'child', path: [7], merkleRoot: tweak }],
  ])('is read of %s, whatever the mode of the key', async (_, options, mode) => {
    expect(await modeOf(options)).toEqual(mode)
    if (mode.kind !== 'plain')
      expect(await modeOf(options, { kind: 'taproot', merkleRoot: 'cd'.repeat(32) })).toEqual(mode)
  })

  it('is that of the key where there is none, and the group key by name', async () => {
    expect(await modeOf({}, taproot)).toEqual(taproot)
    expect(await modeOf({ untweaked: true }, taproot)).toEqual({ kind: 'plain' })
  })

  it.each<[string, ContentOptions]>([
    ['two at once', { taproot: true, tweak }],
    ['a root of 31 bytes', { taproot: 'ab'.repeat(31) }],
    ['a tweak of zero', { tweak: '00'.repeat(32) }],
    ['a tweak in capitals', { xonlyTweak: tweak.toUpperCase() }],
    ['a hardened step', { child: "0'/5" }],
    ['no step', { child: 'm/' }],
    ['a step that is too great', { child: '2147483648' }],
    ['too many steps', { child: '0/1/2/3/4/5/6/7/8' }],
    ['a child and a tweak', { child: '0', tweak }],
    ['a child whose root has 31 bytes', { child: '0', taproot: 'ab'.repeat(31) }],
  ])('is refused: %s', async (_, options) => {
    await expect(modeOf(options)).rejects.toThrow(UsageError)
  })
})

describe('an adaptor', () => {
  const point = `02${publicKey}`
  const adaptorOf = async (adaptor: string) =>
    (await readContent('hello', { adaptor }, keyIn({ kind: 'plain' }))).adaptor

  it('is a point, or the terms in a file', async () => {
    expect(await adaptorOf(point)).toEqual({ kind: 'one', point })
    const terms = {
      kind: 'any',
      points: [{ point, hint: { kind: 'hash', hash: 'ab'.repeat(32) } }, { point: `03${publicKey}` }],
    }
    await writeFile(file, JSON.stringify(terms))
    expect(await adaptorOf(file)).toEqual(terms)
    const shown = describeItem(await readContent('hello', { adaptor: file }, keyIn({ kind: 'plain' }))).join('\n')
    for (const part of ['the secret of one of', point, `03${publicKey}`, `hash ${'ab'.repeat(32)}`])
      expect(shown).toContain(part)
  })

  it.each([
    ['no terms', { kind: 'none' }],
    ['a point too short', { kind: 'one', point: '02ab' }],
    ['without its proof', { kind: 'all', points: [{ point }] }],
  ])('is refused: %s', async (_, terms) => {
    await writeFile(file, JSON.stringify(terms))
    await expect(adaptorOf(file)).rejects.toThrow('neither a point in hex')
  })
})
