import { Refusal } from '@quorate/shared/errors'
import { toHex } from '@quorate/shared/wire/bytes'
import { UserId } from '@quorate/shared/wire/ids'
import { signersOfItems } from '@quorate/shared/verify/signers'
import type { RefreshRequest } from '@quorate/shared/wire/refresh'
import { decideAll } from '@quorate/shared/consent/decisions'
import type { Decision } from '@quorate/shared/wire/consent'
import type { Invitation } from '@quorate/shared/wire/keygen'
import type { Bunker } from './bunker/bunker.ts'
import { createBunker, openBunker, type BunkerOptions } from './bunker/open.ts'
import type { Context } from './context.ts'
import { QuorateError, refuse, refusing } from './errors.ts'
import type { WaitOptions } from './following.ts'
import type { Key } from './key.ts'
import type { WholeKey } from './keygen/deal.ts'
import type { Keygen } from './keygen/keygen.ts'
import type { ReserveOptions } from './keygen/reserve.ts'
import { resumeOwn } from './keygen/resume.ts'
import {
  dealOwn,
  reserveOwn,
  takePart,
  type Bringing,
  type Keeping,
  type Invited,
  type Joining,
  type Taker,
} from './keygen/taking-part.ts'
import { naming, type Member } from './naming.ts'
import { draftRefresh, secondRefresh, sendRefresh, type RefreshTimes } from './refresh/ask.ts'
import type { Refresh } from './refresh/refresh.ts'
import { latestKey } from './refresh/successor.ts'
import { checkedSigner, type Signer } from './signer.ts'
import { askFor, type Asker } from './signing/ask.ts'
import { openSignings } from './signing/list.ts'
import { readItems, type Signable } from './signing/items.ts'
import { writeApproval } from './signing/request.ts'
import { followSigning, Signing, soundApprovals } from './signing/signing.ts'
import { askTogether, decideTogether, type PostApproval, type PostRequest } from './signing/together.ts'
import { openRequest } from './signing/verify.ts'

type Signal = Readonly<{ signal?: AbortSignal | undefined }>

/** How long a request for signatures waits for approvals when nothing is said. ms */
const REQUEST_TIME = 600_000

/** What one key is asked for. `subgroup`: signs what does not name one itself. */
export type Wish = Readonly<{ key: Key; what: Signable | readonly Signable[]; subgroup?: string | undefined }>

/** Says for how long an approval counts, unless the request is over before. 24 hours, in ms. */
const LONGEST_APPROVAL = 86_400_000

/** Can this participant's share sign any item of the request? */
const isSigner = (key: Key, { request }: Pick<Signing, 'request'>, { index }: Pick<Member, 'index'>): boolean =>
  signersOfItems(key.certificate.body.roster.skeleton, request.body).some(({ members }) => members.includes(index))

/** `post`: sends the word with others. */
type Saying = Signal & Readonly<{ reason: string | null; post?: PostApproval }>

const unreadable: ReadonlySet<unknown> = new Set([
  'seal.invalid',
  'content.invalid',
  'content.mismatch',
  'tweak.invalid',
  'adaptor.invalid',
  'message.invalid',
])

function unlessUnreadable(error: unknown): null {
  if ((error instanceof Refusal || error instanceof QuorateError) && unreadable.has(error.code)) return null
  throw error
}

/** One person at one gateway. */
export class Participant {
  readonly userId: UserId
  readonly #context: Context
  readonly #signer: Signer

  constructor(context: Context, userId: string, signer: Signer) {
    if (!UserId.safeParse(userId).success) {
      const issues = ['user id: letters, digits and . _ @ : + -, at most 64']
      throw new QuorateError('request.invalid', 'client', { issues })
    }
    this.userId = userId
    this.#context = context
    this.#signer = checkedSigner(signer)
  }

