import type { Ground } from '@quorate/shared/consent/permits'
import type { Parts } from './parts.ts'
import type { HeldKey } from './vault.ts'

/**
 * Counts uses of the grant on which the share of participant `index` takes part; a ground that is no grant costs nothing. Throws
 * `grant.exhausted`, `grant.unproven`.
 */
export function charge(
  { grants, keys, clock }: Pick<Parts, 'grants' | 'keys' | 'clock'>,
  { lineage, life: maker, certificate }: HeldKey,
  index: number,
  ground: Ground,
  uses: number,
): void {
  if (typeof ground !== 'object') return
  const host = certificate.roster.skeleton.participants[index - 1]?.host.identity.signKey
  const isOwn = host === keys.identity.signKey
  grants.spend({ lineage, index, maker, isOwn, ...ground }, uses, clock())
}
