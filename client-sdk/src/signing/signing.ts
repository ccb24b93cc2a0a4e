import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { Item } from '@quorate/shared/wire/content'
import type { Approval, SigningRequest, SigningState } from '@quorate/shared/wire/signing'
import { verifyApproval } from '@quorate/shared/verify/signing'
import type { Context } from '../context.ts'
import { QuorateError, refuse, refusing } from '../errors.ts'
import { followStatus, waitUntil, type WaitOptions } from '../http/wait.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'
import type { SignatureResult } from './result.ts'
import { acceptSignatures, type OpenedRequest, type SigningStatus } from './verify.ts'

const over: readonly SigningState[] = ['completed', 'failed', 'expired']
const ended = ({ state }: SigningStatus): boolean => over.includes(state)

export async function readSigning(
  context: Context,
  key: Key,
  signingId: string,
  query: Record<string, string>,
  signal?: AbortSignal,
): Promise<SigningStatus> {
  const reader = await context.readerOf(key.keyId, sessionSecretOf(key))
  const status = await reader('getSigning', { id: signingId, query, signal })
  return status.signingId === signingId && status.keyId === key.keyId ? status : refuse('reply.mismatch')
}

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
  }

  /** What the gateway says of it now. */
  async status({ signal }: Pick<WaitOptions, 'signal'> = {}): Promise<SigningStatus> {
    return readSigning(this.#context, this.key, this.signingId, {}, signal)
  }

  /** The states as they come, until the end. */
  watch({ signal }: Pick<WaitOptions, 'signal'> = {}): AsyncGenerator<SigningStatus, void, undefined> {
    const poll = (query: Record<string, string>) => readSigning(this.#context, this.key, this.signingId, query, signal)
    return followStatus(poll, ended, signal)
  }

  /**
   * Waits for the end and verifies it, item by item, with its receipts. An item may have been refused: the lists of the result
   * throw then. Throws `wait.timeout`, why all of it failed, or what is wrong with it.
   */
  async completed(options: WaitOptions = {}): Promise<SignatureResult> {
    return refusing(async () => {
      const poll = (wait: string) => readSigning(this.#context, this.key, this.signingId, { wait }, options.signal)
      const status = await waitUntil(poll, ended, options)
      if (status.failure !== null) throw new QuorateError(status.failure.code, 'gateway', status.failure)
      if (status.state !== 'completed') throw new QuorateError('signing.expired', 'gateway')
      const { mpc, trust } = this.#context
      return acceptSignatures({ mpc: await mpc(), trust }, this.key, this.#opened, status)
    })
  }
}
