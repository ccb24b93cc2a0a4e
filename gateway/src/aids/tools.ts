import type { LogEntry } from '@quorate/shared/wire/bunker'
import type { HostId } from '@quorate/shared/wire/host'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { KeyId, SigningId } from '@quorate/shared/wire/ids'
import type { Hosts } from '../engine/ports.ts'
import type { KeyCache } from '../keys/key-cache.ts'
import type { Recall } from '../keys/recall.ts'
import type { Stocks } from '../keys/stocks.ts'
import type { Items } from './items.ts'
import type { Store } from '../store/store.ts'

/** The bunkers of keys, in the middle of a signing that a program asks for. */
export type BunkerTools = Readonly<{
  /** Resolves when a host holds the bunker of a key as it is; rejects with why it does not. */
  ready: (keyId: KeyId, host: HostId) => Promise<void>
  /** Brings a host all of the bunker of a key again. */
  restore: (keyId: KeyId, host: HostId) => Promise<void>
  /** A host has written a line into its log. It is kept before the answer is published. */
  logged: (keyId: KeyId, signingId: SigningId, entry: LogEntry) => void
  /** The host that joined the partials has written the program's answer. Resolves when it is on the disk. */
  answered: (signingId: SigningId, answer: Envelope) => Promise<void>
}>

/** What aids work with. `timeoutMs`: for one question to a host. */
export type Tools = Readonly<{
  hosts: Hosts
  store: Pick<Store, 'loadKeyAt'>
  keys: KeyCache
  items: Items
  recall: Recall
  stocks: Stocks
  bunkers: BunkerTools
  timeoutMs: number
}>
