import { signBody, type Signer } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import { RefreshRequest, RefreshRequestBody } from '@quorate/shared/wire/refresh'
import { invalid } from '../errors.ts'
import type { Key } from '../key.ts'
import { randomBytes } from '../random.ts'

/** Draws a refresh id and signs the wish for new shares of this key, at the epoch after its own. Times in ms. */
export async function writeRefreshRequest(
  key: Key,
  asker: Readonly<{ index: number; signer: Signer }>,
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
