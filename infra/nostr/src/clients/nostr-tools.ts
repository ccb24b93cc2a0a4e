import { finalizeEvent, getPublicKey, SimplePool } from 'nostr-tools'
import { BunkerSigner, createNostrConnectURI, parseBunkerInput } from 'nostr-tools/nip46'
import { callsOf, closing, saying, type Client, type Driver } from './client.ts'

const newPool = (secretKey: Uint8Array): SimplePool => {
  const pool = new SimplePool()
  pool.automaticallyAuth = () => (template) => Promise.resolve(finalizeEvent(template, secretKey))
  return pool
}

function clientOf(pool: SimplePool, secretKey: Uint8Array, accepted: BunkerSigner | null): Client {
  let signer = accepted
  const use = (): BunkerSigner => {
    if (signer === null) throw new Error('not connected')
    return signer
  }
  return {
    connect: async (uri) => {
      const pointer = await parseBunkerInput(uri)
      if (pointer === null) throw new Error('nostr-tools reads no bunker URI in this')
      signer = BunkerSigner.fromBunker(secretKey, pointer, { pool })
      await saying(signer.connect())
    },
    ...callsOf(use),
    raw: (method, params) => saying(use().sendRequest(method, params)),
    close: async () => {
      await signer?.close()
      pool.destroy()
    },
  }
}

/** nostr-tools' `BunkerSigner`, each with connections of its own. */
export const nostrTools: Driver = {
  name: 'nostr-tools',
  lacks: [],
  longMessages: true,
  missing: () => Promise.resolve(null),
  open: (secretKey) => Promise.resolve(clientOf(newPool(secretKey), secretKey, null)),
  invite: (relay, secretKey) => {
    const pool = newPool(secretKey)
    const secret = crypto.randomUUID()
    const uri = createNostrConnectURI({ clientPubkey: getPublicKey(secretKey), relays: [relay], secret, name: 'lab' })
    const accepted = BunkerSigner.fromURI(secretKey, uri, { pool }).then((signer) => clientOf(pool, secretKey, signer))
    return Promise.resolve({ uri, accepted, close: closing(() => pool.destroy()) })
  },
}
