import type { RefusalCode } from '@quorate/shared/errors'
import type { EnclaveId, KeyId, RefreshId } from '@quorate/shared/wire/ids'
import type { Certificate, SealedShare } from '@quorate/shared/wire/keygen'
import type { Installed, Prepared, RefreshRequest } from '@quorate/shared/wire/refresh'
import type { Inbox, Round, RoundEffect, RoundEvent } from '../rounds/rounds.ts'

/** How often each host has been asked in vain. */
type Tries = Readonly<{ tries: Inbox<number> }>

/**
 * `gathering` waits until every host is there; `away` are the indices of those that are not. `preparing` has the shares of the
 * new epoch until it is saved: then they stand with the key. `inForce`: all hosts had prepared before, so that the new epoch
 * is the key's, and this goes on until all have installed it.
 */
export type RefreshPhase =
  | Readonly<{ name: 'gathering'; away: readonly number[] }>
  | Readonly<{ name: 'refreshing'; round: Round }>
  | (Readonly<{
      name: 'preparing'
      certificate: Certificate
      shares: readonly SealedShare[]
      prepared: Inbox<Prepared>
      inForce: boolean
    }> &
      Tries)
  | (Readonly<{
      name: 'installing'
      certificate: Certificate
      prepared: readonly Prepared[]
      installed: Inbox<Installed>
    }> &
      Tries)
  | Readonly<{
      name: 'completed'
      certificate: Certificate
      prepared: readonly Prepared[]
      installed: readonly Installed[]
    }>
  | Readonly<{ name: 'failed'; code: RefusalCode; culprits: readonly number[] }>

/** A refresh as it is stored. Nothing in it is secret to the gateway. `hosts`: where participant k is, at k−1. */
export type RefreshSession = Readonly<{
  refreshId: RefreshId
  keyId: KeyId
  request: RefreshRequest
  hosts: readonly EnclaveId[]
  attempt: number
  phase: RefreshPhase
}>

/** What happened. An answer to `prepare` or `install` is good whenever it comes: it names the version itself. */
export type RefreshEvent =
  | { type: 'hosts_seen'; available: readonly EnclaveId[] }
  | RoundEvent
  | { type: 'prepared'; index: number; prepared: Prepared }
  | { type: 'installed'; index: number; installed: Installed }
  | { type: 'refused'; attempt: number; index: number; code: RefusalCode; culprits: readonly number[] }
  | { type: 'time_passed'; now: number }

type Step = Readonly<{ attempt: number; index: number; tries: number; certificate: Certificate }>

/** What is owed. `find_hosts` is answered by the coordinator from what it knows; the others go to the participant's enclave. */
export type RefreshEffect =
  | { type: 'find_hosts' }
  | RoundEffect
  | ({ type: 'prepare' } & Step)
  | ({ type: 'install'; prepared: readonly Prepared[] } & Step)
