import { Refusal } from '@quorate/shared/errors'
import type { Grant } from '@quorate/shared/wire/keygen'

export type GrantUses = Readonly<{
  /** Counts one use of a share's standing grant by this signing (repeats of it count once). Throws `grant.exhausted`. */
  spend: (
    share: { keyId: string; index: number; knownSince: number },
    grant: Grant,
    signingId: string,
    now: number,
  ) => void
}>

/**
 * How often standing grants were used. Uses are remembered in memory only, so after a restart the past is unknown: a
 * grant then counts as exhausted until its window has gone by, unless the key is younger than this enclave's start.
 * Its owner can still approve each signing meanwhile.
 */
export function createGrantUses(startedAt: number): GrantUses {
  const uses = new Map<string, { signingId: string; at: number }[]>()

  return {
    spend({ keyId, index, knownSince }, { limit }, signingId, now) {
      const name = `${keyId}/${index}`
      const since = now - limit.seconds * 1_000
      const recent = (uses.get(name) ?? []).filter(({ at }) => at > since)
      if (recent.some((use) => use.signingId === signingId)) return
      const pastIsKnown = knownSince >= startedAt || startedAt <= since
      if (!pastIsKnown || recent.length >= limit.count) throw new Refusal('grant.exhausted', [index])
      uses.set(name, [...recent, { signingId, at: now }])
    },
  }
}
