import { Refusal } from '@quorate/shared/errors'
import type { StandingScope } from '@quorate/shared/wire/consent'

export type GrantUses = Readonly<{
  /** Counts the signatures that a share is about to give under its owner's standing grant. Throws `grant.exhausted`. */
  spend: (
    share: { keyId: string; index: number; knownSince: number },
    grant: Pick<StandingScope, 'limit'>,
    signatures: number,
    now: number,
  ) => void
}>

/** Uses are summed up over a part of the window this small, so that a grant costs little memory however much it allows. */
const PARTS = 64

/** Signatures until `end` (ms). They count until the window has gone by since then, never for a shorter time. */
type Part = { end: number; signatures: number }

/**
 * How often standing grants were used. Uses are remembered in memory only, so after a restart the past is unknown: a
 * grant then counts as exhausted until its window has gone by, unless the key is younger than this enclave's start.
 * Its owner can still approve each signing meanwhile.
 */
export function createGrantUses(startedAt: number): GrantUses {
  /** The one used longest ago stands first. */
  const uses = new Map<string, { parts: Part[]; forgetAt: number }>()

  function forgetOld(now: number): void {
    for (const [name, { forgetAt }] of uses) {
      if (forgetAt > now) break
      uses.delete(name)
    }
  }

  return {
    spend({ keyId, index, knownSince }, { limit }, signatures, now) {
      const name = `${keyId}/${index}`
      const window = limit.seconds * 1_000
      const since = now - window
      const parts = (uses.get(name)?.parts ?? []).filter(({ end }) => end > since)
      const used = parts.reduce((sum, part) => sum + part.signatures, 0)
      const pastIsKnown = knownSince >= startedAt || startedAt <= since
      if (!pastIsKnown || used + signatures > limit.count) throw new Refusal('grant.exhausted', [index])

      const last = parts.at(-1)
      if (last !== undefined && now < last.end) last.signatures += signatures
      else parts.push({ end: now + window / PARTS, signatures })
      uses.delete(name)
      forgetOld(now)
      uses.set(name, { parts, forgetAt: (parts.at(-1)?.end ?? now) + window })
    },
  }
}
