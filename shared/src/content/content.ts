import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { fromHex } from '../wire/bytes.ts'
import type { Content, ContentType } from '../wire/content.ts'
import type { SchemeName } from '../schemes/table.ts'

type Rule<T extends ContentType> = {
  schemes: readonly SchemeName[]
  /** The bytes that the signature scheme signs, from the full content and the public key (hex) that signs it. */
  message: (content: Extract<Content, { type: T }>, publicKey: string) => Uint8Array
}

/** NIP-01: the id is the SHA-256 of the UTF-8 of [0, pubkey, created_at, kind, tags, content], serialised without spaces. */
function nostrEventId({ event }: Extract<Content, { type: 'nostr-event' }>, publicKey: string): Uint8Array {
  return sha256(utf8ToBytes(JSON.stringify([0, publicKey, event.created_at, event.kind, event.tags, event.content])))
}

/** The one table of what a type of content means. A new type is a row here and a variant of `Content`. */
const rules: { [T in ContentType]: Rule<T> } = {
  bytes: { schemes: ['frost-secp256k1-tr', 'frost-ed25519'], message: ({ bytes }) => fromHex(bytes) },
  'nostr-event': { schemes: ['frost-secp256k1-tr'], message: nostrEventId },
}

/** May a key of this scheme sign content of this type at all? */
export const fitsScheme = (type: ContentType, scheme: SchemeName): boolean => rules[type].schemes.includes(scheme)

/** What is signed for this content: computed from the content by its type's own rule, never taken from a request. */
export function messageOf(content: Content, publicKey: string): Uint8Array {
  switch (content.type) {
    case 'bytes':
      return rules.bytes.message(content, publicKey)
    case 'nostr-event':
      return rules['nostr-event'].message(content, publicKey)
  }
}
