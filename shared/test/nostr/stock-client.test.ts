import { finalizeEvent, generateSecretKey, getPublicKey, nip04, nip44, verifyEvent, type Event } from 'nostr-tools'
import { BunkerSigner, parseBunkerInput, type BunkerSignerParams } from 'nostr-tools/nip46'
import { describe, expect, it } from 'vitest'
import { loadMpc } from '../../mpc/src/index.ts'
import { hex } from '../../mpc/test/vectors.ts'
import { refusals } from '../../src/errors.ts'
import { decide } from '../../src/nostr/decide.ts'
import { SignedEvent, verifyEnvelope } from '../../src/nostr/event.ts'
import { NostrKey } from '../../src/nostr/keys.ts'
import type { Request } from '../../src/nostr/methods.ts'
import { decryptNip04, encryptNip04 } from '../../src/nostr/nip04.ts'
import { conversationKeyOf, decryptNip44, encryptNip44 } from '../../src/nostr/nip44.ts'
import { answer, formatResponse, readRequest, refuse, sendToPage, type Response } from '../../src/nostr/nip46.ts'
import {
  admit,
  afterAllowed,
  createBunker,
  offer,
  originOf,
  type Origin,
  type Terms,
} from '../../src/nostr/sessions.ts'
import { formatBunkerUri } from '../../src/nostr/uris.ts'
import { termsOf } from './clients.ts'

/*
 * nostr-tools' client, as it is, against a signer that is put together from this room. The relay is a list of listeners; the signer's
 * keys are whole, since shares are not what is tried here.
 */
const mpc = await loadMpc()
const relay = 'wss://relay.example'

/** As a relay brings it: nothing but JSON. */
const plainOf = (event: unknown): unknown => JSON.parse(JSON.stringify(event))

const xBetween = (secret: Uint8Array, peer: string) => mpc.secp256k1.sharedPoint(secret, hex(`02${peer}`)).slice(1, 33)
const keyBetween = (secret: Uint8Array, peer: string) => conversationKeyOf(xBetween(secret, peer))

function startSigner(terms: Terms) {
  const [signerSecret, userSecret] = [generateSecretKey(), generateSecretKey()]
  const [signer, user] = [NostrKey.parse(getPublicKey(signerSecret)), NostrKey.parse(getPublicKey(userSecret))]
  const later = Date.now() + 60_000
  const listeners = new Set<(event: Event) => void>()
  let bunker = offer(createBunker({ signer, user, strangers: 'refuse' }), 's3cret', terms, later, Date.now())
  let waiting: (() => void) | null = null

  function perform(request: Request): Response {
    switch (request.method) {
      case 'sign_event':
        return answer(request, SignedEvent.parse(plainOf(finalizeEvent(request.params.event, userSecret))))
      case 'get_public_key':
        return answer(request, user)
      case 'switch_relays':
        return answer(request, null)
      case 'nip44_encrypt':
        return answer(request, encryptNip44(request.params.message, keyBetween(userSecret, request.params.peer)))
      case 'nip44_decrypt':
        return answer(request, decryptNip44(request.params.message, keyBetween(userSecret, request.params.peer)))
      case 'nip04_encrypt':
        return answer(request, encryptNip04(request.params.message, xBetween(userSecret, request.params.peer)))
      case 'nip04_decrypt':
        return answer(request, decryptNip04(request.params.message, xBetween(userSecret, request.params.peer)))
      case 'connect':
      case 'ping':
      case 'logout':
        return answer(request, null)
    }
  }

  function respond(client: string, response: Response): void {
    const content = encryptNip44(formatResponse(response), keyBetween(signerSecret, client))
    const template = { kind: 24_133, created_at: Math.floor(Date.now() / 1_000), tags: [['p', client]], content }
    const event = finalizeEvent(template, signerSecret)
    for (const listener of listeners) listener(event)
  }

  function receive(event: unknown): void {
    const envelope = verifyEnvelope(mpc, plainOf(event), signer)
    const origin = originOf(envelope)
    const admitted = admit(bunker, origin, Date.now())
    expect(admitted.stale).toBeNull()
    bunker = admitted.bunker
    const request = readRequest(decryptNip44(envelope.content, keyBetween(signerSecret, origin.client)))
    if ('refused' in request) respond(origin.client, refuse(request.id ?? '', request.refused))
    else respondTo(origin, request)
  }

  function respondTo(origin: Origin, request: Request): void {
    const { client } = origin
    const { does } = decide(bunker, client, request, Date.now())
    if (does === 'refuse') respond(client, refuse(request.id, 'nostr.not_permitted'))
    if (does === 'ask') {
      waiting = () => respond(client, perform(request))
      respond(client, sendToPage(request.id, 'https://signer.example/ask'))
    }
    if (does === 'allow') {
      respond(client, perform(request))
      bunker = afterAllowed(bunker, origin, request, Date.now())
    }
  }

  const pool = {
    subscribe: (_: string[], filter: { '#p': string[] }, { onevent }: { onevent: (event: Event) => void }) => {
      const listener = (event: Event) => {
        if (event.tags.some(([name, value]) => name === 'p' && filter['#p'].includes(value!))) onevent(event)
      }
      listeners.add(listener)
      return { close: () => listeners.delete(listener) }
    },
    publish: (_: string[], event: Event) => {
      receive(event)
      return [Promise.resolve('')]
    },
  } as unknown as NonNullable<BunkerSignerParams['pool']>

  const uri = formatBunkerUri({ signer, relays: [relay], secret: 's3cret' })
  return {
    user,
    say: () => waiting?.(),
    client: async (onauth: (url: string) => void = () => undefined) =>
      BunkerSigner.fromBunker(generateSecretKey(), (await parseBunkerInput(uri))!, { pool, onauth }),
  }
}

