import type { RefusalCode } from '@quorate/shared/errors'
import type { Digest, EnclaveId, KeyId, SigningId } from '@quorate/shared/wire/ids'
import type {
  Approval,
  Commitment,
  ItemResult,
  Partial as PartialSignature,
  SigningReceipt,
  SigningRequest,
} from '@quorate/shared/wire/signing'

/** What has come in so far, by participant index. */
export type Inbox<T> = Readonly<Partial<Record<number, T>>>

/** A participant whose share could sign. `standing`: until when (ms) its grant covers this request, null if none does. */
export type Holder = Readonly<{ index: number; enclaveId: EnclaveId; standing: number | null }>

/**
 * Why a participant does not count for this request any more. One that has not spoken itself may still approve; one whose enclave
 * cannot tell the epoch (`epoch.unproven`) counts again when somebody else speaks, or another enclave comes.
 */
export type Exclusion = Readonly<{ code: RefusalCode; final: boolean }>

type Quorum = Readonly<{ quorum: readonly number[] }>
type Package = Quorum & Readonly<{ commitments: readonly Commitment[] }>

export type SigningPhase =
  | Readonly<{ name: 'collecting_participants' }>
  | (Readonly<{ name: 'generating_nonces' }> & Quorum)
  | (Readonly<{ name: 'collecting_nonces'; commitments: Inbox<Commitment> }> & Quorum)
  | (Readonly<{ name: 'aggregating_nonces' }> & Package)
  | (Readonly<{ name: 'generating_partial_signatures' }> & Package)
  | (Readonly<{ name: 'collecting_partial_signatures'; partials: Inbox<PartialSignature> }> & Package)
  | (Readonly<{
      name: 'finalizing_signature'
      partials: readonly PartialSignature[]
      results: readonly ItemResult[] | null
      receipts: Inbox<SigningReceipt>
    }> &
      Quorum)
  | (Readonly<{ name: 'completed'; results: readonly ItemResult[]; receipts: readonly SigningReceipt[] }> & Quorum)
  | Readonly<{ name: 'failed'; code: RefusalCode; culprits: readonly number[] }>
  | Readonly<{ name: 'expired' }>

/** A signing as it is stored. Nothing in it is secret to the gateway. Times in ms. `attempt` counts the attempts begun. */
export type SigningSession = Readonly<{
  signingId: SigningId
  keyId: KeyId
  requestDigest: Digest
  request: SigningRequest
  sealedItems: readonly string[]
  threshold: number
  holders: readonly Holder[]
  approvals: Inbox<Approval>
  excluded: Inbox<Exclusion>
  attempt: number
  /** The enclaves that could be asked when the last attempt began. */
  askable?: readonly EnclaveId[]
  /** How many participants had asked or approved when it began. */
  vouchers?: number
  phase: SigningPhase
}>

/** What happened. `attempt` tells an answer of this attempt from a late one. */
export type SigningEvent =
  | { type: 'decided'; approval: Approval }
  | { type: 'hosts_seen'; available: readonly EnclaveId[]; now: number }
  | { type: 'committed'; attempt: number; index: number; commitment: Commitment }
  | { type: 'package_fixed'; attempt: number }
  | { type: 'signed'; attempt: number; index: number; partial: PartialSignature }
  | { type: 'aggregated'; attempt: number; results: readonly ItemResult[] }
  | { type: 'confirmed'; attempt: number; index: number; receipt: SigningReceipt }
  | { type: 'refused'; attempt: number; index: number; code: RefusalCode; culprits: readonly number[] }
  | { type: 'time_passed'; now: number }

/**
 * What is owed. `choose_quorum` and `fix_package` are answered by the coordinator itself, before it saves; the others go
 * to the participant's enclave.
 */
export type SigningEffect =
  | { type: 'choose_quorum' }
  | { type: 'fix_package'; attempt: number }
  | { type: 'commit'; attempt: number; index: number; approvals: readonly Approval[] }
  | {
      type: 'partial'
      attempt: number
      index: number
      approvals: readonly Approval[]
      commitments: readonly Commitment[]
    }
  | { type: 'aggregate'; attempt: number; index: number; partials: readonly PartialSignature[] }
  | { type: 'confirm'; attempt: number; index: number; results: readonly ItemResult[] }
