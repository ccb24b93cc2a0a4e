import type { TrustPolicy } from '@quorate/shared/attestation/policy'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import { formatBunkerUri, readConnectUri } from '@quorate/shared/nostr/uris'
import { fromHex } from '@quorate/shared/wire/bytes'
import { Digest, GrantId } from '@quorate/shared/wire/ids'
import type { Context } from '../context.ts'
import { QuorateError, refuse, refusing } from '../errors.ts'
import type { WaitOptions } from '../following.ts'
import { waitFor, type Reader } from '../http/reader.ts'
import { sessionSecretOf, type Key } from '../key.ts'
import type { Member } from '../naming.ts'
import { npub } from '../npub.ts'
import { decideWaiting, extendAlways } from './deciding.ts'
import {
  change,
  give,
  givenGrants,
  holderOf,
  newGrant,
  newOffer,
  take,
  takeAll,
  type Change,
  type GivenGrant,
  type GrantHolder,
} from './grants.ts'
import { missingFor, toGreet } from './greeting.ts'
import type { BookName } from './known-books.ts'
import { logStart, readLog, type LogPage, type LogPlace } from './log.ts'
import { ownBook, type OwnBook, type Told } from './own-book.ts'
import { verifyHosts, type ProofOptions, type ProvedSigner } from './proof.ts'
import { untilHeard } from './revoking.ts'
import { heardOwn, type BunkerState, type Heard } from './state.ts'
import { narrowTo, readTerms, type Terms } from './terms.ts'
import { readWaiting, type WaitingRequest } from './waiting.ts'

type Signal = Readonly<{ signal?: AbortSignal | undefined }>
type Waits = Signal & Readonly<{ wait?: number | undefined }>

/** A `bunker://` URI for one program: who says its secret first, before `until` (ms), is bound to the grant. SECRET until then. */
export type Offer = Readonly<{ uri: string; grant: GrantId; until: number; heard: Heard }>

/**
 * What an owner has said: the digest of the book, where programs are to be, and whose hosts have it by now. `greeted`: programs that had
 * shown a `nostrconnect://` URI, and were answered since this owner was the last one that had to let them in.
 */
export type Written = Omit<Told, 'before' | 'after'> & Readonly<{ greeted: readonly NostrKey[] }>

/** How long an offer is open when nothing is said. ms */
const OFFER_TIME = 3_600_000

/**
 * The NIP-46 signer of a key, as one of its owners sees it. Programs write to `signer`, and what they have signed is by `user`. A program
 * gets what as many owners grant as the key's threshold says: each decides over the own share alone.
 */
export class Bunker {
  readonly key: Key
  /** The public key that programs write to, hex. */
  readonly signer: NostrKey
  /** The public key of the key itself. */
  readonly user: Readonly<{ hex: string; npub: string }>
  readonly #context: Context
  readonly #member: Member
  readonly #book: OwnBook
  #state: BunkerState

  /** For a state that was verified, of a signer that every host holds. */
  constructor(context: Context, key: Key, member: Member, state: BunkerState) {
    this.key = key
    this.signer = state.signer
    this.user = { hex: key.groupKey, npub: npub(fromHex(key.groupKey)) }
    this.#context = context
    this.#member = member
    this.#book = ownBook(context, key, member)
    this.#state = state
  }

