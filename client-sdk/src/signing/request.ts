import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import { signersOfItems } from '@quorate/shared/verify/signers'
import { toHex } from '@quorate/shared/wire/bytes'
import { Approval } from '@quorate/shared/wire/consent'
import type { Digest } from '@quorate/shared/wire/ids'
import type { Item } from '@quorate/shared/wire/content'
import { RequestBody, SigningRequest, Withdrawal } from '@quorate/shared/wire/signing'
import { invalid } from '../errors.ts'
import { randomBytes } from '../random.ts'
import type { Key } from '../key.ts'
import type { KeySigner } from '../signer.ts'
import { sealItems } from './items.ts'

/** A request and its items, checked as an approver should before saying anything. */
export type OpenedRequest = Readonly<{ request: SigningRequest; requestDigest: Digest; items: readonly Item[] }>

/** Draws a signing id and writes the signed request with its sealed items. Throws `request.invalid`, for instance for too many items, and `subgroup.unknown`. */
export async function writeRequest(
  key: Key,
  asker: Readonly<{ index: number; signer: KeySigner }>,
  items: readonly Item[],
  { lives, askedAt, expiresAt }: Readonly<{ lives: string[]; askedAt: number; expiresAt: number }>,
): Promise<OpenedRequest & Readonly<{ sealedItems: string[] }>> {
  const signingId = toHex(randomBytes(16))
  const { named, sealedItems } = sealItems(key, signingId, items)
  const body = RequestBody.safeParse({
    signingId,
    keyId: key.keyId,
    certificateDigest: key.digest,
    epoch: key.certificate.body.epoch,
    asker: asker.index,
    ...named,
    lives,
    askedAt,
    expiresAt,
  })
  if (!body.success) throw invalid(body.error)
  signersOfItems(key.certificate.body.roster.skeleton, body.data)
  const request = SigningRequest.parse(await signBody(asker.signer, 'request', body.data))
  return { request, requestDigest: digestOf('request', request.body), items, sealedItems }
}

/** A participant's signed word on R. */
export async function writeApproval(
  key: Key,
  requestDigest: Digest,
  who: Readonly<{ index: number; signer: KeySigner }>,
  word: Readonly<Pick<Approval['body'], 'decisions' | 'reason' | 'lives' | 'givenAt' | 'expiresAt'>>,
): Promise<Approval> {
  const skeletonDigest = digestOf('skeleton', key.certificate.body.roster.skeleton)
  const scope = { kind: 'request', requestDigest }
  const body = Approval.shape.body.parse({ skeletonDigest, index: who.index, scope, ...word })
  return Approval.parse(await signBody(who.signer, 'consent', body))
}

/** The asker's signed word that its request R is not to be signed any more. `withdrawnAt` in ms. */
export const writeWithdrawal = async (
  requestDigest: Digest,
  signer: KeySigner,
  withdrawnAt: number,
): Promise<Withdrawal> => Withdrawal.parse(await signBody(signer, 'withdrawal', { requestDigest, withdrawnAt }))
