import fc from 'fast-check'
import { createNostrConnectURI, parseBunkerInput, toBunkerURL } from 'nostr-tools/nip46'
import { describe, expect, it } from 'vitest'
import { NostrKey } from './keys.ts'
import { permission } from '../../test/nostr/permission.ts'
import { formatPermission } from './permissions.ts'
import {
  formatBunkerUri,
  formatConnectUri,
  readBunkerUri,
  readConnectUri,
  type BunkerUri,
  type ConnectUri,
} from './uris.ts'
import { codeOf } from '../../test/refused.ts'

const hex = '83f3b2ae6aa368e8275397b9c26cf550101d63ebaab900d19dd4a4429f5ad8f5'
const key = NostrKey.parse(hex)
const relay = 'wss%3A%2F%2Frelay.example'

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((some) => some.isWellFormed())
const relays = fc.uniqueArray(
  fc.record({
    host: fc.domain(),
    port: fc.option(fc.integer({ min: 1, max: 65_535 })),
    path: fc.webPath({ size: 'small' }),
  }),
  { minLength: 1, maxLength: 4, selector: ({ host, port, path }) => `${host}:${String(port)}${path}` },
)
const relayTexts = relays.map((list) =>
  list.map(({ host, port, path }) => `wss://${host}${port === null ? '' : `:${port}`}${path}`),
)
const keys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((some) => NostrKey.parse(Buffer.from(some).toString('hex')))
const bunkerUris: fc.Arbitrary<BunkerUri> = fc.record({ signer: keys, relays: relayTexts, secret: fc.option(text) })
const connectUris: fc.Arbitrary<ConnectUri> = fc.record({
  client: keys,
  relays: relayTexts,
  secret: text,
  permissions: fc.uniqueArray(permission, { maxLength: 5, selector: formatPermission }),
  metadata: fc.record({ name: fc.option(text), url: fc.option(fc.webUrl()), image: fc.option(fc.webUrl()) }),
})

describe('a bunker URI', () => {
  it('comes back from its text', () => {
    fc.assert(
      fc.property(bunkerUris, (uri) => {
        expect(readBunkerUri(formatBunkerUri(uri))).toEqual(uri)
      }),
    )
  })

  it('is read by nostr-tools as it was written here', async () => {
    await fc.assert(
      fc.asyncProperty(bunkerUris, async (uri) => {
        const { signer, relays, secret } = uri
        expect(await parseBunkerInput(formatBunkerUri(uri))).toEqual({ pubkey: signer, relays, secret })
      }),
    )
  })

  it('of nostr-tools is read here', () => {
    fc.assert(
      fc.property(bunkerUris, (uri) => {
        expect(readBunkerUri(toBunkerURL({ pubkey: uri.signer, relays: uri.relays, secret: uri.secret }))).toEqual(uri)
      }),
    )
  })

  it('is read as the specification writes it, with or without a secret', () => {
    const relays = ['wss://relay.example', 'ws://localhost:7777']
    expect(readBunkerUri(`bunker://${hex}?relay=wss://relay.example&relay=ws://localhost:7777&secret=a+b%2B`)).toEqual({
      ...{ signer: key, relays, secret: 'a b+' },
    })
    expect(readBunkerUri(`bunker://${hex}?relay=${relay}`).secret).toBeNull()
    expect(readBunkerUri(`bunker://${hex}?relay=${relay}&later=x&secret=s`).secret).toBe('s')
  })
})

describe('a nostrconnect URI', () => {
  it('comes back from its text', () => {
    fc.assert(
      fc.property(connectUris, (uri) => {
        expect(readConnectUri(formatConnectUri(uri))).toEqual(uri)
      }),
    )
  })

  it('of nostr-tools is read here, and nostr-tools reads ours as it reads its own', () => {
    fc.assert(
      fc.property(connectUris, (uri) => {
        const { client, relays, secret, metadata } = uri
        const perms = uri.permissions.map(formatPermission)
        const named = Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null))
        const theirs = createNostrConnectURI({ clientPubkey: client, relays, secret, perms, ...named })
        expect(readConnectUri(theirs)).toEqual(uri)
        const query = (some: string) => [...new URL(some).searchParams].map((pair) => pair.join('=')).sort()
        expect(query(formatConnectUri(uri))).toEqual(query(theirs))
      }),
    )
  })

  it('is read as the specification writes it', () => {
    const example = `nostrconnect://${hex}?relay=wss%3A%2F%2Frelay1.example.com&perms=nip44_encrypt%2Cnip44_decrypt%2Csign_event%3A13%2Csign_event%3A14%2Csign_event%3A1059&name=My+Client&secret=0s8j2djs&relay=wss%3A%2F%2Frelay2.example2.com`
    const read = readConnectUri(example)
    expect(read).toMatchObject({
      client: key,
      secret: '0s8j2djs',
      metadata: { name: 'My Client', url: null, image: null },
    })
    expect(read.relays).toEqual(['wss://relay1.example.com', 'wss://relay2.example2.com'])
    expect(read.permissions.map(formatPermission)).toEqual([
      ...['nip44_encrypt', 'nip44_decrypt', 'sign_event:13', 'sign_event:14', 'sign_event:1059'],
    ])
  })

  it('needs a secret, and leaves out an address that is none of the web', () => {
    expect(codeOf(() => readConnectUri(`nostrconnect://${hex}?relay=${relay}`))).toBe('nostr.uri_invalid')
    const read = readConnectUri(`nostrconnect://${hex}?relay=${relay}&secret=s&url=javascript%3Aalert(1)&name=App`)
    expect(read.metadata).toEqual({ name: 'App', url: null, image: null })
  })
})

