import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { SealingClaims } from '@quorate/shared/wire/sealing'
import type { Hosts, HostState } from '../../engine/ports.ts'
import type { Store } from '../../store/store.ts'

export type EnclaveStatus = {
  state: HostState
  identity: EnclaveIdentity | null
  /** As it said with its last hello. */
  sealing: SealingClaims | null
}

/**
 * The enclaves of this gateway, each behind its own connections. An event `ready`: it answered hello, booted, and its identity is
 * known; `retired`: as `ready`, and the manifest in force does not list its image; `down`: no connection; `restarted`: another bootId. Introductions (challenge, attest, introduce) are remembered
 * until one of the two restarts or says `peer.unknown`.
 */
export type Enclaves = Hosts &
  Readonly<{
    status: (id: EnclaveId) => EnclaveStatus
    close: () => Promise<void>
  }>

/** Where the sealed roots of enclaves are kept, with the manifests that they have taken. */
export type Roots = Pick<Store, 'loadEnclaveRoot' | 'saveEnclaveRoot' | 'loadManifests'>

export type EnclaveEvents = {
  enclaveReady(enclaveId: EnclaveId): void
  /** The manifest in force does not list its image: it takes part in nothing until one does. */
  enclaveRetired(enclaveId: EnclaveId): void
  enclaveDown(enclaveId: EnclaveId): void
  enclaveRestarted(enclaveId: EnclaveId): void
  /** Answers, but does not become ready: the code says why. */
  enclaveNotReady(enclaveId: EnclaveId, code: string): void
  /** Its root was sealed by another image, and is sealed by the one that runs now. */
  enclaveRootTakenOver(enclaveId: EnclaveId): void
  /** Another identity than the stored one: somebody runs another enclave at this address. */
  enclaveIdentityChanged(enclaveId: EnclaveId): void
}
