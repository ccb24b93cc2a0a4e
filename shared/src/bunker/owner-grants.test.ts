import { describe, expect, it } from 'vitest'
import type { Content } from '../contents/table.ts'
import { NostrKey } from '../nostr/keys.ts'
import type { OwnerGrant } from '../wire/bunker.ts'
import { GrantId, type UserId } from '../wire/ids.ts'
import { grantForAsker } from './owner-grants.ts'

const NOW = 1_800_000_000_000
const alice = 'alice' as UserId
const peer = NostrKey.parse('a'.repeat(64))

const grant: OwnerGrant = {
  id: GrantId.parse('1'.repeat(16)),
  name: '',
  holder: { kind: 'askers', askers: [alice], content: ['bytes', 'nostr-event', 'ecdh'] },
  permissions: { methods: ['nip44_decrypt'], kinds: { ordinary: false, named: [1] } },
  peers: [peer],
  longest: 4,
  dated: { before: 60, after: 60 },
  limits: [],
  otherwise: 'refuse',
  handsOn: false,
  expiresAt: NOW + 1,
}
const event = (change: object = {}): Content => ({
  type: 'nostr-event',
  event: { kind: 1, created_at: NOW / 1_000, tags: [], content: 'gm', ...change },
})
const ecdh = (of: string, direction: 'encrypt' | 'decrypt' = 'decrypt'): Content => ({
  type: 'ecdh',
  peer: `02${of}`,
  direction,
})
const bytes = (hex: string): Content => ({ type: 'bytes', bytes: hex })

describe('a grant for participants', () => {
  const all: [string, Content, boolean, Partial<OwnerGrant>?, UserId?][] = [
    ['an event of a kind that it names', event(), true],
    ['an event of another kind', event({ kind: 2 }), false],
    ['a longer event', event({ content: 'gm gm' }), false],
    ['an old event', event({ created_at: NOW / 1_000 - 61 }), false],
    ['an event dated ahead', event({ created_at: NOW / 1_000 + 61 }), false],
    ['what a peer sent', ecdh(peer), true],
    ['what another peer sent', ecdh('b'.repeat(64)), false],
    ['what is sent to a peer', ecdh(peer, 'encrypt'), false],
    ['bytes', bytes('01020304'), true],
    ['more bytes', bytes('0102030405'), false],
    ['what another asks', event(), false, {}, 'bob'],
    ['content of another type', event(), false, { holder: { kind: 'askers', askers: [alice], content: ['bytes'] } }],
    ['anything after its end', event(), false, { expiresAt: NOW }],
    [
      'anything, where it is for a program',
      event(),
      false,
      { holder: { kind: 'client', client: peer, greeting: null } },
    ],
  ]
  it.each(all)('lets a share sign %s: %#', (_, content, expected, change = {}, asker = alice) => {
    const changed = { ...grant, ...change }
    expect(grantForAsker([changed], { asker, content, now: NOW })).toBe(expected ? changed : null)
  })
})
