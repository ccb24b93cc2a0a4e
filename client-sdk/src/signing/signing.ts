import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { Item } from '@quorate/shared/wire/content'
import type { Approval, SigningRequest } from '@quorate/shared/wire/signing'
import { verifyApproval } from '@quorate/shared/verify/signing'
import type { Context } from '../context.ts'
import { QuorateError, refusing } from '../errors.ts'
import { follow, type Following, type WaitOptions } from '../following.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'
import type { SignatureResult } from './result.ts'
import { acceptSignatures, type OpenedRequest, type SigningStatus } from './verify.ts'

/** Follows a signing of this key. */
export const followSigning = (context: Context, key: Key, signingId: string): Following<SigningStatus> =>
  follow({ signingId: signingId as SigningId, keyId: key.keyId }, async (more) => {
    const reader = await context.readerOf(key.keyId, sessionSecretOf(key))
    return reader('getSigning', { params: { signingId }, ...more })
  })

/** The approvals and rejections that are really of this request and of its participants. */
export async function soundApprovals(
  key: Key,
  requestDigest: Digest,
  approvals: readonly Approval[],
): Promise<Approval[]> {
  const checked = await Promise.all(
    approvals.map((approval) =>
      verifyApproval(verifiedKey(key), requestDigest, approval, 0).then(
        () => approval,
        () => null,
      ),
    ),
  )
  return checked.filter((approval) => approval !== null)
}

/** A request for signatures that has been checked: `items` is what will be signed, and nothing else. */
export class Signing {
  readonly signingId: SigningId
  readonly key: Key
  readonly request: SigningRequest
  /** R, hex: what an approval approves. */
  readonly requestDigest: Digest
  readonly items: readonly Item[]
  /** User id of the participant who asks. */
  readonly asker: string
  readonly expiresAt: number
  readonly #context: Context
  readonly #opened: OpenedRequest
  readonly #following: Following<SigningStatus>

  constructor(context: Context, key: Key, opened: OpenedRequest) {
    const { body } = opened.request
    this.signingId = body.signingId
    this.key = key
    this.request = opened.request
    this.requestDigest = opened.requestDigest
    this.items = opened.items
    this.asker = key.participants[body.asker - 1] ?? ''
    this.expiresAt = body.expiresAt
    this.#context = context
    this.#opened = opened
    this.#following = followSigning(context, key, body.signingId)
  }

  /** What the gateway says of it now. */
  async status(options: Pick<WaitOptions, 'signal'> = {}): Promise<SigningStatus> {
    return this.#following.status(options)
  }

  /** The states as they come, until the end. */
  watch(options: Pick<WaitOptions, 'signal'> = {}): AsyncGenerator<SigningStatus, void, undefined> {
    return this.#following.watch(options)
  }

  /**
   * Waits for the end and verifies it, item by item, with its receipts. An item may have been refused: the lists of the result
   * throw then. Throws `wait.timeout`, why all of it failed, or what is wrong with it.
   */
  async completed(options: WaitOptions = {}): Promise<SignatureResult> {
    return refusing(async () => {
      const status = await this.#following.ended(options)
      if (status.state !== 'completed') throw new QuorateError('signing.expired', 'gateway')
      const { mpc, trust } = this.#context
      return acceptSignatures({ mpc: await mpc(), trust }, this.key, this.#opened, status)
    })
  }
}
