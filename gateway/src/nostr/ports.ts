import type { RefusalCode } from '@quorate/shared/errors'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { Approval } from '@quorate/shared/wire/consent'
import type { SigningId } from '@quorate/shared/wire/ids'
import type { PartialAhead, StockPackage } from '@quorate/shared/wire/bunker'
import type { SigningReceipt, SigningRequest } from '@quorate/shared/wire/signing'
import type { Inbox } from '../engine/course.ts'

/** Partials for one package, by the seats whose hosts have given one before the signing began. */
export type SignedAhead = StockPackage & Readonly<{ said: Inbox<PartialAhead> }>

/**
 * A program's event to this signer, which was verified, and the request that a host has read from it. `willing`: the owners whose books permit
 * it. `ahead`: what hosts have given for its first attempt already.
 */
export type ProgramRequest = Readonly<{
  event: Envelope
  signer: NostrKey
  request: SigningRequest
  willing: readonly number[]
  approvals: readonly Approval[]
  ahead: SignedAhead | null
}>

/** How a signing for a program has ended: what is published, or why there is no signature. */
export type ProgramOutcome = Readonly<{ answer: Envelope } | { code: RefusalCode }>

/** Signings that programs ask for. */
export type ProgramSignings = Readonly<{
  /** Begins one; of one that was begun, nothing. Rejects with a `Refusal` when no host would sign it, or there is no room for it. */
  begin: (asked: ProgramRequest) => Promise<void>
  /** Null while it has not ended. Rejects with `request.not_found`. */
  outcome: (signingId: SigningId) => Promise<ProgramOutcome | null>
  /**
   * What its hosts have confirmed: of one under way, once it has ended, or after some seconds nothing. Nothing of one that has not ended well, or
   * that is not there any more.
   */
  receipts: (signingId: SigningId) => Promise<readonly SigningReceipt[]>
  /** Hears of every one that ends here. */
  onEnded: (listener: (signingId: SigningId, outcome: ProgramOutcome) => void) => () => void
}>
