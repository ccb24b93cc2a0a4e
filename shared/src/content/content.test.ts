import { finalizeEvent, generateSecretKey, getEventHash } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { Content } from '../wire/content.ts'
import { fitsScheme, messageOf } from './content.ts'

describe('what is signed for a Nostr event', () => {
  it('is the id that nostr-tools computes (NIP-01), whatever stands in the event', () => {
    const contents = ['', 'gm', 'quote " backslash \\ newline \n tab \t', '☀ 🧡', '\u2028', '\u0001\b\f\r']
    for (const content of contents) {
      const event = { created_at: 1_700_000_000, kind: 1, tags: [['p', 'ab'], ['t', content], []], content }
      const signed = finalizeEvent(event, generateSecretKey())
      const id = messageOf({ type: 'nostr-event', event }, signed.pubkey)
      expect(Buffer.from(id).toString('hex')).toBe(getEventHash(signed))
    }
  })

  it('needs a secp256k1 key', () => {
    expect(fitsScheme('nostr-event', 'frost-ed25519')).toBe(false)
    expect(fitsScheme('bytes', 'frost-ed25519')).toBe(true)
  })
})

it('refuses content that brings an id or a key of its own', () => {
  const event = { created_at: 1, kind: 1, tags: [], content: '' }
  expect(Content.safeParse({ type: 'nostr-event', event }).success).toBe(true)
  expect(Content.safeParse({ type: 'nostr-event', event: { ...event, id: 'ab' } }).success).toBe(false)
  expect(Content.safeParse({ type: 'nostr-event', event: { ...event, pubkey: 'ab' } }).success).toBe(false)
  expect(Content.safeParse({ type: 'bytes', bytes: 'abc' }).success).toBe(false)
})
