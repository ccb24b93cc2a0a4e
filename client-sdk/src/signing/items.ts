import { fitsScheme, messageOf } from '@quorate/shared/content/content'
import type { Mpc } from '@quorate/shared/mpc'
import { openItem, sealItem } from '@quorate/shared/seal/items'
import { itemDigest } from '@quorate/shared/seal/session-keys'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { Item, type Content, type Mode } from '@quorate/shared/wire/content'
import type { RequestBody } from '@quorate/shared/wire/signing'
import { refuse } from '../errors.ts'
import { sessionSecretOf, type Key } from '../key.ts'

/** Something to sign: bytes, a text (its UTF-8), typed content, or content with the key mode to sign it in. */
export type Signable = Uint8Array | string | Content | Item

function itemOf(what: Signable): Item {
  const bytes = typeof what === 'string' ? new TextEncoder().encode(what) : what
  const mode: Mode = { kind: 'plain' }
  if (bytes instanceof Uint8Array) return { content: { type: 'bytes', bytes: toHex(bytes) }, mode }
  return 'content' in bytes ? bytes : { content: bytes, mode }
}

/** Checks what is to be signed against its schema and the key's policy. Throws `content.invalid` or `content.not_permitted`. */
export function readItems(key: Key, what: Signable | readonly Signable[]): Item[] {
  const { policy } = key.certificate.body.roster.skeleton
  return (Array.isArray(what) ? (what as readonly Signable[]) : [what as Signable]).map((one) => {
    const item = Item.safeParse(itemOf(one))
    if (!item.success) return refuse('content.invalid')
    const { type } = item.data.content
    if (!policy.content.includes(type) || !fitsScheme(type, key.scheme)) return refuse('content.not_permitted')
    return item.data
  })
}

/** The items as the gateway may see them: types and keyed digests, and the contents sealed. */
export function sealItems(
  key: Key,
  signingId: string,
  items: readonly Item[],
): { items: RequestBody['items']; sealedItems: string[] } {
  const secret = sessionSecretOf(key)
  return {
    items: items.map((item, at) => ({
      type: item.content.type,
      digest: toHex(itemDigest(secret, signingId, at, item)) as RequestBody['items'][number]['digest'],
    })),
    sealedItems: items.map((item, at) => toBase64url(sealItem(secret, signingId, at, item))),
  }
}

/** Opens the items of a request and compares each with what the request commits to. Throws `seal.invalid` or `content.mismatch`. */
export function openItems(key: Key, request: RequestBody, sealedItems: readonly string[]): Item[] {
  const secret = sessionSecretOf(key)
  if (sealedItems.length !== request.items.length) return refuse('content.mismatch')
  return request.items.map(({ type, digest }, at) => {
    const item = openItem(secret, request.signingId, at, fromBase64url(sealedItems[at] ?? ''))
    const same = item.content.type === type && toHex(itemDigest(secret, request.signingId, at, item)) === digest
    return same ? item : refuse('content.mismatch')
  })
}

/** The public key (32 bytes) under which an item of this mode is signed. */
export function publicKeyOf(mpc: Mpc, key: Key, mode: Mode): Uint8Array {
  const groupKey = fromHex(key.groupKey)
  if (mode.kind === 'plain') return groupKey
  if (key.scheme !== 'frost-secp256k1-tr') return refuse('content.invalid')
  return mpc.frost(key.scheme).tweakedKey(groupKey, fromHex(mode.merkleRoot))
}

/** The bytes that are signed for an item, and the public key that verifies them. */
export function signedBytes(
  mpc: Mpc,
  key: Key,
  { content, mode }: Item,
): { publicKey: Uint8Array; message: Uint8Array } {
  const publicKey = publicKeyOf(mpc, key, mode)
  return { publicKey, message: messageOf(content, toHex(publicKey)) }
}