  /** Where programs are to reach it, by all owners' books, as last read. The gateway listens at those besides that programs brought. */
  get relays(): readonly string[] {
    return [...new Set(this.#state.books.flatMap(({ terms }) => terms?.relays ?? []))]
  }

  /** The own newest book. Whoever keeps it, and gives it to `participant.bunker` later, is shown no older one. */
  get newest(): BookName | null {
    return this.#context.books.of(this.key.keyId, this.#member.index)
  }

  /** The gateway's word: at which relays it listens. */
  get connections(): BunkerState['relays'] {
    return this.#state.relays
  }

  /**
   * A fresh secret for one program, as a `bunker://` URI. The book has only its digest. `expiresIn` (ms): how long it is open, an hour when
   * nothing is said; for how long the program may go on, the terms say.
   */
  async offer(
    terms: Terms,
    { expiresIn = OFFER_TIME, signal }: Signal & Readonly<{ expiresIn?: number | undefined }> = {},
  ): Promise<Offer> {
    return refusing(async () => {
      const { grant, secret, until } = newOffer(terms, expiresIn, this.#context.now())
      const { relays, heard } = await this.#say(give(grant), { signal })
      const uri = formatBunkerUri({ signer: this.signer, relays: [...relays], secret })
      return { uri, grant: grant.id, until, heard }
    })
  }

  /**
   * Lets in a program that shows a `nostrconnect://` URI: gives it a grant and listens at its relays too. The program is answered there as soon
   * as enough owners let it in, by the act of the last one: `second` of this grant, or `accept` of the same URI. `missing`: how many more
   * have to; 0 when it was answered. Throws `nostr.uri_invalid`, and whatever keeps hosts from answering: `greet` does that part again.
   */
  async accept(
    connectUri: string,
    terms: Terms,
    { signal }: Signal = {},
  ): Promise<Readonly<{ grant: GrantId; client: NostrKey; heard: Heard; missing: number }>> {
    return refusing(async () => {
      const { client, secret, relays, metadata } = readConnectUri(connectUri)
      const name = metadata.name?.slice(0, 64) ?? ''
      const holder = { kind: 'client' as const, client, greeting: { secret, relays } }
      const grant = newGrant(holder, readTerms({ name, ...terms }, this.#context.now()))
      const { heard } = await this.#say(give(grant), { signal })
      return { grant: grant.id, client, heard, missing: missingFor(this.key, this.#state, client, this.#context.now()) }
    })
  }

  /** Answers the program of a grant that came with a `nostrconnect://` URI, once more, or before enough owners let it in. */
  async greet(grant: string, { signal }: Signal = {}): Promise<void> {
    return refusing(async () => {
      const reader = await this.#reader()
      await reader('greetClient', { params: { keyId: this.key.keyId }, body: { grant: GrantId.parse(grant) }, signal })
    })
  }

  /** Gives a grant to a program whose public key is known, or to participants who ask over REST. */
  async give(
    to: GrantHolder,
    terms: Terms,
    { signal }: Signal = {},
  ): Promise<Readonly<{ grant: GrantId; heard: Heard }>> {
    return refusing(async () => {
      const grant = newGrant(holderOf(to), readTerms(terms, this.#context.now()))
      const { heard } = await this.#say(give(grant), { signal })
      return { grant: grant.id, heard }
    })
  }

  /** All grants, of all owners whose books open. The own first. */
  async grants(options: Signal = {}): Promise<GivenGrant[]> {
    return refusing(async () => givenGrants(this.key, await this.#read(options), this.#member.index))
  }

  /**
   * Copies another owner's grant into the own book, as it stands there, so that this share signs for it too, and answers the program if it
   * waited for this. `of`: whose, where several have given
   * it in other terms. Throws `grant.unknown`.
   */
  async second(grant: string, { of, signal }: Signal & Readonly<{ of?: string | undefined }> = {}): Promise<Written> {
    return refusing(async () => {
      const others = await this.grants({ signal })
      const found = others.find(({ id, own, owner }) => id === grant && !own && (of === undefined || owner === of))
      if (found === undefined) return refuse('grant.unknown')
      return this.#say(give(found.grant), { signal })
    })
  }

  /** Gives one of the own grants other terms. Who holds it stays, and how often it was used. Throws `grant.unknown`. */
  async replace(grant: string, terms: Terms, { signal }: Signal = {}): Promise<Written> {
    return refusing(async () => {
      const granting = readTerms(terms, this.#context.now())
      const to = change(GrantId.parse(grant), ({ name, ...rest }) => ({
        ...rest,
        ...granting,
        name: terms.name ?? name,
      }))
      return this.#say(to, { signal })
    })
  }

  /** As `replace`, and throws `request.invalid` for terms that permit anything that the grant does not permit now. */
  async narrow(grant: string, terms: Terms, { signal }: Signal = {}): Promise<Written> {
    return refusing(async () => {
      const now = this.#context.now()
      const to = change(GrantId.parse(grant), (before) => narrowTo(before, terms, now))
      return this.#say(to, { signal })
    })
  }

  /** Takes one of the own grants back. Throws `grant.unknown`. */
  async revoke(grant: string, { signal }: Signal = {}): Promise<Written> {
    return refusing(async () => {
      const isOwn = ({ id, own }: GivenGrant) => own && id === grant
      if (!(await this.grants({ signal })).some(isOwn)) return refuse('grant.unknown')
      return this.#say(take(GrantId.parse(grant)), { signal })
    })
  }

  /**
   * Takes all own grants back. Resolves when hosts of so many participants have the book without them that no quorum of hosts can have
   * forgotten it, and says whose have not yet. Throws `wait.timeout` with those.
   */
  async revokeAll(options: WaitOptions = {}): Promise<Heard> {
    return refusing(async () => {
      const { digest, heard } = await this.#say(takeAll, { signal: options.signal })
      const { key } = this
      const read = (signal: AbortSignal | undefined) => this.#read({ signal })
      return untilHeard(key, { index: this.#member.index, digest, heard, read }, options)
    })
  }

  /** Whose hosts go by the own newest book, by their own word. Where all have restarted at once, nobody's do until owners `renew`. */
  async heard(options: Signal = {}): Promise<Heard> {
    return refusing(async () => heardOwn(this.key, await this.#read(options), this.#member.index))
  }

  /** Writes the same book again, with the hosts as they are now: after all of them have restarted, grants count again by it. */
  async renew({ signal }: Signal = {}): Promise<Written> {
    return refusing(() => this.#say((terms) => terms, { signal, anew: true }))
  }

  /**
   * What programs have asked for, and what became of it. `after`: `next` of the page before. `wait` (ms): for a line, 60 s at most.
   * What does not verify, or is missing, is in `problems`, and the rest is there.
   */
  async log({
    after = logStart,
    wait = 0,
    signal,
  }: Waits & Readonly<{ after?: LogPlace | undefined }> = {}): Promise<LogPage> {
    return refusing(async () => readLog(this.key, await this.#reader(), { after, wait, signal }))
  }

  /**
   * What waits for this owner's word, opened and checked. `wait` (ms): until there is something, 60 s at most. What does not open, or is not what its
   * request commits to, is left out, so that nobody keeps the others from their work: `waitingRequest` says what is wrong with it.
   */
  async waiting({ wait = 0, signal }: Waits = {}): Promise<WaitingRequest[]> {
    return refusing(async () => readWaiting(this.#of(), await this.#reader(), { query: waitFor(wait), signal }))
  }

  /** One request, by the id of its event. Throws `request.not_found`, `seal.invalid`, `content.mismatch`, `signing.request_invalid`. */
  async waitingRequest(event: string, { signal }: Signal = {}): Promise<WaitingRequest> {
    return refusing(async () => {
      const wanted = Digest.parse(event)
      const [found] = await readWaiting(this.#of(), await this.#reader(), { query: {}, wanted, signal })
      return found ?? refuse('request.not_found')
    })
  }

  /**
   * Says yes to exactly what `waiting` shows. `always`: and to the like of it from this program from now on, or by these terms, before. A
   * program that wants to connect gets a grant in any case: one for nothing without being asked, where no terms are given.
   */
  async approve(
    waiting: WaitingRequest,
    { always, signal }: Signal & Readonly<{ always?: true | Terms | undefined }> = {},
  ): Promise<void> {
    return refusing(async () => {
      const { requestDigest } = waiting
      this.#context.known.requireCurrent(this.key)
      if (waiting.key.keyId !== this.key.keyId) return refuse('reply.mismatch')
      if (always !== undefined || requestDigest === null)
        await this.#say(extendAlways(waiting, always ?? { preset: 'nothing' }, this.#context.now()), { signal })
      if (requestDigest === null) return
      await decideWaiting(this.#context, this.#member, waiting, {
        decision: 'approve',
        isGiven: always !== undefined,
        signal,
      })
    })
  }

  /** Says no to it; the program hears that it is not permitted. A connection is not rejected: without a grant it ends by itself. */
  async reject(waiting: WaitingRequest, { signal }: Signal = {}): Promise<void> {
    return refusing(async () => {
      if (waiting.requestDigest === null) {
        const issues = ['nothing is to be done: a program that nobody gives a grant does not get in']
        throw new QuorateError('request.invalid', 'client', { issues })
      }
      await decideWaiting(this.#context, this.#member, waiting, { decision: 'reject', isGiven: false, signal })
    })
  }

  /** Has every host prove that it is what the trust policy accepts, and that it holds this signer. Throws as `verifyHosts`. */
  async verify(
    trust: TrustPolicy = this.#context.trust,
    { maxAge, signal }: Pick<ProofOptions, 'maxAge'> & Signal = {},
  ): Promise<ProvedSigner> {
    return refusing(async () => {
      const { client, now } = this.#context
      const shown = await client.call('attestBunker', { params: { keyId: this.key.keyId }, signal })
      return verifyHosts(this.key, this.signer, shown, { trust, now: now(), maxAge })
    })
  }

  /** Writes the next book. Programs that it lets in as the last owner that had to are answered. */
  async #say(change: Change, options: Signal & Readonly<{ anew?: boolean }>): Promise<Written> {
    const { before, after, ...written } = await this.#book.write(change, options)
    this.#state = after
    const greeted = toGreet(this.key, before, after, this.#context.now())
    for (const grant of greeted.values()) await this.greet(grant, { signal: options.signal })
    return { ...written, greeted: [...greeted.keys()] }
  }

  async #read(options: Signal = {}): Promise<BunkerState> {
    const state = await this.#book.read(options)
    if (state.signer !== this.signer) return refuse('reply.mismatch')
    this.#state = state
    return state
  }

  #reader(): Promise<Reader> {
    return this.#context.readerOf(this.key.keyId, sessionSecretOf(this.key))
  }

  #of() {
    return { key: this.key, signer: this.signer, me: this.#member.index }
  }
}