describe.each([
  ['bunker', (uri: string) => readBunkerUri(uri)],
  ['nostrconnect', (uri: string) => readConnectUri(uri)],
])('%s', (scheme, read) => {
  const good = `${scheme}://${hex}?relay=${relay}&secret=s`
  const other = scheme === 'bunker' ? 'nostrconnect' : 'bunker'

  it('is read when nothing is wrong with it', () => {
    expect(codeOf(() => read(good))).toBe('done')
  })

  it.each([
    ['nothing', ''],
    ['another scheme', good.replace(scheme, other)],
    ['a scheme in capitals', good.replace(scheme, scheme.toUpperCase())],
    ['an npub', good.replace(hex, 'npub1xyz')],
    ['a key in capitals', good.replace(hex, hex.toUpperCase())],
    ['a key too short', good.replace(hex, hex.slice(2))],
    ['a user', good.replace(hex, `me@${hex}`)],
    ['a port', good.replace(hex, `${hex}:80`)],
    ['a path', good.replace(hex, `${hex}/path`)],
    ['a fragment', `${good}#more`],
    ['a space', `${good} `],
    ['a line feed', `${good}\n`],
    ['no relay', `${scheme}://${hex}?secret=s`],
    ['a relay that is none', `${scheme}://${hex}?relay=https%3A%2F%2Frelay.example&secret=s`],
    ['a relay with a password', `${scheme}://${hex}?relay=wss%3A%2F%2Fa%3Ab%40relay.example&secret=s`],
    ['a relay with a fragment', `${scheme}://${hex}?relay=${relay}%23x&secret=s`],
    ['a relay with an empty fragment', `${scheme}://${hex}?relay=${relay}%23&secret=s`],
    ['a relay without a host', `${scheme}://${hex}?relay=wss%3A%2F%2F&secret=s`],
    ['a relay twice', `${good}&relay=${relay}`],
    [
      '17 relays',
      `${scheme}://${hex}?secret=s${Array.from({ length: 17 }, (_, at) => `&relay=${relay}${at}`).join('')}`,
    ],
    ['two secrets', `${good}&secret=t`],
    ['an empty secret', good.replace('secret=s', 'secret=')],
    ['a long secret', good.replace('secret=s', `secret=${'s'.repeat(4_097)}`)],
    ['a broken escape', good.replace('secret=s', 'secret=%zz')],
    ['an escape that is cut', good.replace('secret=s', 'secret=%4')],
    ['escapes that are no UTF-8', good.replace('secret=s', 'secret=%ff%fe')],
    ['half a surrogate pair', good.replace('secret=s', 'secret=\ud800')],
    ['too much of anything', `${good}&x=${'x'.repeat(16_384)}`],
  ])('is refused with %s', (_, uri) => {
    expect(codeOf(() => read(uri))).toBe('nostr.uri_invalid')
  })

  it('is read or refused, whatever it is', () => {
    const pieces = fc.array(
      fc.constantFrom(`${scheme}://`, scheme, ':', '/', hex, '?', '&', '=', 'relay', 'secret', relay, '%', '#', 's'),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((some) => some.join('')),
        ),
        (uri) => {
          expect(['done', 'nostr.uri_invalid']).toContain(codeOf(() => read(uri)))
        },
      ),
    )
  })
})

it('is not written when it could not be read', () => {
  const bunker = { signer: key, relays: ['wss://relay.example'], secret: 's' }
  for (const change of [{ relays: [] }, { relays: ['relay.example'] }, { secret: '' }])
    expect(
      codeOf(() => formatBunkerUri({ ...bunker, ...change })),
      JSON.stringify(change),
    ).toBe('nostr.uri_invalid')
  const metadata = { name: null, url: null, image: null }
  const connect = { client: key, relays: ['wss://relay.example'], secret: 's', permissions: [], metadata }
  for (const change of [{ relays: [] }, { secret: '' }])
    expect(
      codeOf(() => formatConnectUri({ ...connect, ...change })),
      JSON.stringify(change),
    ).toBe('nostr.uri_invalid')
})
