import type { EnclaveId, KeyId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Manifest, Notice } from '@quorate/shared/wire/manifest'
import type { KeyEpoch } from '@quorate/shared/wire/routes/keys'
import type { AuditRecord, KeyRecord, SessionStore } from '../engine/ports.ts'

/**
 * What an enclave needs to come back as who it was. `identity` is the one it had when the root was made. `former`: the same root as another
 * image had sealed it, until the new form has been opened once.
 */
export type EnclaveRoot = Readonly<{ identity: EnclaveIdentity; sealedRoot: string; former?: string }>

/** A manifest that an enclave has taken, with its notice; in force from `effectiveAt` (ms) on. */
export type TakenManifest = Readonly<{ manifest: Manifest; notice: Notice; effectiveAt: number }>

/** An answer that is given again to the same request. `digest` tells whether it is the same request. */
export type StoredReply = Readonly<{ digest: string; status: number; body: string }>

/** Where a reply is kept. Of each `holder` the latest `most` are. */
export type ReplyPlace = Readonly<{ scope: string; key: string; holder: string; most: number }>

/** Everything rejects with `store.failed` when the disk fails; nothing of the failed change is then written. */
export type Store = SessionStore & {
  /** The key at the epoch that is in force. */
  loadKey(keyId: KeyId): Promise<KeyRecord | null>
  /** The key at this epoch: also one that is over, or that is not in force yet. */
  loadKeyAt(keyId: KeyId, epoch: number): Promise<KeyRecord | null>
  /** The epochs that all hosts have installed, from `epoch` on, in their order, `most` at most; epoch 0 is one of them. */
  epochs(keyId: KeyId, epoch: number, most: number): Promise<KeyEpoch[]>
  loadEnclaveRoot(enclaveId: EnclaveId): Promise<EnclaveRoot | null>
  /** Durable when it resolves. */
  saveEnclaveRoot(enclaveId: EnclaveId, root: EnclaveRoot): Promise<void>
  /** Those that this enclave has taken, by ascending serial. */
  loadManifests(enclaveId: EnclaveId): Promise<readonly TakenManifest[]>
  /** In place of those before, with their audit record. Durable when it resolves. */
  saveManifests(enclaveId: EnclaveId, manifests: readonly TakenManifest[], audit: AuditRecord): Promise<void>
  /** Null when there is none, or when it is older than its time. */
  loadReply(scope: string, key: string, now: number): Promise<StoredReply | null>
  /** A reply that stands already is kept. */
  saveReply(place: ReplyPlace, reply: StoredReply, expiresAt: number): Promise<void>
  /** Checks the whole audit chain; rejects with `store.failed` where it breaks. `head` is the hash (hex) of the last record. */
  verifyAudit(): Promise<{ records: number; head: string }>
  /** Deletes ended and expired sessions and replies whose time is over. Never keys, audit records or enclaves. */
  sweep(now: number): Promise<number>
  close(): Promise<void>
}
