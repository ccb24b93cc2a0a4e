import { generateSecretKey, type NostrEvent } from 'nostr-tools'
import { PrivateDirectMessage } from 'nostr-tools/kinds'
import { wrapEvent } from 'nostr-tools/nip59'
import * as z from 'zod'
import type { Client } from '../clients/client.ts'
import { nostrTools } from '../clients/nostr-tools.ts'
import { runInFlight } from './figures.ts'

export type UnwrappingLoad = Readonly<{
  uri: () => Promise<string>
  /** The key that the wraps are for. */
  user: string
  wraps?: number
  /** How many people they are from: each has one conversation with the user, beside the fresh key of each wrap. */
  senders?: number
  inFlight?: number
}>

const Inner = z.object({ pubkey: z.string(), content: z.string() })

/** Gift wraps of NIP-59 as an inbox of NIP-17 holds them. */
export function wrapMany(user: string, wraps: number, senders: number): NostrEvent[] {
  const keys = Array.from({ length: senders }, generateSecretKey)
  const message = (n: number) => ({ kind: PrivateDirectMessage, content: `message ${n}`, tags: [['p', user]] })
  return Array.from({ length: wraps }, (_, n) => wrapEvent(message(n), keys[n % senders] as Uint8Array, user))
}

/** The seal from the wrap's fresh key, then the message from its sender. */
async function unwrap(client: Client, wrap: NostrEvent): Promise<string> {
  const seal = Inner.parse(JSON.parse(await client.nip44Decrypt(wrap.pubkey, wrap.content)))
  const message = Inner.parse(JSON.parse(await client.nip44Decrypt(seal.pubkey, seal.content)))
  if (message.pubkey !== seal.pubkey) throw new Error('a message is not from whom its seal is')
  return message.content
}

/** Seconds in which one client reads an inbox through its signer. The wraps are made before. */
export async function unwrapMany(load: UnwrappingLoad): Promise<Readonly<{ wraps: number; seconds: number }>> {
  const { uri, user, wraps = 1_000, senders = 20, inFlight = 8 } = load
  const inbox = wrapMany(user, wraps, senders)
  const client = await nostrTools.open(generateSecretKey())
  try {
    await client.connect(await uri())
    const began = performance.now()
    await runInFlight(wraps, inFlight, async (n) => {
      const text = await unwrap(client, inbox[n] as NostrEvent)
      if (text !== `message ${n}`) throw new Error(`wrap ${n} holds another message`)
    })
    return { wraps, seconds: (performance.now() - began) / 1_000 }
  } finally {
    await client.close()
  }
}
