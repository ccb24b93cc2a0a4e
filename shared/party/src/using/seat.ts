import { Refusal } from '@quorate/shared/errors'
import type { Use } from '@quorate/shared/schemes/scheme'
import { useOf } from '@quorate/shared/schemes/cryptography'
import type { Signers } from '@quorate/shared/verify/signers'
import type { Task } from '@quorate/shared/verify/task'
import type { LogEntry } from '@quorate/shared/wire/bunker'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Commitment, Outcome, Partial, RequestBody } from '@quorate/shared/wire/signing'
import { requireInForceNow } from '../in-force.ts'
import type { Parts } from '../parts.ts'
import type { AtOnce, HeldKey, OpenKey } from '../vault.ts'
import type { Asked } from './identify.ts'
import type { Nonce } from './stocks.ts'
import type { Declined } from './tasks.ts'

/** A participant's place in the present attempt: its commitment, its nonces by item, and what it says, under V, once they were spent. */
export type Seat = {
  attempt: number
  commitment: Commitment
  nonces: readonly (Nonce | null)[]
  spent: {
    packageDigest: Digest
    partial: Partial['body'] | null
    /** Where a program asks. */
    entry?: Promise<LogEntry>
  } | null
}

export function destroyNonces(seat: Seat | undefined): void {
  for (const nonce of seat?.nonces ?? []) nonce?.destroy()
}

export type Signing = {
  request: RequestBody
  requestDigest: Digest
  asked: Asked
  /** Who signs each item. */
  signers: readonly Signers[]
  /** One per item of the request. */
  tasks: readonly (Task | Declined)[]
  seats: Map<number, Seat>
  /** Per index the items (0…) for which its standing grant has been charged: another attempt at them costs it nothing. */
  charged: Map<number, ReadonlySet<number>>
  /** Indices that have given their receipt. */
  confirmed: Set<number>
  /** The package that this host has joined the partials of, and what came of it. */
  joined: Readonly<{ packageDigest: Digest; outcomes: readonly Outcome[] }> | null
}

/** Of the very certificate that the request names, which is the one in force. Throws `epoch.stale`, `epoch.unproven`. */
function requireInForce({ memories }: Parts, { certificateDigest }: RequestBody, key: HeldKey): void {
  if (certificateDigest !== key.digest) throw new Refusal('epoch.stale')
  requireInForceNow(memories, key)
}

/**
 * The key of participant `index`, at the version in force, which the request names. Throws `key.unknown`, `epoch.stale`, and
 * `epoch.unproven` as long as this life does not know which version is in force.
 */
export function keyOf(parts: Parts, request: RequestBody, index: number): HeldKey {
  const key = parts.vault.key(request.keyId, index)
  requireInForce(parts, request, key)
  return key
}

/** The same, with its share, for the time of this call. Throws as `keyOf`. */
export const lendFor = <T>(parts: Parts, request: RequestBody, index: number, use: (key: OpenKey) => AtOnce<T>): T =>
  parts.vault.lend(request.keyId, index, (key) => {
    requireInForce(parts, request, key)
    return use(key)
  })

/** What the shares of a key do for a task. */
export const useFor = ({ mpc }: Parts, { certificate }: HeldKey, { use }: Task): Use =>
  useOf(mpc, certificate.roster.skeleton.scheme, use)
