import { messageOf, type Content } from '@quorate/shared/contents/table'
import type { Mpc } from '@quorate/shared/mpc'
import { openItem, sealItem } from '@quorate/shared/crypto/session-items'
import { itemDigest } from '@quorate/shared/crypto/session-items'
import { schemeOf } from '@quorate/shared/schemes/cryptography'
import { isNamedBy, permitsItem, requireSealedItems, schemeSigns, sealedDigest } from '@quorate/shared/verify/items'
import { signersOf } from '@quorate/shared/verify/signers'
import { groupKeyOf } from '@quorate/shared/verify/subgroups'
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

/**
 * Checks what is to be signed against its schema and the key's policy. `subgroup`: signs what does not name one itself. Throws `content.invalid`,
 * `content.not_permitted`, `subgroup.unknown`.
 */
export function readItems(key: Key, what: Signable | readonly Signable[], subgroup?: string): Item[] {
  return (Array.isArray(what) ? (what as readonly Signable[]) : [what as Signable]).map((one) => {
    const item = Item.safeParse({ ...(subgroup === undefined ? {} : { subgroup }), ...itemOf(one) })
    if (!item.success) return refuse('content.invalid')
    signersOf(key.certificate.body.roster.skeleton, item.data.subgroup)
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
      ...(item.subgroup === undefined ? {} : { subgroup: item.subgroup }),
    })),
    sealedDigest: sealedDigest(sealedItems),
  }
  return { named, sealedItems }
}

/** Opens the items of a request and compares each with what the request commits to. Throws `seal.invalid` or `content.mismatch`. */
export function openItems(key: Key, request: RequestBody, sealedItems: readonly string[]): Item[] {
  const secret = sessionSecretOf(key)
  requireSealedItems(request, sealedItems)
  return request.items.map((named, at) => {
    const item = openItem(secret, request.signingId, at, fromBase64url(sealedItems[at] ?? ''))
    const same = toHex(itemDigest(secret, request.signingId, at, item)) === named.digest
    return same && isNamedBy(item, named) ? item : refuse('content.mismatch')
  })
}

/**
 * The Taproot output key (BIP-341, 32 bytes) of a key whose scheme has one, or of its sub-group, over a merkle root (32 bytes, or none). Throws
 * `subgroup.unknown`.
 */
export const taprootKey = (mpc: Mpc, key: Key, merkleRoot = new Uint8Array(), subgroup?: string): Uint8Array =>
  schemeOf(mpc, key.scheme).tweakedKey(fromHex(groupKeyOf(key.certificate.body, subgroup)), merkleRoot)

/** The bytes that are signed for an item, and the public key that verifies them. Throws `content.not_permitted`, `subgroup.unknown`. */
export function signedBytes(mpc: Mpc, key: Key, item: Item): { publicKey: Uint8Array; message: Uint8Array } {
  if (!schemeSigns(key.scheme, item)) return refuse('content.not_permitted')
  const { content, mode, subgroup } = item
  const publicKey =
    mode.kind === 'plain'
      ? fromHex(groupKeyOf(key.certificate.body, subgroup))
      : taprootKey(mpc, key, fromHex(mode.merkleRoot), subgroup)
  return { publicKey, message: messageOf(content, toHex(publicKey)) }
}
