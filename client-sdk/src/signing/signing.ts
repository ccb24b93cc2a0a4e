import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { Item } from '@quorate/shared/wire/content'
import { isSignedBy } from '@quorate/shared/consent/signed'
import type { Approval } from '@quorate/shared/wire/consent'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import type { Context } from '../context.ts'
import type { Signer } from '@quorate/shared/crypto/sign'
import { QuorateError, refuse, refusing } from '../errors.ts'
import { follow, type Following, type WaitOptions } from '../following.ts'
import { sessionSecretOf, type Key } from '../key.ts'
import { writeWithdrawal } from './request.ts'
import type { SignatureResult } from './result.ts'
import { waitingFor, type WaitingFor } from './waiting-for.ts'
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
  const { registrations } = key.certificate.body.roster
  const checked = await Promise.all(
    approvals.map(async (approval) => {
      const { index, scope } = approval.body
      const owner = registrations[index - 1]?.body
      const isSound = scope.requestDigest === requestDigest && owner && (await isSignedBy(owner, approval))
      return isSound ? [approval] : []
    }),
  )
  return checked.flat()
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
  readonly #signer: Signer | null

  /** `signer`: of the participant who asks, for that one alone. */
  constructor(context: Context, key: Key, opened: OpenedRequest, signer: Signer | null = null) {
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
    this.#signer = signer
    this.#following = followSigning(context, key, body.signingId)
  }

  /** What the gateway says of it now. */
  async status(options: Pick<WaitOptions, 'signal'> = {}): Promise<SigningStatus> {
    return this.#following.status(options)
  }

  /**
   * Whose consent is missing, and why: computed here, from the approvals that verify and the grants in the certificate. A gateway
   * that keeps an approval back is not found out by it.
   */
  async waitingFor(options: Pick<WaitOptions, 'signal'> = {}): Promise<WaitingFor> {
    const { approvals } = await this.status(options)
    const sound = await soundApprovals(this.key, this.requestDigest, approvals)
    return waitingFor(this.key, this.#opened, sound, this.#context.now())
  }

  /** The states as they come, until the end. */
  watch(options: Pick<WaitOptions, 'signal'> = {}): AsyncGenerator<SigningStatus, void, undefined> {
    return this.#following.watch(options)
  }

  /**
   * Takes the own request back, as who asked: no host that hears of it signs it any more. It then ends as `signing.withdrawn`. Throws
   * `participant.unknown` for anybody else, and `session.conflict` when it has ended, or its signature is there.
   */
  async withdraw({ signal }: Pick<WaitOptions, 'signal'> = {}): Promise<void> {
    return refusing(async () => {
      const { signingId } = this
      const { client, now } = this.#context
      if (this.#signer === null) return refuse('participant.unknown')
      const body = await writeWithdrawal(this.requestDigest, this.#signer, now())
      const status = await client.call('withdrawSigning', { params: { signingId }, body, signal })
      if (status.signingId !== signingId) return refuse('reply.mismatch')
      if (status.failure?.code !== 'signing.withdrawn') return refuse('session.conflict')
    })
  }

  /**
   * Waits for the end and verifies it, item by item, with its receipts. An item may have been refused: the lists of the result
   * throw then. Throws `wait.timeout`, why all of it failed, or what is wrong with it.
   */
  async completed(options: WaitOptions = {}): Promise<SignatureResult> {
    return refusing(async () => {
      const status = await this.#following.ended(options)
      if (status.state !== 'completed') throw new QuorateError('signing.expired', 'gateway')
      const { mpc, trust, lives } = this.#context
      const result = await acceptSignatures({ mpc: await mpc(), trust }, this.key, this.#opened, status)
      const { participants } = this.key.certificate.body.roster.skeleton
      for (const { body } of result.receipts) {
        const host = participants[body.index - 1]?.host.identity
        if (host !== undefined) lives.see(host, body.life, body.signedAt)
      }
      return result
    })
  }
}
