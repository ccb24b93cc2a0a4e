import { UserId } from '@quorate/shared/wire/ids'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import { decideAll } from '@quorate/shared/consent/decisions'
import type { Decision } from '@quorate/shared/wire/consent'
import type { Invitation } from '@quorate/shared/wire/keygen'
import { QuorateError, refusing } from './errors.ts'
import type { Bunker } from './bunker/bunker.ts'
import type { BunkerOptions } from './bunker/open.ts'
import type { Context } from './context.ts'
import type { WaitOptions } from './following.ts'
import type { Key } from './key.ts'
import type { WholeKey } from './keygen/deal.ts'
import type { Keygen } from './keygen/keygen.ts'
import type { ReserveOptions } from './keygen/reserve.ts'
import {
  dealOwn,
  reserveOwn,
  takePart,
  type Bringing,
  type Keeping,
  type Invited,
  type Joining,
} from './keygen/taking-part.ts'
import type { RefreshTimes } from './refresh/ask.ts'
import type { Refresh } from './refresh/refresh.ts'
import { memberOf, type Person } from './person.ts'
import { checkedSigner, type Signer } from './signer.ts'
import { askOwn, askSeveral, type AskingTimes, type Wish } from './signing/ask.ts'
import { decideOn, decideOnSeveral, type Wording } from './signing/decide.ts'
import type { Signable } from './signing/items.ts'
import { openOwn, pendingFor, watchPending } from './signing/pending.ts'
import type { Signing } from './signing/signing.ts'

type Signal = Readonly<{ signal?: AbortSignal | undefined }>

/** What few programs call: a page loads it when it does. */
const bunkers = () => import('./bunker/open.ts')
const refreshes = () => import('./refresh/ask.ts')
const successors = () => import('./refresh/successor.ts')
const resumption = () => import('./keygen/resume.ts')

/** One person at one gateway. */
export class Participant {
  readonly userId: UserId
  readonly #me: Person

  constructor(context: Context, userId: string, signer: Signer) {
    if (!UserId.safeParse(userId).success) {
      const issues = ['user id: letters, digits and . _ @ : + -, at most 64']
      throw new QuorateError('request.invalid', 'client', { issues })
    }
    this.userId = userId
    this.#me = { context, userId, signer: checkedSigner(signer) }
  }

