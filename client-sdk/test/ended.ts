import { toHex } from '@quorate/shared/wire/bytes'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import type { ItemFailure, ItemResult, Outcome } from '@quorate/shared/wire/signing'
import type { Key } from '../src/index.ts'
import { openItems, sealSignatures, signItems, writeReceipts, type Fleet } from './fleet.ts'
import type { Gateway } from './gateway.ts'

export type Status = RouteReply<'getSigning'>
export type Failures = Readonly<Record<number, ItemFailure>>

/** By alice and bob. */
export const quorum = [1, 2]

/**
 * Results and receipts as the quorum gives them when it says this of some items (0…) and signs the others. `sealed`: what every
 * item's signature would be.
 */
export async function endWith(fleet: Fleet, gateway: Gateway, status: Status, key: Key, failures: Failures) {
  const { secret, dealt, certificate } = gateway.keygens.get(key.keyId)!
  const { body } = certificate!
  const items = openItems(secret!, status.request, status.sealedItems)
  const signatures = signItems(fleet, body, dealt!, quorum, items)
  const sealed = sealSignatures(secret!, status.signingId, signatures)
  const outcomes: Outcome[] = signatures.map((signature, at) => failures[at] ?? toHex(signature))
  const results: ItemResult[] = sealed.map((result, at) => failures[at] ?? result)
  return { sealed, results, receipts: await writeReceipts(fleet, body, status.request, quorum, outcomes) }
}
export type Ended = Awaited<ReturnType<typeof endWith>>
