import { refuse } from './errors.ts'
import type { Key } from './key.ts'
import type { Participant } from './participant.ts'
import type { NostrEvent } from './signing/result.ts'
import type { CompletionOptions } from './signing/signing.ts'

/** An event that is to be signed. `created_at`: seconds since 1970. */
export type EventTemplate = Pick<NostrEvent, 'kind' | 'content' | 'tags' | 'created_at'>

/** What libraries ask for events, by the names of NIP-07. */
export type NostrSigner = Readonly<{
  /** 32 bytes, hex. */
  getPublicKey: () => Promise<string>
  /** Waits until as many have approved as the key wants. The event is verified. Throws as `requestSignature` and `completed`. */
  signEvent: (event: EventTemplate) => Promise<NostrEvent>
}>

/** A key as this participant asks for its signatures. `options`: how long to wait for each. */
export const nostrSigner = (participant: Participant, key: Key, options: CompletionOptions = {}): NostrSigner => ({
  getPublicKey: () => Promise.resolve(key.groupKey),
  async signEvent({ kind, content, tags, created_at }) {
    const event = { kind, content, tags, created_at }
    const signing = await participant.requestSignature(key, { type: 'nostr-event', event }, { signal: options.signal })
    const [signed] = (await signing.completed(options)).events
    return signed ?? refuse('reply.mismatch')
  },
})
