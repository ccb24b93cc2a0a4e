import { messageOf, type Content } from '@quorate/shared/contents/table'
import type { Mpc } from '@quorate/shared/mpc'
import { openItem, sealItem } from '@quorate/shared/crypto/session-items'
import { itemDigest } from '@quorate/shared/crypto/session-items'
import { schemeOf } from '@quorate/shared/schemes/cryptography'
import { permitsItem, requireSealedItems, schemeSigns, sealedDigest } from '@quorate/shared/verify/items'
import { fromBase64url, fromHex, toBase64url, toHex, toUtf8 } from '@quorate/shared/wire/bytes'
import { Item, type Mode } from '@quorate/shared/wire/content'
import type { RequestBody } from '@quorate/shared/wire/signing'
import { refuse } from '../errors.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'

/** Something to sign: bytes or a text (its UTF-8) as content of type `bytes`, content, or content with the key mode to sign it in. */
export type Signable = Uint8Array | string | Content | Item

function itemOf(what: Signable): Item {
  const bytes = typeof what === 'string' ? toUtf8(what) : what
  const mode: Mode = { kind: 'plain' }
  if (bytes instanceof Uint8Array) return { content: { type: 'bytes', bytes: toHex(bytes) }, mode }
  return 'content' in bytes ? bytes : { content: bytes, mode }
}

/** Checks what is to be signed against its schema and the key's policy. Throws `content.invalid` or `content.not_permitted`. */
export function readItems(key: Key, what: Signable | readonly Signable[]): Item[] {
  return (Array.isArray(what) ? (what as readonly Signable[]) : [what as Signable]).map((one) => {
    const item = Item.safeParse(itemOf(one))
    if (!item.success) return refuse('content.invalid')
    return permitsItem(verifiedKey(key), item.data) ? item.data : refuse('content.not_permitted')
  })
}

/** The items as the gateway may see them: what a request says of them, and the contents sealed. */
export function sealItems(
  key: Key,
  signingId: string,
  items: readonly Item[],
): { named: Pick<RequestBody, 'items' | 'sealedDigest'>; sealedItems: string[] } {
  const secret = sessionSecretOf(key)
  const sealedItems = items.map((item, at) => toBase64url(sealItem(secret, signingId, at, item)))
  const named = {
    items: items.map((item, at) => ({
      type: item.content.type,
      digest: toHex(itemDigest(secret, signingId, at, item)) as RequestBody['items'][number]['digest'],
    })),
    sealedDigest: sealedDigest(sealedItems),
  }
  return { named, sealedItems }
}

/** Opens the items of a request and compares each with what the request commits to. Throws `seal.invalid` or `content.mismatch`. */
export function openItems(key: Key, request: RequestBody, sealedItems: readonly string[]): Item[] {
  const secret = sessionSecretOf(key)
  requireSealedItems(request, sealedItems)
  return request.items.map(({ type, digest }, at) => {
    const item = openItem(secret, request.signingId, at, fromBase64url(sealedItems[at] ?? ''))
    const same = item.content.type === type && toHex(itemDigest(secret, request.signingId, at, item)) === digest
    return same ? item : refuse('content.mismatch')
  })
}

/** The Taproot output key (BIP-341, 32 bytes) of a key whose scheme has one, over a merkle root (32 bytes, or none). */
export const taprootKey = (mpc: Mpc, key: Key, merkleRoot = new Uint8Array()): Uint8Array =>
  schemeOf(mpc, key.scheme).tweakedKey(fromHex(key.groupKey), merkleRoot)

/** The bytes that are signed for an item, and the public key that verifies them. Throws `content.not_permitted`. */
export function signedBytes(mpc: Mpc, key: Key, item: Item): { publicKey: Uint8Array; message: Uint8Array } {
  if (!schemeSigns(key.scheme, item)) return refuse('content.not_permitted')
  const { content, mode } = item
  const publicKey = mode.kind === 'plain' ? fromHex(key.groupKey) : taprootKey(mpc, key, fromHex(mode.merkleRoot))
  return { publicKey, message: messageOf(content, toHex(publicKey)) }
}
