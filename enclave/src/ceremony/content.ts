import { fitsScheme, messageOf } from '@quorate/shared/content/content'
import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { openItem } from '@quorate/shared/seal/items'
import { itemDigest } from '@quorate/shared/seal/session-keys'
import { fromBase64url, fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import type { RequestBody } from '@quorate/shared/wire/signing'
import type { OpenKey } from '../vault/shares.ts'

/** One thing to sign, ready for FROST: the message by its content's own rule, the Taproot tweak or null, and who verifies. */
export type Task = Readonly<{ message: Uint8Array; tweak: Uint8Array | null; publicKey: Uint8Array }>

/**
 * Opens the items of a request and holds them against what the request commits to and what the key's policy permits.
 * Throws `content.mismatch`, `content.not_permitted` or `content.invalid`.
 */
export function openTasks(mpc: Mpc, key: OpenKey, request: RequestBody, sealedItems: readonly string[]): Task[] {
  if (sealedItems.length !== request.items.length) throw new Refusal('content.mismatch')
  return request.items.map(({ type, digest }, at) => {
    const item = openItem(key.sessionSecret, request.signingId, at, fromBase64url(sealedItems[at] ?? ''))
    const same =
      item.content.type === type && toHex(itemDigest(key.sessionSecret, request.signingId, at, item)) === digest
    if (!same) throw new Refusal('content.mismatch')
    return taskOf(mpc, key, item)
  })
}

function taskOf(mpc: Mpc, { certificate }: OpenKey, { content, mode }: Item): Task {
  const { scheme, policy } = certificate.roster.skeleton
  if (!policy.content.includes(content.type)) throw new Refusal('content.not_permitted')
  if (!fitsScheme(content.type, scheme)) throw new Refusal('content.not_permitted')
  const groupKey = fromHex(certificate.groupKey)
  if (mode.kind === 'plain')
    return { message: messageOf(content, certificate.groupKey), tweak: null, publicKey: groupKey }
  if (scheme !== 'frost-secp256k1-tr' || content.type === 'nostr-event') throw new Refusal('content.not_permitted')
  const tweak = fromHex(mode.merkleRoot)
  const publicKey = mpc.frost(scheme).tweakedKey({ groupKey, tweak })
  return { message: messageOf(content, toHex(publicKey)), tweak, publicKey }
}
