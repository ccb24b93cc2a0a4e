import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { finalizeEvent, generateSecretKey, getEventHash } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { toHex } from '../wire/bytes.ts'
import { bytesMessage } from './bytes.ts'
import { factsOf } from '../schemes/table.ts'
import { Content, contentOf, ContentType, ContentTypes, messageOf, showContent, signsContent } from './table.ts'

const publicKey = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
const sha256 = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const hexOf = (text: string) => Buffer.from(text).toString('hex')
const event = { created_at: 1_700_000_000, kind: 1, tags: [], content: 'gm' }

describe('what is signed for a Nostr event', () => {
  it('is the id that nostr-tools computes (NIP-01), whatever stands in the event', () => {
    const contents = ['', 'gm', 'quote " backslash \\ newline \n tab \t', '☀ 🧡', '\u2028', '\u0001\b\f\r']
    for (const content of contents) {
      const unsigned = { ...event, tags: [['p', 'ab'], ['t', content], []], content }
      const signed = finalizeEvent(unsigned, generateSecretKey())
      const id = messageOf({ type: 'nostr-event', event: unsigned }, signed.pubkey)
      expect(toHex(id)).toBe(getEventHash(signed))
    }
  })

  it('needs BIP-340, and the key that the event names', () => {
    expect(signsContent(factsOf('frost-ed25519'), 'nostr-event')).toBe(false)
    expect(signsContent(factsOf('frost-secp256k1-tr'), 'nostr-event')).toBe(true)
    expect(contentOf('nostr-event').tweaks).toBe(false)
    for (const type of ['bytes', 'raw'] as const) expect(signsContent(factsOf('frost-ed25519'), type)).toBe(true)
  })
})

describe('what is signed for bytes', () => {
  it('is a tagged hash that anybody computes from the documentation alone', () => {
    const tag = sha256('quorate/bytes/v1')
    const expected = sha256(tag, tag, 'hello').toString('hex')
    expect(toHex(messageOf({ type: 'bytes', bytes: hexOf('hello') }, publicKey))).toBe(expected)
    expect(toHex(bytesMessage('hello'))).toBe(expected)
    expect(toHex(bytesMessage(Buffer.from('hello')))).toBe(expected)
  })

  it('stays what it is', () => {
    expect(toHex(bytesMessage(''))).toBe('34e0a88fa65eb2d3ffc114ef8f4ee87806b12fdf92da8a42e17b48ab9aa4188c')
    expect(toHex(bytesMessage('hello'))).toBe('eff865d2718f904c272f74bf721be2967681f4d36e666d7ff29e45d31514f79e')
  })

  it('is for raw bytes these bytes, without any hash', () => {
    expect(messageOf({ type: 'raw', bytes: '00ff' }, publicKey)).toEqual(Uint8Array.of(0, 255))
    expect(messageOf({ type: 'raw', bytes: '' }, publicKey)).toEqual(new Uint8Array())
  })
})

/** Contents of each type. Missing types do not compile. */
const arbitraries: { [T in ContentType]: fc.Arbitrary<Extract<Content, { type: T }>> } = {
  bytes: fc.uint8Array({ maxLength: 200 }).map((some) => ({ type: 'bytes', bytes: toHex(some) })),
  raw: fc.uint8Array({ maxLength: 200 }).map((some) => ({ type: 'raw', bytes: toHex(some) })),
  'nostr-event': fc
    .record({
      created_at: fc.nat(),
      kind: fc.nat(65_535),
      tags: fc.array(fc.array(fc.string({ maxLength: 9 }), { maxLength: 3 }), { maxLength: 3 }),
      content: fc.string({ unit: 'binary', maxLength: 50 }),
    })
    .map((some) => ({ type: 'nostr-event', event: some })),
  ecdh: fc
    .record({
      x: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      direction: fc.constantFrom('encrypt' as const, 'decrypt' as const),
    })
    .map(({ x, direction }) => ({ type: 'ecdh', peer: `02${toHex(x)}`, direction })),
}
/** Those that are signed: what shares do otherwise is no signature. */
const signed = ContentType.options.filter((type) => contentOf(type).use === 'sign')
const contents = fc.oneof(...signed.map((type) => arbitraries[type] as fc.Arbitrary<Content>))

