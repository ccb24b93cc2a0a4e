import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import { tasksOf, type Task } from '@quorate/shared/verify/task'
import type { ItemRefusal } from '@quorate/shared/wire/signing'
import type { OpenKey } from '../vault.ts'
import type { Asked } from './identify.ts'

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
  const tasks = tasksOf(mpc, key.certificate, requestDigest, judge(key))
  const [first] = tasks
  if (first !== undefined && 'code' in first && tasks.every((task) => 'code' in task)) throw new Refusal(first.code)
  return tasks
}
