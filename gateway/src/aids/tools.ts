import type { Hosts } from '../engine/ports.ts'
import type { KeyCache } from '../keys/key-cache.ts'
import type { Recall } from '../keys/recall.ts'
import type { Items } from './items.ts'
import type { Store } from '../store/store.ts'

/** What aids work with. `timeoutMs`: for one question to a host. */
export type Tools = Readonly<{
  hosts: Hosts
  store: Pick<Store, 'loadKeyAt'>
  keys: KeyCache
  items: Items
  recall: Recall
  timeoutMs: number
}>
