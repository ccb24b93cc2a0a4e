import type { HostMethod, HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import type { Store } from '../store/store.ts'

/** `locked`: answers, and has no root secret open that we know of. `down`: nobody answers. */
export type EnclaveStatus = {
  state: 'ready' | 'locked' | 'down'
  identity: EnclaveIdentity | null
  /** As it said with its last hello. */
  sealing: SealingClaims | null
}

/** ready: answered hello, booted, identity known · down: no connection · restarted: another bootId, all its sessions are gone. */
export type EnclaveEvent = { type: 'ready' | 'down' | 'restarted'; enclaveId: EnclaveId }

/** The enclaves of this gateway, each behind its own connections. */
export type Enclaves = {
  ids(): readonly EnclaveId[]
  status(id: EnclaveId): EnclaveStatus
  /**
   * Throws Refusal: `enclave.unreachable`, `enclave.locked`, `enclave.timeout`, `enclave.busy` (too much in flight there),
   * `enclave.failed` (an answer that fits no schema), or whatever the enclave refused with. The result is schema-checked.
   */
  call<M extends HostMethod>(
    id: EnclaveId,
    method: M,
    params: HostParams<M>,
    deadlineMs?: number,
  ): Promise<HostResult<M>>
  subscribe(listener: (event: EnclaveEvent) => void): () => void
  /** Every pair verifies the other (challenge → attest → introduce); remembered until one restarts or says `peer.unknown`. */
  introduce(ids: readonly EnclaveId[]): Promise<void>
  close(): Promise<void>
}

/** Where the sealed roots of enclaves are kept, with the manifests that they have taken. */
export type Roots = Pick<Store, 'loadEnclaveRoot' | 'saveEnclaveRoot' | 'loadManifests'>

export type EnclaveEvents = {
  enclaveReady(enclaveId: EnclaveId): void
  enclaveDown(enclaveId: EnclaveId): void
  enclaveRestarted(enclaveId: EnclaveId): void
  /** Answers, but does not become ready: the code says why. */
  enclaveNotReady(enclaveId: EnclaveId, code: string): void
  /** Its root was sealed by another image, and is sealed by the one that runs now. */
  enclaveRootTakenOver(enclaveId: EnclaveId): void
  /** Another identity than the stored one: somebody runs another enclave at this address. */
  enclaveIdentityChanged(enclaveId: EnclaveId): void
}
