import { Refusal } from '@quorate/shared/errors'

/**
 * The signing nonces of one attempt of one participant: in memory only, taken once, gone from here before they are used.
 * There is no way to look at them without taking them, and none to put them back.
 */
export type Nonces = Readonly<{
  /** Throws `nonce.spent` at the second call. The caller wipes what it took. */
  take: () => readonly Uint8Array[]
  destroy: () => void
}>

export function keepNonces(nonces: readonly Uint8Array[]): Nonces {
  let kept: readonly Uint8Array[] | null = nonces
  return {
    take() {
      if (kept === null) throw new Refusal('nonce.spent')
      const taken = kept
      kept = null
      return taken
    },
    destroy() {
      for (const nonce of kept ?? []) nonce.fill(0)
      kept = null
    },
  }
}
