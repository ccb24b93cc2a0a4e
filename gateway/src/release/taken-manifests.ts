import type { TakenManifest } from '../store/store.ts'

/**
 * What is kept for an enclave that has taken one more manifest: that one, and the one that is in force meanwhile. One that never came
 * into force was called back by the new one, and must not be given to the enclave again.
 */
export function keepTaken(before: readonly TakenManifest[], taken: TakenManifest, now: number): TakenManifest[] {
  const inForce = before
    .filter(({ manifest, effectiveAt }) => effectiveAt <= now && manifest.body.serial < taken.manifest.body.serial)
    .toSorted((a, b) => b.manifest.body.serial - a.manifest.body.serial)
  return taken.effectiveAt <= now ? [taken] : [...inForce.slice(0, 1), taken]
}