/** What NIP-01 hashes. */
const serialised = ({ created_at, kind, tags, content }: Extract<Content, { type: 'nostr-event' }>['event']) =>
  JSON.stringify([0, publicKey, created_at, kind, tags, content])

function textOf(content: Content): string {
  if (content.type === 'ecdh') return content.peer
  return content.type === 'nostr-event' ? hexOf(serialised(content.event)) : content.bytes
}

/** All that somebody could pass off for a content: its message, what it is the hash of, and itself. */
function disguises(content: Content): string[] {
  const message = messageOf(content, publicKey)
  const tag = sha256('quorate/bytes/v1')
  const text = textOf(content)
  return [toHex(message), text, toHex(tag) + toHex(tag) + text, hexOf(JSON.stringify(content))]
}

describe('a signature for one type', () => {
  it('is none for another, but by raw', () => {
    fc.assert(
      fc.property(contents, contents, (one, other) => {
        const candidates = [other, ...disguises(one).map((bytes): Content => ({ type: 'bytes', bytes }))]
        for (const candidate of candidates) {
          if (candidate.type === one.type || [one.type, candidate.type].some((type) => contentOf(type).alone)) continue
          expect(messageOf(candidate, publicKey)).not.toEqual(messageOf(one, publicKey))
        }
      }),
    )
  })

  it('can be one for raw bytes, which is why they stand alone', () => {
    fc.assert(
      fc.property(contents, (content) => {
        const message = messageOf(content, publicKey)
        expect(messageOf({ type: 'raw', bytes: toHex(message) }, publicKey)).toEqual(message)
      }),
    )
    expect(ContentType.options.filter((type) => contentOf(type).alone)).toEqual(['raw'])
  })

  it('is over a hash of what cannot begin alike: no event begins as the tag of bytes does', () => {
    expect(serialised(event).startsWith('[0,"')).toBe(true)
    expect(sha256('quorate/bytes/v1').subarray(0, 4).toString('latin1')).not.toBe('[0,"')
  })
})

describe('a list of types', () => {
  it('is refused when it names raw beside another type, and says so', () => {
    expect(ContentTypes.safeParse(['raw']).success).toBe(true)
    expect(ContentTypes.safeParse(['bytes', 'nostr-event']).success).toBe(true)
    for (const list of [
      ['raw', 'bytes'],
      ['nostr-event', 'raw'],
      ['raw', 'raw'],
    ]) {
      const read = ContentTypes.safeParse(list)
      expect(read.error?.issues.map(({ message }) => message)).toEqual([
        'a type of content that stands alone (raw) is named beside another',
      ])
    }
    expect(ContentTypes.safeParse([]).success).toBe(false)
    expect(ContentTypes.safeParse(['digest']).success).toBe(false)
  })
})

it('refuses content that brings an id or a key of its own', () => {
  expect(Content.safeParse({ type: 'nostr-event', event }).success).toBe(true)
  expect(Content.safeParse({ type: 'nostr-event', event: { ...event, id: 'ab' } }).success).toBe(false)
  expect(Content.safeParse({ type: 'nostr-event', event: { ...event, pubkey: 'ab' } }).success).toBe(false)
  expect(Content.safeParse({ type: 'bytes', bytes: 'abc' }).success).toBe(false)
})

it('shows every content of every type in lines without invisible characters', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const fields = showContent(content)
      expect(fields.length).toBeGreaterThan(0)
      for (const { label, text } of fields) expect(label + text).not.toMatch(/[\p{C}\u2028\u2029]/u)
    }),
  )
})
