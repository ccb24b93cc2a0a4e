import { contentOf, messageOf } from '@quorate/shared/contents/table'
import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import type { UseInput } from '@quorate/shared/schemes/scheme'
import { schemeOf, useOf } from '@quorate/shared/schemes/cryptography'
import type { UseName } from '@quorate/shared/schemes/table'
import { groupKeyOf, publicKeysOf } from '@quorate/shared/verify/subgroups'
import { itemSession } from '@quorate/shared/verify/items'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import type { ItemRefusal } from '@quorate/shared/wire/signing'
import type { HeldKey, OpenKey } from '../vault.ts'
import type { Asked } from './identify.ts'

/** One thing to do with the shares, ready for the scheme: the message by its content's own rule. */
export type Task = UseInput & Readonly<{ use: UseName }>

/** An item that this host does not sign, and why. */
export type Declined = Readonly<{ code: ItemRefusal }>

/**
 * Opens the items of a request, and says of each what is to be signed or why it is not. Throws the code of the first item when none can
 * be signed.
 */
export function openTasks(
  mpc: Mpc,
  key: OpenKey,
  { requestDigest, judge }: Pick<Asked, 'requestDigest' | 'judge'>,
): readonly (Task | Declined)[] {
  const tasks = judge(key).map((judged, at): Task | Declined => {
    if ('code' in judged) return judged
    const task = taskOf(mpc, key, itemSession(requestDigest, at), judged.item)
    const { scheme } = key.certificate.roster.skeleton
    return useOf(mpc, scheme, task.use).takes(task.message) ? task : { code: 'content.invalid' }
  })
  const [first] = tasks
  if (first !== undefined && 'code' in first && tasks.every((task) => 'code' in task)) throw new Refusal(first.code)
  return tasks
}

/** For an item that the key permits. */
function taskOf(mpc: Mpc, key: HeldKey, session: Uint8Array, { content, mode, subgroup }: Item): Task {
  const { certificate } = key
  const groupKey = fromHex(groupKeyOf(certificate, subgroup))
  const publicKeys = publicKeysOf(mpc, certificate.roster, key.publicKeys, subgroup)
  const tweak = mode.kind === 'plain' ? null : fromHex(mode.merkleRoot)
  const scheme = schemeOf(mpc, certificate.roster.skeleton.scheme)
  const publicKey = tweak === null ? groupKey : scheme.tweakedKey(groupKey, tweak)
  const message = messageOf(content, toHex(publicKey))
  return { use: contentOf(content.type).use, session, publicKeys, publicKey, message, tweak }
}
