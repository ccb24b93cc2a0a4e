import type { Invitation, Skeleton } from '@quorate/shared/wire/keygen'
import type { KeygenStatus } from '@quorate/shared/wire/routes/keygen'
import { openMode } from '@quorate/shared/verify/key-mode'
import { toHex } from '@quorate/shared/wire/bytes'
import type { Mode } from '@quorate/shared/wire/mode'
import type { Context } from '../context.ts'
import { QuorateError, refuse, refusing } from '../errors.ts'
import { follow, unlessFailed, type Following, type WaitOptions } from '../following.ts'
import { holdKey, type Key } from '../key.ts'
import { trustDigest } from '../trust-digest.ts'
import { acceptCertificate } from './certificate.ts'
import type { OwnRegistration } from './registration.ts'
import { skeletonDigest } from './skeleton.ts'

/** What this person knows of a key in the making. */
export type KeygenKnowledge = Readonly<{
  skeleton: Skeleton
  sessionSecret: Uint8Array
  own: OwnRegistration | null
  /** By user id; empty for who was invited. */
  invitationKeys: ReadonlyMap<string, Uint8Array>
}>

/** A key in the making, as one person sees it. */
export class Keygen {
  readonly keyId: Skeleton['keyId']
  readonly skeleton: Skeleton
  readonly #context: Context
  readonly #known: KeygenKnowledge
  readonly #following: Following<KeygenStatus>

  constructor(context: Context, known: KeygenKnowledge) {
    const { keyId } = known.skeleton
    this.keyId = keyId
    this.skeleton = known.skeleton
    this.#context = context
    this.#known = known
    this.#following = follow({ keyId }, async (more) => {
      const reader = await context.readerOf(keyId, known.sessionSecret)
      return reader('getKeygen', { params: { keyId }, ...more })
    })
  }

  /** Who dealt the key, and so has known all of it; null for a key that its hosts draw. */
  get dealtBy(): string | null {
    return this.skeleton.dealt?.by ?? null
  }

  /** In which items are signed that name no mode of their own. */
  get mode(): Mode {
    return openMode(this.#known.sessionSecret, this.skeleton)
  }

  /** The public key of the own key that was brought into this one; null where the own host drew what there was to draw. */
  get ownPublicKey(): string | null {
    return this.#known.own?.publicKey ?? null
  }

  /** For the person who reserved the key: what to hand to this participant, and to nobody else. Throws `participant.unknown`. */
  invitation(userId: string): Invitation {
    const key = this.#known.invitationKeys.get(userId)
    const participant = this.skeleton.participants.find((candidate) => candidate.userId === userId)
    if (key === undefined || participant === undefined) return refuse('participant.unknown')
    return {
      version: 1,
      gateway: this.#context.client.gateway,
      keyId: this.keyId,
      userId: participant.userId,
      skeletonDigest: skeletonDigest(this.skeleton),
      sessionSecret: toHex(this.#known.sessionSecret),
      invitationKey: toHex(key),
      trust: trustDigest(this.#context.trust),
      ...(this.dealtBy === null ? {} : { dealtBy: this.dealtBy }),
    }
  }

  /** What the gateway says of it now. Its certificate, if there is one, is not verified yet. */
  async status(options: Pick<WaitOptions, 'signal'> = {}): Promise<KeygenStatus> {
    return this.#following.status(options)
  }

  /** The states as they come, until the end. */
  watch(options: Pick<WaitOptions, 'signal'> = {}): AsyncGenerator<KeygenStatus, void, undefined> {
    return this.#following.watch(options)
  }

  /**
   * Waits until the key is there and verifies its certificate, and that every host has installed this one. Throws `wait.timeout`, what the keygen failed with, or what is
   * wrong with the certificate.
   */
  async completed(options: WaitOptions = {}): Promise<Key> {
    return refusing(async () => {
      const status = unlessFailed(await this.#following.ended(options))
      if (status.state === 'expired') throw new QuorateError('keygen.expired', 'gateway')
      const { certificate, installed } = status
      if (certificate === null) return refuse('reply.invalid')
      const digest = await acceptCertificate(
        { certificate, installed },
        {
          mpc: await this.#context.mpc(),
          skeletonDigest: skeletonDigest(this.skeleton),
          own: this.#known.own,
          prove: (identity) => this.#context.attestor.prove(identity, options.signal),
        },
      )
      const key = holdKey(this.#context.client.gateway, certificate, digest, this.#known.sessionSecret)
      this.#context.known.note(key)
      return key
    })
  }
}
