import { Refusal } from '@quorate/shared/errors'
import { maySign, versionOf } from './epochs.ts'
import type { Memories } from './memories.ts'
import type { HeldKey } from './vault.ts'

/** Checks that the key is at the version in force, as far as this life knows. Throws `epoch.stale`, `epoch.unproven`. */
export function requireInForceNow(memories: Pick<Memories, 'of'>, key: HeldKey): void {
  const memory = memories.of(key.lineage)
  if (!maySign(memory, versionOf(key))) throw new Refusal(memory.current === null ? 'epoch.unproven' : 'epoch.stale')
}
