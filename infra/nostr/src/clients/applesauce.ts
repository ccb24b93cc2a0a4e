import { RelayPool } from 'applesauce-relay'
import { NostrConnectSigner, PrivateKeySigner } from 'applesauce-signers'
import { callsOf, closing, saying, type Client, type Driver } from './client.ts'

type Ask = (method: string, params: string[]) => Promise<string>

/** Any method: the library has the call, though its types keep it for itself. */
const askOf = (signer: NostrConnectSigner): Ask => {
  const { makeRequest } = signer as unknown as { makeRequest: Ask }
  return makeRequest.bind(signer)
}

function clientOf(pool: RelayPool, secretKey: Uint8Array, accepted: NostrConnectSigner | null): Client {
  let signer = accepted
  const use = (): NostrConnectSigner => {
    if (signer === null) throw new Error('not connected')
    return signer
  }
  return {
    connect: async (uri) => {
      const { remote, relays, bunkerSecret } = NostrConnectSigner.parseBunkerURI(uri)
      signer = new NostrConnectSigner({ pool, relays, remote, signer: new PrivateKeySigner(secretKey) })
      await saying(signer.connect(bunkerSecret))
    },
    ...callsOf(use),
    raw: (method, params) => saying(askOf(use())(method, params)),
    close: async () => {
      await signer?.close()
      pool.close()
    },
  }
}

/** applesauce's `NostrConnectSigner` over its own relay pool, as its documentation shows it. */
export const applesauce: Driver = {
  name: 'applesauce',
  lacks: [],
  longMessages: false,
  missing: () => Promise.resolve(null),
  open: (secretKey) => Promise.resolve(clientOf(new RelayPool(), secretKey, null)),
  invite: (relay, secretKey) => {
    const pool = new RelayPool()
    const signer = new NostrConnectSigner({ pool, relays: [relay], signer: new PrivateKeySigner(secretKey) })
    const accepted = saying(signer.waitForSigner()).then(() => clientOf(pool, secretKey, signer))
    const close = closing(() => pool.close())
    return Promise.resolve({ uri: signer.getNostrConnectURI({ name: 'lab' }), accepted, close })
  },
}
