import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as z from 'zod/mini'
import { Text, type ContentRow, type Field } from './content.ts'
import { digestHex, textFields } from './shown.ts'

/** A Nostr event (NIP-01) without id, pubkey and signature: the key gives the pubkey, the enclave computes the id. */
export interface UnsignedEvent {
  /** Seconds since 1970. */
  created_at: number
  kind: number
  tags: string[][]
  content: string
}
export const UnsignedEvent = z.toZod<UnsignedEvent>()(
  z.strictObject({
    created_at: z.int().check(z.minimum(0)),
    kind: z.int().check(z.minimum(0), z.maximum(65_535)),
    tags: z.array(z.array(Text.check(z.maxLength(65_536))).check(z.maxLength(256))).check(z.maxLength(2_500)),
    content: Text.check(z.maxLength(65_536)),
  }),
)

export interface NostrEventContent {
  type: 'nostr-event'
  event: UnsignedEvent
}
const schema = z.toZod<NostrEventContent>()(z.strictObject({ type: z.literal('nostr-event'), event: UnsignedEvent }))

/** NIP-01: the id is the SHA-256 of the UTF-8 of [0, pubkey, created_at, kind, tags, content], serialised without spaces. */
export function eventId({ created_at, kind, tags, content }: UnsignedEvent, publicKey: string): Uint8Array {
  return sha256(utf8ToBytes(JSON.stringify([0, publicKey, created_at, kind, tags, content])))
}

const MAX_TAGS = 50

function show({ event: { kind, created_at, tags, content } }: NostrEventContent): Field[] {
  const all = `${MAX_TAGS} of ${tags.length} tags, SHA-256 of all (JSON) ${digestHex(utf8ToBytes(JSON.stringify(tags)))}`
  return [
    { label: 'Nostr event', text: `kind ${kind}, created ${dateOf(created_at)}` },
    ...textFields('content', content),
    ...tags.slice(0, MAX_TAGS).flatMap((tag) => textFields('tag', JSON.stringify(tag))),
    ...(tags.length > MAX_TAGS ? [{ label: 'cut', text: all }] : []),
  ]
}

/** Seconds since 1970 as a date, as far as dates go. */
const dateOf = (seconds: number): string =>
  seconds < 8.64e12 ? new Date(seconds * 1_000).toISOString() : `${seconds} s after 1970`

/** An event names the key that signs it, so a tweaked key would sign for somebody else. */
export const nostrEvent = {
  type: 'nostr-event',
  use: 'sign',
  schema,
  message: ({ event }, publicKey) => eventId(event, publicKey),
  show,
  needs: ['bip340'],
  tweaks: false,
  alone: false,
  explicit: false,
} as const satisfies ContentRow<NostrEventContent>
