import { messageOf } from '@quorate/shared/contents/table'
import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import type { UseInput } from '@quorate/shared/schemes/scheme'
import { schemeOf } from '@quorate/shared/schemes/cryptography'
import { judgeItem, requireSealedItems } from '@quorate/shared/verify/items'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import type { ItemRefusal, RequestBody } from '@quorate/shared/wire/signing'
import type { HeldKey, OpenKey } from '../vault.ts'

/** One thing to sign, ready for the scheme: the message by its content's own rule. */
export type Task = UseInput

/** An item that this host does not sign, and why. */
export type Declined = Readonly<{ code: ItemRefusal }>

/**
 * Opens the items of a request, and says of each what is to be signed or why it is not. Throws `seal.invalid` or `content.mismatch`
 * for other sealed items than the asker signed for, and the code of the first item when none can be signed.
 */
export function openTasks(
  mpc: Mpc,
  key: OpenKey,
  request: RequestBody,
  sealedItems: readonly string[],
): readonly (Task | Declined)[] {
  requireSealedItems(request, sealedItems)
  const tasks = sealedItems.map((sealed, at) => {
    const judged = judgeItem(key, key.sessionSecret, request, at, sealed)
    return 'code' in judged ? judged : taskOf(mpc, key, judged.item)
  })
  const [first] = tasks
  if (first !== undefined && 'code' in first && tasks.every((task) => 'code' in task)) throw new Refusal(first.code)
  return tasks
}

/** For an item that the key permits. */
function taskOf(mpc: Mpc, { certificate, publicKeys }: HeldKey, { content, mode }: Item): Task {
  const groupKey = fromHex(certificate.groupKey)
  const tweak = mode.kind === 'plain' ? null : fromHex(mode.merkleRoot)
  const scheme = schemeOf(mpc, certificate.roster.skeleton.scheme)
  const publicKey = tweak === null ? groupKey : scheme.tweakedKey(groupKey, tweak)
  return { publicKeys, publicKey, message: messageOf(content, toHex(publicKey)), tweak }
}