const note = { kind: 1, created_at: 1_800_000_000, tags: [['t', 'x']], content: 'gm "☀" \n' }
const denied = refusals['nostr.not_permitted'].title

describe('the client of nostr-tools', () => {
  it('connects, twice, learns the user and has an event signed', async () => {
    const { client, user } = startSigner(termsOf('notes'))
    const signer = await client()
    await signer.connect({ name: 'App' })
    await signer.connect()
    await signer.ping()
    expect(await signer.getPublicKey()).toBe(user)
    const signed = await signer.signEvent(note)
    expect(verifyEvent(signed)).toBe(true)
    expect(signed).toMatchObject({ ...note, pubkey: user })
  })

  it('is refused what is not permitted, and what nobody can do', async () => {
    const { client } = startSigner(termsOf('notes'))
    const signer = await client()
    await expect(signer.ping()).rejects.toBe(denied)
    await signer.connect()
    await expect(signer.signEvent({ ...note, kind: 0 })).rejects.toBe(denied)
    await expect(signer.nip44Encrypt(getPublicKey(generateSecretKey()), 'gm')).rejects.toBe(denied)
    await expect(signer.sendRequest('create_account', [])).rejects.toBe(refusals['nostr.method_unknown'].title)
    await expect(signer.sendRequest('sign_event', ['x'])).rejects.toBe(refusals['nostr.params_invalid'].title)
  })

  it('cannot use a secret that another has used', async () => {
    const { client } = startSigner(termsOf('notes'))
    await (await client()).connect()
    await expect((await client()).connect()).rejects.toBe(denied)
  })

  it('encrypts for a third party, and reads what that one sends, whose own software is nostr-tools too', async () => {
    const { client, user } = startSigner(termsOf('messages'))
    const signer = await client()
    await signer.connect()
    const secret = generateSecretKey()
    const [peer, key] = [getPublicKey(secret), nip44.getConversationKey(secret, user)]
    const long = '☀ '.repeat(30_000)
    for (const message of ['gm', long]) {
      expect(nip44.decrypt(await signer.nip44Encrypt(peer, message), key)).toBe(message)
      expect(await signer.nip44Decrypt(peer, nip44.encrypt(message, key))).toBe(message)
    }
    expect(nip04.decrypt(secret, user, await signer.nip04Encrypt(peer, 'gm'))).toBe('gm')
    expect(await signer.nip04Decrypt(peer, nip04.encrypt(secret, user, 'gm'))).toBe('gm')
  })

  it('hears that there are no other relays, and logs out', async () => {
    const { client } = startSigner(termsOf('notes'))
    const signer = await client()
    await signer.connect()
    expect(await signer.sendRequest('switch_relays', [])).toBe('null')
    expect(await signer.switchRelays()).toBe(false)
    await signer.sendRequest('logout', [])
    await expect(signer.ping()).rejects.toBe(denied)
  })

  it('sends its user to the page, and gets the answer under the same id', async () => {
    const { client, say } = startSigner(termsOf('nothing', 'ask'))
    const pages: string[] = []
    const signer = await client((url) => {
      pages.push(url)
      say()
    })
    await signer.connect()
    expect(verifyEvent(await signer.signEvent(note))).toBe(true)
    expect(pages).toEqual(['https://signer.example/ask'])
  })
})
