import NDK, { NDKNip46Signer, NDKUser, type NDKPool } from '@nostr-dev-kit/ndk'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Event, EventTemplate } from 'nostr-tools'
import { getEventHash } from 'nostr-tools'
import { asError, closing, saying, unsupported, type Client, type Driver } from './client.ts'

const NAME = 'NDK'

const newNdk = (): NDK => new NDK({ enableOutboxModel: false, autoConnectUserRelays: false })

/** NDK gives the signature alone, and asks for an event that names its author. */
async function sign(signer: NDKNip46Signer, template: EventTemplate): Promise<Event> {
  const unsigned = { ...template, pubkey: signer.pubkey }
  const sig = await saying(signer.sign(unsigned))
  return { ...unsigned, id: getEventHash(unsigned), sig }
}

/** What `ping` and `logout` would be: NDK has a call for any method alone, whose promise never ends. */
function ask(signer: NDKNip46Signer, method: string, params: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signer.bunkerPubkey === undefined) throw new Error('not connected')
    signer.rpc
      .sendRequest(signer.bunkerPubkey, method, params, 24_133, ({ result, error }) =>
        error ? reject(asError(error)) : resolve(result),
      )
      .catch((error: unknown) => reject(asError(error)))
  })
}

/** NDK cannot be told to close; its pool is where its connections are. */
function disconnect(signer: NDKNip46Signer): void {
  signer.stop()
  const { pool } = signer.rpc as unknown as { pool?: NDKPool }
  for (const relay of pool?.relays.values() ?? []) relay.disconnect()
}

function clientOf(kit: NDK, secretKey: Uint8Array, accepted: NDKNip46Signer | null): Client {
  let signer = accepted
  const use = (): NDKNip46Signer => {
    if (signer === null) throw new Error('not connected')
    return signer
  }
  const user = (pubkey: string) => new NDKUser({ pubkey })
  return {
    connect: async (uri) => {
      signer = NDKNip46Signer.bunker(kit, uri, bytesToHex(secretKey))
      await saying(signer.blockUntilReady())
    },
    getPublicKey: () => saying(use().getPublicKey()),
    signEvent: (template) => sign(use(), template),
    nip44Encrypt: (peer, text) => saying(use().encrypt(user(peer), text, 'nip44')),
    nip44Decrypt: (peer, text) => saying(use().decrypt(user(peer), text, 'nip44')),
    nip04Encrypt: (peer, text) => saying(use().encrypt(user(peer), text, 'nip04')),
    nip04Decrypt: (peer, text) => saying(use().decrypt(user(peer), text, 'nip04')),
    switchRelays: unsupported(NAME, 'switchRelays'),
    logout: unsupported(NAME, 'logout'),
    ping: unsupported(NAME, 'ping'),
    raw: (method, params) => ask(use(), method, params),
    close: () => {
      if (signer !== null) disconnect(signer)
      return Promise.resolve()
    },
  }
}

/** NDK's `NDKNip46Signer`. */
export const ndk: Driver = {
  name: NAME,
  lacks: ['switchRelays', 'logout', 'ping'],
  longMessages: true,
  missing: () => Promise.resolve(null),
  open: (secretKey) => Promise.resolve(clientOf(newNdk(), secretKey, null)),
  invite: (relay, secretKey) => {
    const kit = newNdk()
    const signer = NDKNip46Signer.nostrconnect(kit, relay, bytesToHex(secretKey), { name: 'lab' })
    const accepted = saying(signer.blockUntilReady()).then(() => clientOf(kit, secretKey, signer))
    if (signer.nostrConnectUri === undefined) throw new Error('NDK gave no URI')
    const close = closing(() => disconnect(signer))
    return Promise.resolve({ uri: signer.nostrConnectUri, accepted, close })
  },
}
