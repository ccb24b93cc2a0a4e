import * as z from 'zod/mini'
import { Text } from '../contents/content.ts'
import { Envelope, SignedEvent } from '../nostr/event.ts'
import { NostrKey } from '../nostr/keys.ts'
import { Relays, RelayUrl } from '../nostr/relays.ts'
import {
  Binding,
  Book,
  BunkerAttestation,
  BunkerReceipt,
  LogEntry,
  PartialAhead,
  SealedSigner,
  StockPackage,
  Taken,
} from '../wire/bunker.ts'
import { Approval } from '../wire/consent.ts'
import { GrantId, Index, KeyId, SignKey, oneEach } from '../wire/ids.ts'
import { Failure } from '../wire/status.ts'

/** Hosts that are announced by one call: their documents and events fit into a frame. */
export const MAX_ANNOUNCED = 8

/** `index`: a seat of the host that is asked. */
const seat = { keyId: KeyId, index: Index }
const of = { ...seat, signer: NostrKey }

/** What a host of a key can be asked about its bunker: the key of NIP-46's signer, what owners grant, and what programs ask. */
export const bunkerMethods = {
  /** Draws the signer's secret, and seals it for this host and each other host of the key. */
  'bunker.create': {
    params: z.strictObject(seat),
    result: z.strictObject({
      receipt: BunkerReceipt,
      sealed: oneEach(z.strictObject({ host: SignKey, signer: SealedSigner })),
    }),
  },
  /**
   * Brings all that a host needs to serve a bunker, or a part of it that is new. `sealed`: the signer's secret as this host keeps it from
   * now on, when another host had sealed it. `refused`: whose books do not count here, and why: an older one than is known, or one of
   * which a host that has restarted cannot tell that it is the newest.
   */
  'bunker.load': {
    params: z.strictObject({
      ...of,
      sealed: SealedSigner,
      books: oneEach(Book),
      bindings: z.array(Binding).check(z.maxLength(2_048)),
    }),
    result: z.strictObject({
      receipt: BunkerReceipt,
      sealed: z.nullable(SealedSigner),
      refused: oneEach(z.strictObject({ index: Index, code: Failure.shape.code })),
    }),
  },
  /**
   * A program's event. `consents`: what owners have said of it. `laidOut`: by which line a host of the key has laid it out for them, which
   * may be long ago, and another host. `ahead`: where it is to be signed, this host gives its partial for this at once.
   */
  'bunker.take': {
    params: z.strictObject({
      ...of,
      event: Envelope,
      consents: oneEach(Approval),
      laidOut: z.nullable(LogEntry),
      ahead: z.nullable(StockPackage),
    }),
    result: Taken,
  },
  /**
   * A program's event that another host takes at this moment. Where shares are to be used by the books of owners alone, this host gives its
   * partial of the first attempt; null where not.
   */
  'bunker.sign': {
    params: z.strictObject({ ...of, event: Envelope, ahead: StockPackage }),
    result: z.strictObject({ ahead: z.nullable(PartialAhead) }),
  },
  /** The answer to an event that cannot be signed, and the line of the log that says why. */
  'bunker.refuse': {
    params: z.strictObject({ ...of, event: Envelope, code: Failure.shape.code }),
    result: z.strictObject({ answer: Envelope, entry: LogEntry }),
  },
  /** What a program waits for that showed a `nostrconnect://` URI, and where. */
  'bunker.greet': {
    params: z.strictObject({ ...of, grant: GrantId }),
    result: z.strictObject({ event: Envelope, relays: Relays }),
  },
  /** NIP-42, for a relay that a book names. */
  'bunker.authenticate': {
    params: z.strictObject({ ...of, relay: RelayUrl, challenge: Text.check(z.minLength(1), z.maxLength(256)) }),
    result: z.strictObject({ event: SignedEvent }),
  },
  /** NIP-89's event of this signer, and one for each host that proves it by its document. Of many hosts, some at a time. */
  'bunker.announce': {
    params: z.strictObject({
      ...of,
      hosts: z.array(BunkerAttestation).check(z.minLength(1), z.maxLength(MAX_ANNOUNCED)),
    }),
    result: z.strictObject({ handler: SignedEvent, proofs: z.array(SignedEvent).check(z.maxLength(MAX_ANNOUNCED)) }),
  },
} as const
