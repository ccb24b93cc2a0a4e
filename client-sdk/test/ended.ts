import { openSignature } from '@quorate/shared/crypto/session-items'
import { longestResult } from '@quorate/shared/schemes/table'
import { fromBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import type { ItemFailure, ItemResult, Outcome } from '@quorate/shared/wire/signing'
import type { Key } from '../src/index.ts'
import { writeReceipts, type Fleet } from './fleet.ts'
import type { Gateway } from './gateway.ts'

export type Status = RouteReply<'getSigning'>
export type Failures = Readonly<Record<number, ItemFailure>>

/** By alice and bob. */
export const quorum = [1, 2]

/**
 * Results and receipts as the quorum gives them when it says this of some items (0…) of a signing that it has done, and leaves the
 * others as they are. `sealed`: what every item's signature is.
 */
export async function endWith(fleet: Fleet, gateway: Gateway, status: Status, key: Key, failures: Failures) {
  const { secret, made } = gateway.keygens.get(key.keyId)!
  const { body } = made!.certificate
  const sealed = status.results!
  const outcomes = sealed.map((result, at): Outcome => {
    if ('code' in result) return result
    const opened = openSignature(secret!, status.signingId, at, fromBase64url(result.sealedSignature), longestResult)
    return failures[at] ?? toHex(opened)
  })
  const results = sealed.map((result, at): ItemResult => failures[at] ?? result)
  return { sealed, results, receipts: await writeReceipts(fleet, body, status.request, quorum, outcomes) }
}
export type Ended = Awaited<ReturnType<typeof endWith>>
