import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import { verifyRefreshRequest } from '@quorate/shared/verify/refresh'
import { toHex } from '@quorate/shared/wire/bytes'
import { Seconding } from '@quorate/shared/wire/consent'
import { RefreshRequest, RefreshRequestBody } from '@quorate/shared/wire/refresh'
import { invalid, refuse } from '../errors.ts'
import { verifiedKey, type Key } from '../key.ts'
import { randomBytes } from '../random.ts'
import type { KeySigner } from '../signer.ts'

/** Draws a refresh id and signs the wish for new shares of this key, at the epoch after its own. Times in ms. */
export async function writeRefreshRequest(
  key: Key,
  asker: Readonly<{ index: number; signer: KeySigner }>,
  { askedAt, expiresAt }: Readonly<{ askedAt: number; expiresAt: number }>,
): Promise<RefreshRequest> {
  const body = RefreshRequestBody.safeParse({
    refreshId: toHex(randomBytes(16)),
    keyId: key.keyId,
    certificateDigest: key.digest,
    epoch: key.certificate.body.epoch,
    asker: asker.index,
    askedAt,
    expiresAt,
  })
  if (!body.success) throw invalid(body.error)
  return RefreshRequest.parse(await signBody(asker.signer, 'refresh', body.data))
}

/**
 * Signs a request of somebody else for this key too, as a second participant does. Throws `refresh.request_invalid` for what is not a
 * request of another participant, `epoch.stale`, `consent.expired`. `givenAt` in ms.
 */
export async function secondRequest(
  key: Key,
  request: RefreshRequest,
  { index, signer }: Readonly<{ index: number; signer: KeySigner }>,
  givenAt: number,
): Promise<RefreshRequest> {
  const { body, signature } = RefreshRequest.parse(request)
  const requestDigest = await verifyRefreshRequest(verifiedKey(key), { body, signature }, givenAt)
  if (body.asker === index) return refuse('refresh.request_invalid', [index])
  const word = Seconding.shape.body.parse({
    skeletonDigest: digestOf('skeleton', key.certificate.body.roster.skeleton),
    index,
    scope: { kind: 'refresh', requestDigest },
    decision: 'approve',
    reason: null,
    givenAt,
    expiresAt: body.expiresAt,
  })
  return { body, signature, seconded: Seconding.parse(await signBody(signer, 'consent', word)) }
}
