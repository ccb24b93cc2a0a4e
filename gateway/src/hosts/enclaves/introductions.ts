import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { Enclaves } from './enclaves.ts'

export type Introductions = {
  introduce(ids: readonly EnclaveId[]): Promise<void>
  /** `verifier` has said `peer.unknown`: every peer will be introduced to it again. */
  forget(verifier: EnclaveId): void
}

/**
 * Brings enclaves together. Each direction of a pair is one introduction, done once per boot of both; the gateway only
 * carries nonces and documents, and what it alters fails at the verifier.
 */
export function createIntroductions(ask: Enclaves['ask'], bootIdOf: (id: EnclaveId) => string | null): Introductions {
  type Entry = { boots: string; done: Promise<void> }
  const known = new Map<EnclaveId, Map<EnclaveId, Entry>>()

  async function carry(verifier: EnclaveId, peer: EnclaveId): Promise<void> {
    const { nonce } = await ask(verifier, 'challenge', {})
    await ask(verifier, 'introduce', { peer: await ask(peer, 'attest', { nonce }), nonce })
  }

  function once(verifier: EnclaveId, peer: EnclaveId): Promise<void> {
    const peers = known.get(verifier) ?? new Map<EnclaveId, Entry>()
    known.set(verifier, peers)
    const boots = `${bootIdOf(verifier) ?? ''} ${bootIdOf(peer) ?? ''}`
    const before = peers.get(peer)
    if (before?.boots === boots) return before.done
    const entry: Entry = { boots, done: carry(verifier, peer) }
    peers.set(peer, entry)
    entry.done.catch(() => {
      if (peers.get(peer) === entry) peers.delete(peer)
    })
    return entry.done
  }

  return {
    async introduce(ids) {
      const distinct = [...new Set(ids)]
      const pairs = distinct.flatMap((verifier) =>
        distinct.filter((peer) => peer !== verifier).map((peer) => once(verifier, peer)),
      )
      await Promise.all(pairs)
    },
    forget: (verifier) => void known.delete(verifier),
  }
}
