import { verifyInstalled, verifyPrepared } from '@quorate/shared/verify/refresh'
import type { RefreshRequest, RefreshState } from '@quorate/shared/wire/refresh'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import type { Context } from '../context.ts'
import { QuorateError, refuse, refusing } from '../errors.ts'
import { followStatus, waitUntil, type WaitOptions } from '../http/wait.ts'
import { sessionSecretOf, verifiedKey, type Key } from '../key.ts'
import { succeed } from './successor.ts'

export type RefreshStatus = RouteReply<'getRefresh'>

const over: readonly RefreshState[] = ['completed', 'failed']
const ended = ({ state }: RefreshStatus): boolean => over.includes(state)

/** New shares in the making, of the same key. `key` goes on signing until they are installed. */
export class Refresh {
  readonly refreshId: RefreshRequest['body']['refreshId']
  readonly key: Key
  readonly request: RefreshRequest
  /** Until when all hosts must be ready for the new epoch; after that they go on until all are at it. */
  readonly expiresAt: number
  readonly #context: Context

  constructor(context: Context, key: Key, request: RefreshRequest) {
    this.refreshId = request.body.refreshId
    this.key = key
    this.request = request
    this.expiresAt = request.body.expiresAt
    this.#context = context
  }

  /** What the gateway says of it now. */
  async status({ signal }: Pick<WaitOptions, 'signal'> = {}): Promise<RefreshStatus> {
    return this.#poll({}, signal)
  }

  /** The states as they come, until the end. */
  watch({ signal }: Pick<WaitOptions, 'signal'> = {}): AsyncGenerator<RefreshStatus, void, undefined> {
    return followStatus((query) => this.#poll(query, signal), ended, signal)
  }

  /**
   * Waits until every host has installed its new share, and gives the key at its new epoch: the certificate follows that of
   * `key`, and the words of all hosts verify, that they are ready and, over these very words, that they have installed. From then
   * on no old share signs. Throws `wait.timeout`, why it failed, `certificate.invalid` or `receipt.invalid`.
   */
  async completed(options: WaitOptions = {}): Promise<Key> {
    return refusing(async () => {
      const status = await waitUntil((wait) => this.#poll({ wait }, options.signal), ended, options)
      if (status.failure !== null) throw new QuorateError(status.failure.code, 'gateway', status.failure)
      if (status.certificate === null) return refuse('reply.invalid')
      const key = await succeed(await this.#context.mpc(), this.key, status.certificate)
      const preparedDigest = await verifyPrepared(verifiedKey(key), status.prepared)
      await verifyInstalled(verifiedKey(key), preparedDigest, status.installed)
      return key
    })
  }

  async #poll(query: Record<string, string>, signal?: AbortSignal): Promise<RefreshStatus> {
    const { keyId } = this.key
    const { refreshId } = this
    const reader = await this.#context.readerOf(keyId, sessionSecretOf(this.key))
    const status = await reader('getRefresh', { params: { keyId, refreshId }, query, signal })
    return status.refreshId === refreshId && status.keyId === keyId ? status : refuse('reply.mismatch')
  }
}