  /**
   * Reserves a key, verifies every enclave that is to host a share, and registers oneself when one is among the participants.
   * `grant` lets others sign with the own share. Throws `secret.invalid` for an `ownKey` that is none, `keygen.crowded` or `attestation.invalid` before anything secret has been sent when a host does not prove itself.
   */
  async reserveKey(wish: ReserveOptions & Joining & Bringing & Keeping): Promise<Keygen> {
    return refusing(() => reserveOwn(this.#taker, wish))
  }

  /**
   * Brings a key that somebody has whole: deals it to the enclaves of its participants, in this program, and goes on as `reserveKey`. The
   * enclaves hold it from then on, and it signs under its own public key. The secret is wiped in every case. What has known the key goes on
   * knowing it: delete every other copy, and have the key refreshed, so that nothing that was dealt is a share of it any more. Throws
   * `secret.invalid` for what is no secret key, or not that of `publicKey`, before anything has been sent.
   */
  async dealKey(wish: WholeKey & ReserveOptions & Joining & Keeping): Promise<Keygen> {
    return refusing(() => dealOwn(this.#taker, wish))
  }

  /**
   * Takes part in a key that somebody else reserved. May be repeated with the same grant, `givenAt` included, say after a crash. Throws
   * `keygen.crowded`, before anything is sent, when an enclave would hold more than `sharesPerEnclave` shares, and
   * `keygen.skeleton_mismatch` when another key of this id is known here. A key that was dealt is refused with `keygen.dealt`, unless
   * `dealtBy` names its dealer, who has known all of it: the invitation says who. `ownPublicKey`: of the own key that an earlier run has sent, which is
   * not sent again.
   */
  async participate(invitation: Invitation, options: Invited = {}): Promise<Keygen> {
    return refusing(() => takePart(this.#taker, invitation, options))
  }

  /**
   * Goes on after a crash with what `keep` was given by `reserveKey`, `dealKey` or `participate`: with the invitations, for who reserved the key. Registers
   * if need be; an own key that was brought and has not arrived is wanted again. Throws `token.invalid`, `participant.unknown`, `secret.invalid`, and as
   * `participate`.
   */
  async resumeKey(token: string, options: Bringing & Signal = {}): Promise<Keygen> {
    return refusing(() => resumeOwn(this.#taker, token, options))
  }

  /**
   * Tells this program of a key from earlier: what contradicts it is refused from now on. Every key that is given to another method is
   * known too. Throws `keygen.skeleton_mismatch`, `keygen.roster_mismatch` or `certificate.invalid` when it contradicts what is known.
   */
  know(key: Key): void {
    this.#context.known.note(key)
  }

  /** Signs a request for new shares of a key, and does not send it: a second participant is to sign it too. `expiresIn` as below. */
  async draftRefresh(key: Key, times: RefreshTimes = {}): Promise<RefreshRequest> {
    return refusing(async () => draftRefresh(this.#context, key, await this.#memberOf(key), times))
  }

  /** Signs another participant's request for new shares too, until it expires. Throws `refresh.request_invalid`, `epoch.stale`. */
  async secondRefresh(key: Key, request: RefreshRequest): Promise<RefreshRequest> {
    return refusing(async () => secondRefresh(this.#context, key, await this.#memberOf(key), request))
  }

  /**
   * Asks for new shares of a key: whoever got hold of old ones then has nothing. The key stays the same, and goes on signing
   * meanwhile. All hosts must be there; `expiresIn`: how long to wait for them, in ms, an hour when nothing is said. One participant
   * can do so once a day; `request` is one that a second has signed too. Throws `epoch.stale` for a key of which a newer epoch is known
   * here: `update` gives it.
   */
  async requestRefresh(
    key: Key,
    { signal, request: drafted, ...times }: Signal & RefreshTimes & Readonly<{ request?: RefreshRequest }> = {},
  ): Promise<Refresh> {
    return refusing(async () => {
      this.#context.known.requireCurrent(key)
      const request = drafted ?? (await this.draftRefresh(key, times))
      return sendRefresh(this.#context, key, request, signal)
    })
  }

  /** `requestRefresh`, and waits for it: gives the key at its new epoch. The other participants get it by `update`. */
  async refreshKey(key: Key, options: WaitOptions & Readonly<{ expiresIn?: number }> = {}): Promise<Key> {
    const { timeout, ...asking } = options
    const refresh = await this.requestRefresh(key, asking)
    return refresh.completed({ ...(timeout === undefined ? {} : { timeout }), signal: options.signal })
  }

  /** The key at its present epoch, verified on from this one. Throws `certificate.invalid`, `receipt.invalid` or `reply.mismatch`. */
  async update(key: Key, { signal }: Signal = {}): Promise<Key> {
    return refusing(() => latestKey(this.#context, key, signal))
  }

  /**
   * Asks for signatures; that is the asker's own approval too. `subgroup`: signs what does not name one itself. `expiresIn` in ms, ten minutes
   * when nothing is said. Throws `epoch.stale` for a key of which a newer epoch is known here, `subgroup.unknown`.
   */
  async requestSignature(
    key: Key,
    what: Signable | readonly Signable[],
    {
      expiresIn = REQUEST_TIME,
      subgroup,
      signal,
    }: Signal & Readonly<{ expiresIn?: number; subgroup?: string | undefined }> = {},
  ): Promise<Signing> {
    return refusing(() => this.#ask({ key, what, subgroup }, { expiresIn, signal }))
  }

  /**
   * Asks several keys for signatures in one call: the same of each, or something of its own, 100 at most. As `Promise.allSettled`: each request is
   * taken or refused by itself, and is one of its key in every other way. The others answer all of them by `decideTogether`.
   */
  async requestSignatures(
    wishes: readonly Wish[],
    { expiresIn = REQUEST_TIME, signal }: Signal & Readonly<{ expiresIn?: number }> = {},
  ): Promise<PromiseSettledResult<Signing>[]> {
    return refusing(() =>
      askTogether(this.#context, wishes, { signal }, (wish, post) =>
        refusing(() => this.#ask(wish, { expiresIn, signal, post })),
      ),
    )
  }

  async #ask(
    { key, what, subgroup }: Wish,
    { expiresIn, ...sending }: Signal & Readonly<{ expiresIn: number; post?: PostRequest }>,
  ): Promise<Signing> {
    const expiresAt = this.#context.now() + expiresIn
    const ofKey: Asker['naming'] = (say, anew) => naming(this.#context, key, say, anew)
    const asker = { ...(await this.#memberOf(key)), naming: ofKey }
    const items = readItems(await this.#context.mpc(), key, what, subgroup)
    return askFor(this.#context, key, asker, { items, expiresAt, ...sending })
  }

  /**
   * Fetches a signing and checks all of it: who asks, and that the items are what the request commits to. One of an epoch that is over
   * can be looked at and rejected.
   */
  async signing(key: Key, signingId: string, { signal }: Signal = {}): Promise<Signing> {
    return refusing(async () => {
      const status = await followSigning(this.#context, key, signingId).status({ signal })
      const opened = await openRequest(key, signingId, status)
      // Whoever has the key can look at it.
      const me = await this.#memberOf(key).catch(() => null)
      const signer = opened.request.body.asker === me?.index ? me.signer : null
      return new Signing(this.#context, key, opened, { signer })
    })
  }

  /**
   * The signings that wait for this participant's word, checked: of a sub-group for its members. `wait` (ms): until there is one that has not ended, 60 s at
   * most. A request that nobody of the key signed is an error: a gateway that makes up requests is not to be worked with. One
   * whose items do not open, or are not what it commits to, is left out: a participant can ask that way, and must not keep
   * the others from their work. So is one of an epoch that is over, since nobody can sign it any more.
   */
  async pendingSignings(key: Key, { wait = 0, signal }: Signal & Readonly<{ wait?: number }> = {}): Promise<Signing[]> {
    return refusing(async () => {
      const me = await this.#memberOf(key)
      const epoch = this.#context.known.epochOf(key)
      const pending: Signing[] = []
      for await (const status of openSignings(this.#context, key, { wait, signal })) {
        const { asker: by, epoch: at } = status.request.body
        // What a program has asked for by an event waits elsewhere: see `Bunker.waiting`.
        if (at < epoch || typeof by !== 'number') continue
        const opened = await openRequest(key, status.signingId, status).catch(unlessUnreadable)
        if (opened === null) continue
        const approvals = await soundApprovals(key, opened.requestDigest, status.approvals)
        const { asker, expiresAt } = opened.request.body
        const said = asker === me.index || approvals.some(({ body }) => body.index === me.index)
        if (!said && isSigner(key, opened, me) && expiresAt > this.#context.now())
          pending.push(new Signing(this.#context, key, opened))
      }
      return pending.sort((a, b) => a.request.body.askedAt - b.request.body.askedAt)
    })
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
  async decide(
    signing: Signing,
    decisions: readonly Decision[],
    { reason = null, signal }: Signal & Readonly<{ reason?: string | null }> = {},
  ): Promise<void> {
    return this.#decide(signing, decisions, { reason, signal })
  }

  /**
   * Says yes to each of these signings, or `decisionsOn` its items, in one call: one look, one answer. Each word is signed for its key alone. 100 at most; as
   * `Promise.allSettled`.
   */
  async decideTogether(
    signings: readonly Signing[],
    {
      decisionsOn = ({ items }) => decideAll(items, 'approve'),
      reason = null,
      signal,
    }: Signal & Readonly<{ decisionsOn?: (signing: Signing) => readonly Decision[]; reason?: string | null }> = {},
  ): Promise<PromiseSettledResult<void>[]> {
    return refusing(() =>
      decideTogether(this.#context, signings, { signal }, (signing, post) =>
        this.#decide(signing, decisionsOn(signing), { reason, signal, post }),
      ),
    )
  }

  async #decide(signing: Signing, decisions: readonly Decision[], word: Saying): Promise<void> {
    return refusing(async () => {
      const { key, request, items } = signing
      if (decisions.length !== items.length) {
        const issues = [`${decisions.length} decisions on ${items.length} items`]
        throw new QuorateError('request.invalid', 'client', { issues })
      }
      if (decisions.includes('approve')) {
        this.#context.known.requireCurrent(key)
        if (request.body.certificateDigest !== key.digest) return refuse('epoch.stale')
      }
      return this.#say(signing, [...decisions], word)
    })
  }

  async #say(signing: Signing, decisions: Decision[], { reason, signal, post }: Saying) {
    return refusing(async () => {
      const { requestDigest, expiresAt, signingId, key } = signing
      const givenAt = this.#context.now()
      if (expiresAt <= givenAt) return refuse('consent.expired')
      const until = Math.min(expiresAt, givenAt + LONGEST_APPROVAL)
      const member = await this.#memberOf(key)
      if (!isSigner(key, signing, member)) return refuse('subgroup.not_member')
      const status = await naming(this.#context, key, async (lives) => {
        const word = { decisions, reason, lives, givenAt, expiresAt: until }
        const approval = await writeApproval(key, requestDigest, member, word)
        if (post !== undefined) return post(approval, signingId)
        return this.#context.client.call('approveSigning', { params: { signingId }, body: approval, signal })
      })
      if (status.signingId !== signingId) refuse('reply.mismatch')
    })
  }

  /**
   * Makes the NIP-46 signer of a key: programs then have it sign over relays, as far as its owners grant it. Every host must say that it
   * holds this signer. Throws `bunker.scheme`, `content.not_permitted`, `receipt.invalid`, `enclave.unreachable`.
   */
  async createBunker(key: Key, options: BunkerOptions & Signal): Promise<Bunker> {
    return refusing(async () => createBunker(this.#context, key, await this.#memberOf(key), options))
  }

  /** The bunker of a key. `newest`: the own newest book, where an earlier run of this program kept it. Throws `bunker.not_found`. */
  async bunker(key: Key, options: Signal & Pick<BunkerOptions, 'newest'> = {}): Promise<Bunker> {
    return refusing(async () => openBunker(this.#context, key, await this.#memberOf(key), options))
  }

  get #taker(): Taker {
    return { context: this.#context, userId: this.userId, signer: this.#signer }
  }

  /** The own place in a key. Throws `participant.unknown` when the key does not know this user with this signer. */
  async #memberOf(key: Key): Promise<Member> {
    const signer = await this.#signer.forKey(key.keyId)
    const { registrations } = key.certificate.body.roster
    const own = registrations.find(({ body }) => body.userId === this.userId)?.body
    return own?.authKey === toHex(signer.publicKey) ? { index: own.index, signer } : refuse('participant.unknown')
  }
}
