import { Refusal } from '@quorate/shared/errors'
import { SealedItems } from '@quorate/shared/wire/signing'
import type { Store } from '../store/store.ts'

/** The sealed items of signings, which stand in the store. */
export type Items = Readonly<{
  /** Those of a signing that is about to be stored: its hosts are asked at once. */
  note: (signingId: string, sealedItems: readonly string[]) => void
  /** As the asker sent them. Rejects with `store.failed` when the store has lost them. */
  load: (signingId: string) => Promise<string[]>
}>

/** Characters that stay in memory, of those that were asked for last: an attempt asks several times for the same. */
const KEPT = 8 << 20

/** Characters of these items, by which bounds count them. */
export const weightOf = (sealedItems: readonly string[]): number =>
  sealedItems.reduce((sum, item) => sum + item.length, 0)

export function createItems(store: Pick<Store, 'loadEnclosure'>, most = KEPT): Items {
  const kept = new Map<string, string[]>()
  let weight = 0

  function keep(id: string, items: string[]): void {
    if (kept.has(id)) return
    kept.set(id, items)
    weight += weightOf(items)
    for (const [oldest, others] of kept) {
      if (weight <= most) break
      kept.delete(oldest)
      weight -= weightOf(others)
    }
  }

  return {
    note: (signingId, sealedItems) => keep(signingId, [...sealedItems]),
    async load(signingId) {
      const known = kept.get(signingId)
      if (known !== undefined) return known
      const items = SealedItems.safeParse(await store.loadEnclosure('signing', signingId))
      if (!items.success) throw new Refusal('store.failed')
      keep(signingId, items.data)
      return items.data
    },
  }
}
