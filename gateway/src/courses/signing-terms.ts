import type { Says } from '@quorate/shared/ceremonies/ceremony'
import type { signing } from '@quorate/shared/ceremonies/signing'
import type { OwnedKey } from '@quorate/shared/consent/permits'
import type { RefusalCode } from '@quorate/shared/errors'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { Approval, Consent } from '@quorate/shared/wire/consent'
import type { HostId } from '@quorate/shared/wire/host'
import type { Digest } from '@quorate/shared/wire/ids'
import type { SigningProgress } from '@quorate/shared/wire/routes/signing'
import type {
  Commitment,
  ItemResult,
  Partial,
  SigningReceipt,
  SigningRequest,
  StockCommitment,
  Withdrawal,
} from '@quorate/shared/wire/signing'
import type { Inbox, Session } from '../engine/course.ts'

/**
 * Why a participant does not count for this request any more. One that has not spoken itself may still approve; one whose host
 * cannot tell the epoch (`epoch.unproven`) counts again when somebody else speaks, or another host comes.
 */
export type Exclusion = Readonly<{ code: RefusalCode; final: boolean }>

/**
 * What is asked for, and who has agreed. `key`: the owners of its shares, with the grants that they registered. `askable`: the hosts
 * that could be asked when the last attempt began; `spoken`: who had asked or approved then. `willing`: owners whose books permit
 * what a program asks for, as a host has said. `closing`: the request is about to end, and what has enough words is signed without the rest. `signers`: by item, the members of its sub-group, who all sign; null, or no list at all, where any quorum does.
 */
export type SigningOwn = Readonly<{
  requestDigest: Digest
  request: SigningRequest
  /** Of the sealed items, which stay in the store: so many characters. */
  weight: number
  threshold: number
  signers?: readonly (readonly number[] | null)[]
  key: OwnedKey
  approvals: Inbox<Approval>
  excluded: Inbox<Exclusion>
  askable?: readonly HostId[]
  spoken?: readonly number[]
  withdrawal?: Withdrawal
  willing?: readonly number[]
  closing?: boolean
}>

/** What each host of the quorum is given to sign, word for word the same. */
type Package = Readonly<{ commitments: readonly Commitment[]; consents: readonly Consent[] }>

type Partials = Readonly<{ partials: readonly Partial[] }>

/** `answer`: what goes to the program that asked; null where a participant asked. Signings of before have none. */
type Outcome = Readonly<{ results: readonly ItemResult[]; answer?: Envelope | null }>

/** The key goes to its next epoch, at this participant's wish: requests of `epoch` and before are over. */
export type Superseded = Readonly<{ superseded: Readonly<{ epoch: number; asker: number }> }>

/** Who asked takes the request back. */
export type Withdrawn = Readonly<{ withdrawal: Withdrawal }>

export type SigningTerms = {
  ceremony: typeof signing
  own: SigningOwn
  /** An approval or a rejection, the end of the epoch, or of the request. */
  word: Approval | Superseded | Withdrawn
  given: {
    commit: null
    package: Package
    partial: Package
    aggregate: Package & Partials
  }
  result: Outcome & Readonly<{ receipts: readonly SigningReceipt[] }>
  status: SigningProgress
  /** They stay in the store. */
  lacks: { commit: 'sealedItems'; partial: 'brought'; aggregate: 'sealedItems' }
  /** Of each host of the quorum a commitment from its stock, and partials for these by whoever has given one already. */
  ready: Readonly<{ commitments: readonly StockCommitment[]; said?: Inbox<Says<typeof signing, 'partial'>> }>
}
export type SigningSession = Session<SigningTerms>

/** Does a program ask, and no participant? Then owners' books count, which only hosts can read. */
export const isOfProgram = ({ request }: Pick<SigningOwn, 'request'>): boolean => typeof request.body.asker !== 'number'
