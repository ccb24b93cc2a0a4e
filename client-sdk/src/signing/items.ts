import { Content, contentOf } from '@quorate/shared/contents/table'
import { refusals, type RefusalCode } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { openItem, sealItem } from '@quorate/shared/crypto/session-items'
import { itemDigest } from '@quorate/shared/crypto/session-items'
import {
  isNamedBy,
  permitsItem,
  requireSealedItems,
  schemeSigns,
  sealedDigest,
  type Judged,
} from '@quorate/shared/verify/items'
import { signersOf } from '@quorate/shared/verify/signers'
import { inMode, taskKey, taskOf, tasksOf, type Task } from '@quorate/shared/verify/task'
import { fromBase64url, toBase64url, toHex, toUtf8 } from '@quorate/shared/wire/bytes'
import { Item, misfitOf } from '@quorate/shared/wire/content'
import type { Mode } from '@quorate/shared/wire/mode'
import type { ItemRefusal, RequestBody } from '@quorate/shared/wire/signing'
import { issuesOf, QuorateError, refuse } from '../errors.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'

/**
 * Something to sign: bytes or a text (its UTF-8) as content of type `bytes`, content, or content with the mode to sign it in, if not that of
 * the key, and with an adaptor where a pre-signature is wanted.
 */
export type Signable = Uint8Array | string | Content | Wished

/** Without a mode it is signed in that of the key. */
type Wished = Omit<Item, 'mode'> & Readonly<{ mode?: Mode | undefined }>

function itemOf(key: Key, what: Signable): object {
  const bytes = typeof what === 'string' ? toUtf8(what) : what
  if (bytes instanceof Uint8Array) return itemOf(key, { type: 'bytes', bytes: toHex(bytes) })
  const { mode, ...item } = 'content' in bytes ? bytes : { content: bytes, mode: undefined }
  return { ...item, mode: mode === undefined ? modeFor(key, item.content) : mode }
}

/** In which mode of the key a content is signed that names none. */
export function modeFor(key: Pick<Key, 'mode'>, content: Content): Mode {
  const read = Content.safeParse(content)
  return read.success && contentOf(read.data.type).tweaks ? key.mode : { kind: 'plain' }
}

/**
 * Checks what is to be signed against its schema, the key's policy and its cryptography. Throws, with the item, `content.invalid`,
 * `content.not_permitted`, `tweak.invalid`, `adaptor.invalid`, `adaptor.unsupported`, `adaptor.too_many`; and `subgroup.unknown`. `subgroup`: signs what does not
 * name one itself.
 */
export function readItems(mpc: Mpc, key: Key, what: Signable | readonly Signable[], subgroup?: string): Item[] {
  const all = Array.isArray(what) ? (what as readonly Signable[]) : [what as Signable]
  const refused = (at: number, code: RefusalCode, issues: readonly string[] = [refusals[code].title]): never => {
    const item = `item ${at + 1} of ${all.length}`
    throw new QuorateError(code, 'client', { issues: issues.map((issue) => `${item}: ${issue}`) })
  }
  const items = all.map((one, at) => {
    const item = Item.safeParse({ ...(subgroup === undefined ? {} : { subgroup }), ...itemOf(key, one) })
    if (!item.success) return refused(at, misfitOf(item.error), issuesOf(item.error))
    signersOf(key.certificate.body.roster.skeleton, item.data.subgroup)
    return item.data
  })
  for (const [at, code] of objectionsTo(mpc, key, items).entries()) if (code !== null) refused(at, code)
  return items
}

/** Of each item that opens, why no honest host of the key signs it, by the rule that they decide by; null where they do. */
export function objectionsTo(mpc: Mpc, key: Key, items: readonly Item[]): (ItemRefusal | null)[] {
  const judged = items.map((item): Judged =>
    permitsItem(verifiedKey(key), item) ? { item } : { code: 'content.not_permitted' },
  )
  const tasks = tasksOf(mpc, key.certificate.body, key.digest, judged)
  return tasks.map((task) => ('code' in task ? task.code : null))
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
  inMode(mpc, taskKey(mpc, key.certificate.body, subgroup), { kind: 'taproot', merkleRoot: toHex(merkleRoot) })
    .publicKey

/**
 * What is signed for an item, and the public key that verifies it. `session` names the item in its signing. Throws `content.not_permitted`,
 * `content.invalid`, `tweak.invalid`, `adaptor.invalid`, `adaptor.unsupported`, `subgroup.unknown`.
 */
export function signedTask(mpc: Mpc, key: Key, item: Item, session: Uint8Array = new Uint8Array(0)): Task {
  if (!schemeSigns(key.scheme, item)) return refuse('content.not_permitted')
  return taskOf(mpc, taskKey(mpc, key.certificate.body, item.subgroup), session, item)
}
