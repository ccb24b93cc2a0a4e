import { verifyRequest } from '@quorate/shared/verify/signing'
import { judgeItem, permitsItem, requireSealedItems, type Judged } from '@quorate/shared/verify/items'
import { isFresh } from '@quorate/shared/consent/times'
import { ownedKey } from '@quorate/shared/consent/permits'
import { Refusal } from '@quorate/shared/errors'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RequestBody, SigningRequest } from '@quorate/shared/wire/signing'
import { identifyAsk, type ClientAsk } from '../bunker/ask.ts'
import { standingOfAsker, standingOfClient, type Standing } from '../bunker/standing.ts'
import type { Parts } from '../parts.ts'
import type { HeldKey, OpenKey } from '../vault.ts'

/**
 * A verified request R, and who asks. `judge`: what is to be signed, item by item. `standing`: what an owner's book says of each item at
 * `now` (ms). `ask`: null where a participant asks. `weight`: characters of what it keeps sealed.
 */
export type Asked = Readonly<{
  request: RequestBody
  requestDigest: Digest
  ask: ClientAsk | null
  weight: number
  judge: (key: OpenKey) => readonly Judged[]
  standing: (index: number, now: number) => readonly Standing[]
}>

/**
 * What a participant's sealed items are. Throws `seal.invalid` or `content.mismatch` for other sealed items than the asker signed for.
 */
export const judgeSealed =
  (request: RequestBody, sealedItems: readonly string[]): Asked['judge'] =>
  (open) => {
    requireSealedItems(request, sealedItems)
    return sealedItems.map((sealed, at) => judgeItem(open, open.sessionSecret, request, at, sealed))
  }

/**
 * Checks who asks. `now` (ms) holds it against the time too; null is for what may have
 * ended. Throws as `verifyRequest` and `identifyAsk`.
 */
export async function identify(
  parts: Parts,
  key: HeldKey,
  request: SigningRequest,
  sealedItems: readonly string[],
  now: number | null,
): Promise<Asked> {
  const { body } = request
  if (typeof body.asker !== 'number') return identifyClient(parts, key, request, sealedItems, now)
  const requestDigest = await verifyRequest(key, request, now)
  const judge = judgeSealed(body, sealedItems)
  const contents = () =>
    parts.vault.lend(body.keyId, key.index, judge).map((judged) => ('code' in judged ? null : judged.item.content))
  const owned = ownedKey(key.certificate.roster)
  const standing = (index: number, at: number) =>
    standingOfAsker(parts.bunker, key, owned, { request: body, contents }, index, at)
  const weight = sealedItems.reduce((sum, sealed) => sum + sealed.length, 0)
  return { request: body, requestDigest, ask: null, weight, judge, standing }
}

function identifyClient(
  parts: Parts,
  key: HeldKey,
  request: SigningRequest,
  sealedItems: readonly string[],
  now: number | null,
): Asked {
  const { body } = request
  const { signers } = parts.bunker
  const { requestDigest, ask } = identifyAsk({ ...parts, signers }, key, request, sealedItems)
  if (now !== null && !isFresh(body.askedAt, body.expiresAt, now)) throw new Refusal('consent.expired')
  return askedByClient(parts, key, { ask, request: body, requestDigest })
}

/** What a program asks for, once it is known to be that. */
export function askedByClient(
  parts: Parts,
  key: HeldKey,
  { ask, request, requestDigest }: Readonly<{ ask: ClientAsk; request: RequestBody; requestDigest: Digest }>,
): Asked {
  const judge = (open: OpenKey): Judged[] => [
    permitsItem(open, ask.item) ? { item: ask.item } : { code: 'content.not_permitted' },
  ]
  const standing = (index: number, at: number) => [standingOfClient(parts.bunker, key, ask, index, at)]
  return { request, requestDigest, ask, weight: 0, judge, standing }
}
