import * as z from 'zod/mini'
import { LogEntry } from '../wire/bunker.ts'
import { Consent } from '../wire/consent.ts'
import { Envelope } from '../nostr/event.ts'
import { Index, SigningId, oneEach } from '../wire/ids.ts'
import {
  Commitment,
  FreshCommitment,
  ItemResult,
  MAX_ITEMS,
  Partial,
  SealedItems,
  SigningReceipt,
  SigningRequest,
} from '../wire/signing.ts'
import { Attempt } from './attempt.ts'
import { ceremony } from './ceremony.ts'

const seat = { signingId: SigningId, attempt: Attempt, index: Index }
const results = z.array(ItemResult).check(z.minLength(1), z.maxLength(MAX_ITEMS))
const commitments = oneEach(Commitment).check(z.minLength(1))
const partials = oneEach(Partial).check(z.minLength(1))
/** Words on the request, and grants of owners who have said nothing of it: one of each participant. */
const consents = oneEach(Consent)

const brought = z.strictObject({ request: SigningRequest, sealedItems: SealedItems })

/** Signs the items of a request with a quorum (RFC 9591 §5). */
export const signing = ceremony({
  kind: 'signing',
  rounds: {
    commit: {
      asks: z.strictObject({
        attempt: Attempt,
        index: Index,
        request: SigningRequest,
        sealedItems: SealedItems,
        consents,
      }),
      says: z.strictObject({ commitment: FreshCommitment }),
      who: 'quorum',
      loss: 'new_attempt',
    },
    /** The commitments become the signing package. */
    package: { who: 'nobody' },
    /**
     * `brought`: the request, where all commitments are from stock and nobody was asked to commit. `entry`: where a program asks, what this
     * host writes into its log.
     */
    partial: {
      asks: z.strictObject({ ...seat, consents, commitments, brought: z.optional(brought) }),
      says: z.strictObject({ partial: Partial, entry: z.optional(LogEntry) }),
      who: 'quorum',
      loss: 'new_attempt',
    },
    /**
     * Each host of the quorum joins the partials, and gives its receipt. `joined`: of the first host of the package, the results, and what goes to the program
     * that asked by an event, null where a participant asked. Brings all that a host needs, so that one that has restarted can.
     */
    aggregate: {
      asks: z.strictObject({
        ...seat,
        request: SigningRequest,
        sealedItems: SealedItems,
        consents,
        commitments,
        partials,
      }),
      says: z.strictObject({
        receipt: SigningReceipt,
        joined: z.nullable(z.strictObject({ results, answer: z.nullable(Envelope) })),
      }),
      who: 'quorum',
      loss: 'ask_again',
    },
  },
})
