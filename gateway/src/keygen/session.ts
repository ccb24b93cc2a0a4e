import type { RefusalCode } from '@quorate/shared/errors'
import type { EnclaveId, KeyId, Scheme, UserId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type {
  Certificate,
  CertificateBody,
  RegistrationReceipt,
  RoundOne,
  RoundTwo,
  SealedShare,
  Skeleton,
} from '@quorate/shared/wire/keygen'

/** What has come in so far, by participant index. */
export type Inbox<T> = Readonly<Partial<Record<number, T>>>

/** Where a participant was put: the identity is the one that its enclave had when the key was reserved. */
export type Place = Readonly<{ userId: UserId; index: number; host: EnclaveIdentity }>

/** A registration as it was sealed to its enclave, and what the enclave said to it. */
export type Registered = Readonly<{ sealed: string; receipt: RegistrationReceipt }>

/** One host's word on the key: `digest` is H(certificate, body), and the body stands once in the round. */
export type Certified = Readonly<{ digest: string; signature: string; sealedShare: string }>

/** The client's sealed part for one enclave, kept to bring the enclave back after a restart. */
export type SealedInit = Readonly<{ enclaveId: EnclaveId; sealed: string }>

/** `gathering` waits until every host is there; an attempt begins anew from round one on all of them. */
export type Round =
  | Readonly<{ name: 'gathering' }>
  | Readonly<{ name: 'round1'; messages: Inbox<RoundOne> }>
  | Readonly<{ name: 'round2'; messages: readonly RoundOne[]; packages: Inbox<readonly RoundTwo[]> }>
  | Readonly<{
      name: 'round3'
      packages: readonly RoundTwo[]
      bodies: Readonly<Record<string, CertificateBody>>
      answers: Inbox<Certified>
    }>

type Fixed = Readonly<{ skeleton: Skeleton; inits: readonly SealedInit[]; registrations: Inbox<Registered> }>

export type KeygenPhase =
  | Readonly<{ name: 'reserved'; initBy: number }>
  | (Readonly<{ name: 'collecting_participants' }> & Fixed)
  | (Readonly<{ name: 'key_generation'; attempt: number; round: Round }> & Fixed)
  | Readonly<{
      name: 'completed'
      skeleton: Skeleton
      registrations: Inbox<Registered>
      certificate: Certificate
      shares: readonly SealedShare[]
    }>
  | Readonly<{ name: 'failed'; skeleton: Skeleton; code: RefusalCode; culprits: readonly number[] }>
  | Readonly<{ name: 'expired'; skeleton: Skeleton | null }>

/** A keygen as it is stored. Nothing in it is secret to the gateway. Times in ms. A reservation is held until `initBy`. */
export type KeygenSession = Readonly<{
  keyId: KeyId
  scheme: Scheme
  threshold: number
  expiresAt: number
  places: readonly Place[]
  coordinator: EnclaveId
  phase: KeygenPhase
}>

/** What happened. `attempt` tells an answer of this attempt from a late one. */
export type KeygenEvent =
  | { type: 'initialised'; skeleton: Skeleton; inits: readonly SealedInit[] }
  | { type: 'registered'; index: number; registered: Registered }
  | { type: 'hosts_seen'; available: readonly EnclaveId[] }
  | { type: 'round_one_sent'; attempt: number; index: number; message: RoundOne }
  | { type: 'round_two_sent'; attempt: number; index: number; packages: readonly RoundTwo[] }
  | { type: 'certified'; attempt: number; index: number; body: CertificateBody; answer: Certified }
  | { type: 'refused'; attempt: number; index: number; code: RefusalCode; culprits: readonly number[] }
  | { type: 'time_passed'; now: number }

/** What is owed. `find_hosts` is answered by the coordinator from what it knows; the others go to the participant's enclave. */
export type KeygenEffect =
  | { type: 'find_hosts' }
  | { type: 'round1'; attempt: number; index: number }
  | { type: 'round2'; attempt: number; index: number; messages: readonly RoundOne[] }
  | { type: 'round3'; attempt: number; index: number; packages: readonly RoundTwo[] }
