import { Refusal } from '@quorate/shared/errors'
import type { Mpc } from '@quorate/shared/mpc'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Commitment, Partial, RequestBody } from '@quorate/shared/wire/signing'
import type { EnclaveLog } from '../events.ts'
import type { GrantUses } from '../policy/grant-uses.ts'
import { maySign, versionOf } from '../vault/epochs.ts'
import type { Memories } from '../vault/memories.ts'
import type { OpenKey, Shares } from '../vault/shares.ts'
import type { Vault } from '../vault/vault.ts'
import type { Declined, Task } from './content.ts'
import type { Nonces } from './nonces.ts'

/** A participant's place in the present attempt: its commitment, its nonces, and what it answered once they were spent. */
export type Seat = {
  attempt: number
  commitment: Commitment
  nonces: Nonces
  spent: { packageDigest: string; partial: Partial | null; commitments: readonly Commitment[] } | null
}

export type Signing = {
  request: RequestBody
  requestDigest: Digest
  /** One per item of the request. */
  tasks: readonly (Task | Declined)[]
  seats: Map<number, Seat>
  /** Per index the items (0…) for which its standing grant has been charged: another attempt at them costs it nothing. */
  charged: Map<number, ReadonlySet<number>>
  /** Indices that have given their receipt. */
  confirmed: Set<number>
  /** Digest of the sealed results that this enclave has aggregated and thereby verified. */
  aggregated: string | null
}

export type SigningPorts = Readonly<{
  mpc: Mpc
  vault: Vault
  shares: Shares
  memories: Memories
  grants: GrantUses
  measurements: Readonly<Record<string, string>>
  /** When this life of the enclave began (ms). */
  startedAt: number
  clock: () => number
  log: EnclaveLog
}>

/**
 * The share of participant `index`, of the very certificate that the request names, which is the one in force. Its buffers are the
 * vault's, which wipes them when the share is loaded again or makes room: ask anew after every `await`. Throws `key.unknown`,
 * `epoch.stale`, and `epoch.unproven` as long as this life does not know which version is in force.
 */
export function keyOf({ shares, memories }: SigningPorts, request: RequestBody, index: number): OpenKey {
  const key = shares.get(request.keyId, index)
  if (request.certificateDigest !== key.digest) throw new Refusal('epoch.stale')
  const memory = memories.of(request.keyId)
  if (!maySign(memory, versionOf(key))) throw new Refusal(memory.current === null ? 'epoch.unproven' : 'epoch.stale')
  return key
}
