import { finalizeEvent, getPublicKey, nip04, nip44 } from 'nostr-tools'
import * as z from 'zod'

const none = z.tuple([])
const Peer = z.string().regex(/^[0-9a-f]{64}$/)
const Cipher = z.tuple([Peer, z.string()])
const Template = z.object({
  kind: z.int().min(0),
  content: z.string(),
  tags: z.array(z.array(z.string())),
  created_at: z.int().min(0),
})

type Act = (key: Uint8Array, params: readonly string[]) => string

const between = (key: Uint8Array, peer: string) => nip44.getConversationKey(key, peer)

const sign: Act = (key, params) => {
  const [text] = z.tuple([z.string()]).parse(params)
  return JSON.stringify(finalizeEvent(Template.parse(JSON.parse(text)), key))
}

const cipher =
  (act: (key: Uint8Array, peer: string, text: string) => string): Act =>
  (key, params) => {
    const [peer, text] = Cipher.parse(params)
    return act(key, peer, text)
  }

const plain =
  (act: (key: Uint8Array) => string): Act =>
  (key, params) => {
    none.parse(params)
    return act(key)
  }

/** What a connected client may ask of the user's key. All of them throw on what they cannot read. */
export const methods: ReadonlyMap<string, Act> = new Map<string, Act>([
  ['get_public_key', plain((key) => getPublicKey(key))],
  ['ping', plain(() => 'pong')],
  ['switch_relays', plain(() => 'null')],
  ['sign_event', sign],
  ['nip44_encrypt', cipher((key, peer, text) => nip44.encrypt(text, between(key, peer)))],
  ['nip44_decrypt', cipher((key, peer, text) => nip44.decrypt(text, between(key, peer)))],
  ['nip04_encrypt', cipher((key, peer, text) => nip04.encrypt(key, peer, text))],
  ['nip04_decrypt', cipher((key, peer, text) => nip04.decrypt(key, peer, text))],
])
