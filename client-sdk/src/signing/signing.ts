import type { Digest, SigningId } from '@quorate/shared/wire/ids'
import type { Item } from '@quorate/shared/wire/content'
import { askerOf, ownedKey } from '@quorate/shared/consent/permits'
import { isSignedBy } from '@quorate/shared/consent/signed'
import type { Approval } from '@quorate/shared/wire/consent'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import type { Context } from '../context.ts'
import { QuorateError, refuse, refusing } from '../errors.ts'
import { follow, type Following, type WaitOptions } from '../following.ts'
import { sessionSecretOf, type Key } from '../key.ts'
import type { KeySigner } from '../signer.ts'
import { failureOf, rejectionsIn } from './rejections.ts'
import { writeWithdrawal } from './request.ts'
import type { SignatureResult } from './result.ts'
import { waitingFor, type WaitingFor } from './waiting-for.ts'
import type { OpenedRequest } from './request.ts'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'
import { acceptSignatures } from './verify.ts'

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

/** `onAskedAgain` is told of the signing that was asked for in place of this one. */
export type CompletionOptions = WaitOptions & Readonly<{ onAskedAgain?: ((signing: Signing) => void) | undefined }>

/** What only who asks has. `again`: asks for the same once more, in a request of its own. */
type Asker = Readonly<{
  signer?: KeySigner | null
  again?: (options: Pick<WaitOptions, 'signal'>) => Promise<Signing>
}>

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
  readonly #asker: Asker
  #next: Promise<Signing> | null = null

  /** `asker`: for the participant who asks alone. */
  constructor(context: Context, key: Key, opened: OpenedRequest, asker: Asker = {}) {
    const { body } = opened.request
    this.signingId = body.signingId
    this.key = key
    this.request = opened.request
    this.requestDigest = opened.requestDigest
    this.items = opened.items
    this.asker = askerOf(ownedKey(key.certificate.body.roster), body)?.userId ?? ''
    this.expiresAt = body.expiresAt
    this.#context = context
    this.#opened = opened
    this.#asker = asker
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
   * Takes the own request back, as who asked: no host that hears of it signs it any more. It then ends as `signing.withdrawn`. Of one that
   * was asked for again, the later is taken back. Throws `participant.unknown` for anybody else, and `session.conflict` when it has
   * ended, or its signature is there.
   */
  async withdraw({ signal }: Pick<WaitOptions, 'signal'> = {}): Promise<void> {
    return refusing(async () => {
      if (this.#next !== null) return (await this.#next).withdraw({ signal })
      const { signingId } = this
      const { client, now } = this.#context
      const { signer } = this.#asker
      if (!signer) return refuse('participant.unknown')
      const body = await writeWithdrawal(this.requestDigest, signer, now())
      const status = await client.call('withdrawSigning', { params: { signingId }, body, signal })
      if (status.signingId !== signingId) return refuse('reply.mismatch')
      if (status.failure?.code !== 'signing.withdrawn') return refuse('session.conflict')
    })
  }

  /**
   * Waits for the end and verifies it, item by item, with its receipts. An item may have been refused: the lists of the result
   * throw then. Throws `wait.timeout`, why all of it failed, or what is wrong with it.
   *
   * When it ended since no host knew the epoch (`epoch.unproven`), who asked asks once more by itself, in a new request that names the
   * hosts as they are now: `request` of the result is then that one. It does so only where the asker's own word and standing grants
   * are enough; else the error says whose words are wanted, and nobody is asked anything.
   */
  async completed(options: CompletionOptions = {}): Promise<SignatureResult> {
    return refusing(async () => {
      const { onAskedAgain, ...waiting } = options
      const start = Date.now()
      try {
        return await this.#finish(waiting)
      } catch (error) {
        if (!isForgotten(error)) throw error
        const next = await this.#askAgain(waiting)
        if (next === null) throw forgotten(this.key, error)
        onAskedAgain?.(next)
        const { timeout } = waiting
        const left = timeout === undefined ? {} : { timeout: Math.max(0, timeout - (Date.now() - start)) }
        return await next.completed({ ...waiting, ...left })
      }
    })
  }

  /** Null where others would have to say yes again, or nobody may ask for it here. */
  async #askAgain(options: WaitOptions): Promise<Signing | null> {
    const { again } = this.#asker
    const now = this.#context.now()
    const isEnough = waitingFor(this.key, this.#opened, [], now).needed === 0
    if (again === undefined || this.expiresAt <= now || !isEnough) return null
    this.#next ??= again({ signal: options.signal })
    return this.#next
  }

  async #finish(options: WaitOptions): Promise<SignatureResult> {
    const status = await this.#following.ended(options)
    const { failure } = status
    const approvals = await soundApprovals(this.key, this.requestDigest, status.approvals)
    if (failure !== null) throw failureOf(this.key, this.#opened, { failure, approvals, now: this.#context.now() })
    if (status.state !== 'completed') throw new QuorateError('signing.expired', 'gateway')
    const { mpc, trust, lives } = this.#context
    const result = await acceptSignatures({ mpc: await mpc(), trust }, this.key, this.#opened, {
      ...status,
      rejections: rejectionsIn(this.key, approvals),
    })
    const { participants } = this.key.certificate.body.roster.skeleton
    for (const { body } of result.receipts) {
      const host = participants[body.index - 1]?.host.identity
      if (host !== undefined) lives.see(host, body.life, body.signedAt)
    }
    return result
  }
}

/** Did no host know which epoch is in force, as the gateway says? */
const isForgotten = (error: unknown): error is QuorateError =>
  error instanceof QuorateError && error.code === 'epoch.unproven' && error.by === 'gateway'

/** The same, with what people can do. */
function forgotten(key: Key, { code, by, culprits }: QuorateError): QuorateError {
  const wanted = key.participants.length - key.threshold + 1
  const issue = `ask again: ${wanted} of ${key.participants.length} participants have to ask for it or approve it anew; grants do not count`
  return new QuorateError(code, by, { culprits, issues: [issue] })
}