  /**
   * Reserves a key, verifies every enclave that is to host a share, and registers oneself when one is among the participants.
   * `grant` lets others sign with the own share. Throws `secret.invalid` for an `ownKey` that is none, `keygen.crowded` or `attestation.invalid` before anything secret has been sent when a host does not prove itself.
   */
  async reserveKey(wish: ReserveOptions & Joining & Bringing & Keeping): Promise<Keygen> {
    return refusing(() => reserveOwn(this.#me, wish))
  }

  /**
   * Brings a key that somebody has whole: deals it to the enclaves of its participants, in this program, and goes on as `reserveKey`. The
   * enclaves hold it from then on, and it signs under its own public key. The secret is wiped in every case. What has known the key goes on
   * knowing it: delete every other copy, and have the key refreshed, so that nothing that was dealt is a share of it any more. Throws
   * `secret.invalid` for what is no secret key, or not that of `publicKey`, before anything has been sent.
   */
  async dealKey(wish: WholeKey & ReserveOptions & Joining & Keeping): Promise<Keygen> {
    return refusing(() => dealOwn(this.#me, wish))
  }

  /**
   * Takes part in a key that somebody else reserved. May be repeated with the same grant, `givenAt` included, say after a crash. Throws
   * `keygen.crowded`, before anything is sent, when an enclave would hold more than `sharesPerEnclave` shares, and
   * `keygen.skeleton_mismatch` when another key of this id is known here. A key that was dealt is refused with `keygen.dealt`, unless
   * `dealtBy` names its dealer, who has known all of it: the invitation says who. `ownPublicKey`: of the own key that an earlier run has sent, which is
   * not sent again.
   */
  async participate(invitation: Invitation, options: Invited = {}): Promise<Keygen> {
    return refusing(() => takePart(this.#me, invitation, options))
  }

  /**
   * Goes on after a crash with what `keep` was given by `reserveKey`, `dealKey` or `participate`: with the invitations, for who reserved the key. Registers
   * if need be; an own key that was brought and has not arrived is wanted again. Throws `token.invalid`, `participant.unknown`, `secret.invalid`, and as
   * `participate`.
   */
  async resumeKey(token: string, options: Bringing & Signal = {}): Promise<Keygen> {
    return refusing(async () => (await resumption()).resumeOwn(this.#me, token, options))
  }

  /**
   * Tells this program of a key from earlier: what contradicts it is refused from now on. Every key that is given to another method is
   * known too. Throws `keygen.skeleton_mismatch`, `keygen.roster_mismatch` or `certificate.invalid` when it contradicts what is known.
   */
  know(key: Key): void {
    this.#me.context.known.note(key)
  }

  /** Signs a request for new shares of a key, and does not send it: a second participant is to sign it too. `expiresIn` as below. */
  async draftRefresh(key: Key, times: RefreshTimes = {}): Promise<RefreshRequest> {
    return refusing(async () => {
      const { draftRefresh } = await refreshes()
      return draftRefresh(this.#me.context, key, await memberOf(this.#me, key), times)
    })
  }

  /** Signs another participant's request for new shares too, until it expires. Throws `refresh.request_invalid`, `epoch.stale`. */
  async secondRefresh(key: Key, request: RefreshRequest): Promise<RefreshRequest> {
    return refusing(async () => {
      const { secondRefresh } = await refreshes()
      return secondRefresh(this.#me.context, key, await memberOf(this.#me, key), request)
    })
  }

  /**
   * Asks for new shares of a key: one that somebody got hold of before does not fit the new ones. The key stays the same, and goes on signing
   * meanwhile. All hosts must be there; `expiresIn`: how long to wait for them, in ms, an hour when nothing is said. One participant
   * can do so once a day; `request` is one that a second has signed too. Throws `epoch.stale` for a key of which a newer epoch is known
   * here: `update` gives it.
   */
  async requestRefresh(
    key: Key,
    {
      signal,
      request: drafted,
      ...times
    }: Signal & RefreshTimes & Readonly<{ request?: RefreshRequest | undefined }> = {},
  ): Promise<Refresh> {
    return refusing(async () => {
      this.#me.context.known.requireCurrent(key)
      const request = drafted ?? (await this.draftRefresh(key, times))
      return (await refreshes()).sendRefresh(this.#me.context, key, request, signal)
    })
  }

  /** `requestRefresh`, and waits for it: gives the key at its new epoch. The other participants get it by `update`. */
  async refreshKey(key: Key, options: WaitOptions & Readonly<{ expiresIn?: number | undefined }> = {}): Promise<Key> {
    const { timeout, ...asking } = options
    const refresh = await this.requestRefresh(key, asking)
    return refresh.completed({ ...(timeout === undefined ? {} : { timeout }), signal: options.signal })
  }

  /** The key at its present epoch, verified on from this one. Throws `certificate.invalid`, `receipt.invalid` or `reply.mismatch`. */
  async update(key: Key, { signal }: Signal = {}): Promise<Key> {
    return refusing(async () => (await successors()).latestKey(this.#me.context, key, signal))
  }

  /**
   * Asks for signatures; that is the asker's own approval too. `subgroup`: signs what does not name one itself. `expiresIn` in ms, ten minutes
   * when nothing is said. Throws `epoch.stale` for a key of which a newer epoch is known here, `subgroup.unknown`.
   */
  async requestSignature(
    key: Key,
    what: Signable | readonly Signable[],
    { subgroup, ...times }: AskingTimes & Readonly<{ subgroup?: string | undefined }> = {},
  ): Promise<Signing> {
    return refusing(() => askOwn(this.#me, { key, what, subgroup }, times))
  }

  /**
   * Asks several keys for signatures in one call: the same of each, or something of its own, 100 at most. As `Promise.allSettled`: each request is
   * taken or refused by itself, and is one of its key in every other way. The others answer all of them by `decideTogether`.
   */
  async requestSignatures(wishes: readonly Wish[], times: AskingTimes = {}): Promise<PromiseSettledResult<Signing>[]> {
    return refusing(() => askSeveral(this.#me, wishes, times))
  }

  /**
   * Fetches a signing and checks all of it: who asks, and that the items are what the request commits to. One of an epoch that is over
   * can be looked at and rejected.
   */
  async signing(key: Key, signingId: string, options: Signal = {}): Promise<Signing> {
    return refusing(() => openOwn(this.#me, key, signingId, options))
  }

  /**
   * The signings that wait for this participant's word, checked: of a sub-group for its members. `wait` (ms): until there is one that has not ended, 60 s at
   * most. A request that nobody of the key signed is an error: a gateway that makes up requests is not to be worked with. One
   * whose items do not open, or are not what it commits to, is left out: a participant can ask that way, and must not keep
   * the others from their work. So is one of an epoch that is over, since nobody can sign it any more.
   */
  async pendingSignings(key: Key, options: Signal & Readonly<{ wait?: number | undefined }> = {}): Promise<Signing[]> {
    return refusing(() => pendingFor(this.#me, key, options))
  }

  /**
   * The signings that wait for this participant's word, as they come: first those that wait already, each once, until the signal aborts. What is left
   * out, and what is thrown, is as for `pendingSignings`; `epoch.stale` when the key was refreshed: `update` it, and watch again.
   */
  async *watchPending(key: Key, options: Signal = {}): AsyncGenerator<Signing, void, undefined> {
    const watching = watchPending(this.#me, key, options)
    try {
      for (;;) yield (await refusing(() => watching.next())).value
    } finally {
      await watching.return(undefined as never)
    }
  }

  /** Approves exactly the items that `signing` shows. Throws as `decide`. */
  async approve(signing: Signing, { signal }: Signal = {}): Promise<void> {
    return this.decide(signing, decideAll(signing.items, 'approve'), { signal })
  }

  /** Rejects all of a request, also after it was approved; the reason (200 characters) is for the others, and the gateway reads it too. */
  async reject(signing: Signing, reason: string | null = null, { signal }: Signal = {}): Promise<void> {
    return this.decide(signing, decideAll(signing.items, 'reject'), { reason, signal })
  }

  /**
   * Says yes or no to each of the items that `signing` shows, in one word, until the request expires, and for 24 hours at most. What enough
   * people say yes to is signed, and the rest is not. Throws `request.invalid` unless there is one decision for each item,
   * `session.conflict` for a word other than the own earlier one that does not reject everything, and `epoch.stale` for a yes when the request is
   * not of the newest epoch of the key that is known here: such a word could bring an epoch back that is over.
   */
  async decide(signing: Signing, decisions: readonly Decision[], word: Wording = {}): Promise<void> {
    return refusing(() => decideOn(this.#me, signing, decisions, word))
  }

  /**
   * Says yes to each of these signings, or `decisionsOn` its items, in one call: one look, one answer. Each word is signed for its key alone. 100 at most; as
   * `Promise.allSettled`.
   */
  async decideTogether(
    signings: readonly Signing[],
    options: Wording & Readonly<{ decisionsOn?: ((signing: Signing) => readonly Decision[]) | undefined }> = {},
  ): Promise<PromiseSettledResult<void>[]> {
    return refusing(() => decideOnSeveral(this.#me, signings, options))
  }

  /**
   * Makes the NIP-46 signer of a key: programs then have it sign over relays, as far as its owners grant it. Every host must say that it
   * holds this signer. Throws `bunker.scheme`, `content.not_permitted`, `receipt.invalid`, `enclave.unreachable`.
   */
  async createBunker(key: Key, options: BunkerOptions & Signal): Promise<Bunker> {
    return refusing(async () => {
      const { createBunker } = await bunkers()
      return createBunker(this.#me.context, key, await memberOf(this.#me, key), options)
    })
  }

  /** The bunker of a key. `newest`: the own newest book, where an earlier run of this program kept it. Throws `bunker.not_found`. */
  async bunker(key: Key, options: Signal & Pick<BunkerOptions, 'newest'> = {}): Promise<Bunker> {
    return refusing(async () => {
      const { openBunker } = await bunkers()
      return openBunker(this.#me.context, key, await memberOf(this.#me, key), options)
    })
  }
}
