import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { finalizeEvent, generateSecretKey, getPublicKey, nip44, SimplePool } from 'nostr-tools'
import { NostrConnect } from 'nostr-tools/kinds'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { noticed, until } from '../../../shared/test/noticing.js'
import { openBaseline } from '../src/baseline/bunker.ts'
import { Lab } from '../src/checks/lab.ts'
import { applesauce } from '../src/clients/applesauce.ts'
import type { Driver } from '../src/clients/client.ts'
import { ndk } from '../src/clients/ndk.ts'
import { nostrSdk } from '../src/clients/nostr-sdk.ts'
import { Faults } from '../src/faults/proxy.ts'
import { startRelay } from '../src/relay/embedded.ts'

/*
 * What libraries do wrong, as the README lists it. A test that fails says that a fault is mended: then its row goes, and the suite may ask
 * for more.
 */
let lab: Lab
beforeAll(async () => {
  lab = await Lab.open(openBaseline, startRelay)
})
afterEach(() => lab.tidy())
afterAll(() => lab.close())

const third = generateSecretKey()
const sealed = (text: string) => nip44.encrypt(text, nip44.getConversationKey(third, lab.signer.user))

describe("nostr-tools' pool, told to reconnect", () => {
  it('gives a subscription up whose connection was cut', async () => {
    const relay = await startRelay()
    const faults = await Faults.start(relay.url)
    const pool = new SimplePool({ enableReconnect: true })
    const givenUp = new Promise((onclose) => {
      pool.subscribe([faults.url], { kinds: [1] }, { onclose, oneose: () => faults.drop() })
    })
    expect(JSON.stringify(await givenUp)).toContain('connection failed')
    pool.destroy()
    await faults.close()
    await relay.close()
  })

  it('asks, once it is back, for no event dated up to the last one that it had', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    const asked: { since?: number }[] = []
    const [last, secretKey] = [1_800_000_000, generateSecretKey()]
    server.on('connection', (socket: WebSocket) => {
      socket.on('message', (message: Buffer) => {
        const [, name, filter] = JSON.parse(message.toString('utf8')) as [string, string, { since?: number }]
        asked.push(filter)
        const event = finalizeEvent({ kind: 1, content: '', tags: [], created_at: last }, secretKey)
        socket.send(JSON.stringify(['EVENT', name, event]), () => {
          if (asked.length === 1) socket.close(1001)
        })
        noticed()
      })
    })
    await once(server, 'listening')
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    const pool = new SimplePool({ enableReconnect: true })
    const relay = await pool.ensureRelay(url)
    relay.resubscribeBackoff = [0]
    pool.subscribe([url], { kinds: [1] }, { onevent: noticed })
    await until(() => asked.length === 2, 'a second subscription')
    expect(asked).toEqual([{ kinds: [1] }, { kinds: [1], since: last + 1 }])
    pool.destroy()
    server.close()
  })
})

describe('applesauce', () => {
  it('hands the text of `switch_relays` on, so that it never switches', async () => {
    const { client } = await lab.connect(applesauce)
    expect(await client.switchRelays()).toBe('null')
  })

  it('decrypts a text that is a list into its first entry', async () => {
    const { client } = await lab.connect(applesauce)
    expect(await client.nip44Decrypt(getPublicKey(third), sealed('["one","two"]'))).toBe('one')
  })

  it('takes an "ack" of anybody for the answer to its invitation', async () => {
    const { uri, accepted } = await lab.invite(applesauce.invite!)
    const pool = new SimplePool()
    const client = new URL(uri)
    const content = nip44.encrypt('{"id":"1","result":"ack"}', nip44.getConversationKey(third, client.host))
    const created_at = Math.floor(Date.now() / 1_000)
    const event = finalizeEvent({ kind: NostrConnect, content, tags: [['p', client.host]], created_at }, third)
    await Promise.any(pool.publish(client.searchParams.getAll('relay'), event))
    await expect(accepted).resolves.toBeDefined()
    pool.destroy()
  })
})

describe('NDK', () => {
  it('takes a refusal of `get_public_key` for a key', async () => {
    const { client, secretKey, uri } = await lab.connect(ndk)
    await client.raw('logout', [])
    await expect(lab.probe(secretKey, uri)).rejects.toThrow('refused')
    const { default: NDK, NDKNip46Signer } = await import('@nostr-dev-kit/ndk')
    const signer = NDKNip46Signer.bunker(new NDK(), uri)
    await (signer as unknown as { startListening: () => Promise<void> }).startListening()
    expect(await signer.getPublicKey()).toBeUndefined()
    signer.stop()
    for (const relay of (
      signer.rpc as unknown as { pool: { relays: Map<string, { disconnect: () => void }> } }
    ).pool.relays.values())
      relay.disconnect()
  })
})

describe.each<{ driver: Driver; says: RegExp }>([
  { driver: applesauce, says: /invalid plaintext size/ },
  { driver: nostrSdk, says: /message too long/ },
])('$driver.name', ({ driver, says }) => {
  it('sends no message above 65,535 bytes', async ({ skip }) => {
    const missing = await driver.missing()
    if (missing !== null) skip(missing)
    const { client } = await lab.connect(driver)
    await expect(client.nip44Encrypt(getPublicKey(third), 'x'.repeat(65_535))).rejects.toThrow(says)
  })
})
