import type { RefusalCode } from '@quorate/shared/errors'
import type { EnclaveId, KeyId, Scheme, UserId } from '@quorate/shared/wire/ids'
import type { EnclaveIdentity } from '@quorate/shared/wire/identity'
import type { Certificate, RegistrationReceipt, SealedShare, Skeleton } from '@quorate/shared/wire/keygen'
import type { Inbox, Round, RoundEffect, RoundEvent } from '../rounds/rounds.ts'

/** Where a participant was put: the identity is the one that its enclave had when the key was reserved. */
export type Place = Readonly<{ userId: UserId; index: number; host: EnclaveIdentity }>

/** A registration as it was sealed to its enclave, and what the enclave said to it. */
export type Registered = Readonly<{ sealed: string; receipt: RegistrationReceipt }>

/** The client's sealed part for one enclave, kept to bring the enclave back after a restart. */
export type SealedInit = Readonly<{ enclaveId: EnclaveId; sealed: string }>

/** `gathering` waits until every host is there; an attempt begins anew from round one on all of them. */
export type KeygenRound = Readonly<{ name: 'gathering' }> | Round

type Fixed = Readonly<{ skeleton: Skeleton; inits: readonly SealedInit[]; registrations: Inbox<Registered> }>

export type KeygenPhase =
  | Readonly<{ name: 'reserved'; initBy: number }>
  | (Readonly<{ name: 'collecting_participants' }> & Fixed)
  | (Readonly<{ name: 'key_generation'; attempt: number; round: KeygenRound }> & Fixed)
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
  | RoundEvent
  | { type: 'refused'; attempt: number; index: number; code: RefusalCode; culprits: readonly number[] }
  | { type: 'time_passed'; now: number }

/** What is owed. `find_hosts` is answered by the coordinator from what it knows; the others go to the participant's enclave. */
export type KeygenEffect = { type: 'find_hosts' } | RoundEffect
