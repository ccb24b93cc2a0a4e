import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getEventHash } from 'nostr-tools/pure'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readContent } from '../src/cli/content.ts'
import { UsageError } from '../src/cli/usage.ts'

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
  return readContent(undefined, { nostrEvent: file }, publicKey)
}
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
