import { Refusal } from '@quorate/shared/errors'
import type { ShareInput, Use } from '@quorate/shared/schemes/scheme'
import { toBase64url } from '@quorate/shared/wire/bytes'
import { isStocked, wordsOf } from '@quorate/shared/verify/commitments'
import type {
  Commitment,
  FreshCommitment,
  ItemCommitment,
  OwnerRefusal,
  Outside,
  StockCommitment,
} from '@quorate/shared/wire/signing'
import type { ItemConsent } from '../consent.ts'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import { destroyNonces, lendFor, useFor, type Seat, type Signing } from './seat.ts'
import type { Nonce } from './stocks.ts'
import type { Declined } from './tasks.ts'

type Word = Declined | Readonly<{ code: OwnerRefusal | Outside }> | Readonly<{ nonce: Nonce; commitment: Uint8Array }>

/** Draws the nonces of every item that this host signs. Whether it could is said before whether its owner wants it. */
function draw(
  parts: Parts,
  { request, tasks }: Signing,
  index: number,
  consents: readonly ItemConsent[],
): readonly Word[] {
  return lendFor(parts, request, index, (key) => {
    return tasks.map((task, at): Word => {
      if ('code' in task) return task
      const consent = consents[at]
      if (consent === undefined || consent.ground === null) return { code: consent?.word ?? 'consent.missing' }
      const { held, toAll } = begin(useFor(parts, key, task), { ...task, index, share: key.share })
      return { nonce: held, commitment: toAll }
    })
  })
}

function begin(use: Use, input: ShareInput) {
  const step = orRefuse('enclave.failed', () => use.begin(input))
  if (!('toAll' in step)) throw new Refusal('enclave.failed')
  return step
}

function destroy(words: readonly Word[]): void {
  for (const word of words) if ('nonce' in word) word.nonce.destroy()
}

/** Round one. The same attempt gets the same commitment; a newer one gets fresh nonces, and the old ones are destroyed. */
export async function takeSeat(
  parts: Parts,
  signing: Signing,
  { index, attempt, consents }: Readonly<{ index: number; attempt: number; consents: readonly ItemConsent[] }>,
): Promise<FreshCommitment> {
  const seat = signing.seats.get(index)
  if (seat?.attempt === attempt) return ownOf(seat.commitment)
  if (seat !== undefined && seat.attempt > attempt) throw new Refusal('nonce.spent')

  const words = draw(parts, signing, index, consents)
  const commitments = words.map((word): ItemCommitment =>
    'code' in word ? { code: word.code } : { commitment: toBase64url(word.commitment) },
  )
  const { requestDigest } = signing
  const { signingId } = signing.request
  const commitment = await parts.keys.sign('commitment', {
    signingId,
    requestDigest,
    attempt,
    index,
    life: parts.life,
    commitments,
  })

  const now = signing.seats.get(index)
  if (now !== seat) {
    destroy(words)
    if (now?.attempt === attempt) return ownOf(now.commitment)
    throw new Refusal('nonce.spent')
  }
  const nonces = words.map((word) => ('nonce' in word ? word.nonce : null))
  sitDown(parts, signing, { attempt, commitment, nonces })
  return commitment
}

/** In an attempt that began without a round one, there is none to repeat. */
function ownOf(commitment: Commitment): FreshCommitment {
  if (isStocked(commitment)) throw new Refusal('nonce.spent')
  return commitment
}

/** The nonces of the seat's attempt before are destroyed. */
function sitDown(parts: Parts, signing: Signing, seat: Pick<Seat, 'attempt' | 'commitment' | 'nonces'>): void {
  const { attempt, commitment } = seat
  const { index } = commitment.body
  destroyNonces(signing.seats.get(index))
  signing.seats.set(index, { ...seat, spent: null })
  const { signingId } = signing.request
  for (const word of wordsOf(commitment)) {
    // A use that draws no nonce commits to nothing.
    if ('code' in word || word.commitment === '') continue
    parts.log({ event: 'nonce.committed', signingId, index, attempt, commitment: word.commitment })
  }
}

/**
 * Takes the seat with a commitment from stock, whose nonce is of this signing from now on. All of the request is one item, which
 * this host signs. Throws `signing.misdelivered`, and `nonce.spent` when the nonce is not in stock any more.
 */
export function takeStockedSeat(parts: Parts, signing: Signing, attempt: number, commitment: StockCommitment): void {
  const [task, ...others] = signing.tasks
  if (task === undefined || 'code' in task || others.length > 0) throw new Refusal('signing.misdelivered')
  const { index } = commitment.body
  const nonce = parts.stocks.take(commitment)
  const held = lendFor(parts, signing.request, index, (key) => {
    const use = useFor(parts, key, task)
    if (use.ahead !== undefined) return nonce
    // This use needs no nonce. The one that was committed to is gone nevertheless.
    nonce.destroy()
    return begin(use, { ...task, index, share: key.share }).held
  })
  sitDown(parts, signing, { attempt, commitment, nonces: [held] })
}
