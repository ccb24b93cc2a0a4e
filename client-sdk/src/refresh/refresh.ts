import { verifyInstalled, verifyPrepared } from '@quorate/shared/verify/refresh'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import type { Context } from '../context.ts'
import { refuse, refusing } from '../errors.ts'
import { follow, unlessFailed, type Following, type WaitOptions } from '../following.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'
import { succeed } from './successor.ts'

/** New shares in the making, of the same key. `key` goes on signing until they are installed. */
export class Refresh {
  readonly refreshId: RefreshRequest['body']['refreshId']
  readonly key: Key
  readonly request: RefreshRequest
  /** Until when all hosts must be ready for the new epoch; after that they go on until all are at it. */
  readonly expiresAt: number
  readonly #context: Context
  readonly #following: Following<RefreshStatus>

  constructor(context: Context, key: Key, request: RefreshRequest) {
    const { refreshId } = request.body
    const { keyId } = key
    this.refreshId = refreshId
    this.key = key
    this.request = request
    this.expiresAt = request.body.expiresAt
    this.#context = context
    this.#following = follow({ refreshId, keyId }, async (more) => {
      const reader = await context.readerOf(keyId, sessionSecretOf(key))
      return reader('getRefresh', { params: { keyId, refreshId }, ...more })
    })
  }

  /** What the gateway says of it now. */
  async status(options: Pick<WaitOptions, 'signal'> = {}): Promise<RefreshStatus> {
    return this.#following.status(options)
  }

  /** The states as they come, until the end. */
  watch(options: Pick<WaitOptions, 'signal'> = {}): AsyncGenerator<RefreshStatus, void, undefined> {
    return this.#following.watch(options)
  }

  /**
   * Waits until every host has installed its new share, and gives the key at its new epoch: the certificate follows that of
   * `key`, and the words of all hosts verify, that they are ready and, over these very words, that they have installed. From then
   * on no old share signs. Throws `wait.timeout`, why it failed, `certificate.invalid` or `receipt.invalid`.
   */
  async completed(options: WaitOptions = {}): Promise<Key> {
    return refusing(async () => {
      const status = unlessFailed(await this.#following.ended(options))
      if (status.certificate === null) return refuse('reply.invalid')
      const key = await succeed(await this.#context.mpc(), this.key, status.certificate)
      const preparedDigest = await verifyPrepared(verifiedKey(key), status.prepared)
      await verifyInstalled(verifiedKey(key), preparedDigest, status.installed)
      this.#context.known.note(key)
      return key
    })
  }
}
