import { Refusal } from '@quorate/shared/errors'
import { toBase64url } from '@quorate/shared/wire/bytes'
import type { Commitment, ItemCommitment, OwnerRefusal, Outside } from '@quorate/shared/wire/signing'
import type { ItemConsent } from '../consent.ts'
import { orRefuse } from '../or-refuse.ts'
import type { Parts } from '../parts.ts'
import { destroyNonces, lendFor, useFor, type Nonce, type Signing } from './seat.ts'
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
      const step = orRefuse('enclave.failed', () =>
        useFor(parts, key, task).begin({ ...task, index, share: key.share }),
      )
      if (!('toAll' in step)) throw new Refusal('enclave.failed')
      return { nonce: step.held, commitment: step.toAll }
    })
  })
}

function destroy(words: readonly Word[]): void {
  for (const word of words) if ('nonce' in word) word.nonce.destroy()
}

/** Round one. The same attempt gets the same commitment; a newer one gets fresh nonces, and the old ones are destroyed. */
export async function takeSeat(
  parts: Parts,
  signing: Signing,
  { index, attempt, consents }: Readonly<{ index: number; attempt: number; consents: readonly ItemConsent[] }>,
): Promise<Commitment> {
  const { signingId } = signing.request
  const seat = signing.seats.get(index)
  if (seat?.attempt === attempt) return seat.commitment
  if (seat !== undefined && seat.attempt > attempt) throw new Refusal('nonce.spent')

  const words = draw(parts, signing, index, consents)
  const commitments = words.map((word): ItemCommitment =>
    'code' in word ? { code: word.code } : { commitment: toBase64url(word.commitment) },
  )
  const { requestDigest } = signing
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
    if (now?.attempt === attempt) return now.commitment
    throw new Refusal('nonce.spent')
  }
  destroyNonces(seat)
  const nonces = words.map((word) => ('nonce' in word ? word.nonce : null))
  signing.seats.set(index, { attempt, commitment, nonces, spent: null })
  for (const word of commitments) {
    // A use that draws no nonce commits to nothing.
    if ('code' in word || word.commitment === '') continue
    parts.log({ event: 'nonce.committed', signingId, index, attempt, commitment: word.commitment })
  }
  return commitment
}
