import { Refusal } from '@quorate/shared/errors'
import { digestOf, verifyBody } from '@quorate/shared/seal/sign'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { Commitment } from '@quorate/shared/wire/signing'
import type { OpenKey } from '../vault/shares.ts'

/** What all commitments of a package must agree on. */
type Frame = Readonly<{ signingId: string; requestDigest: string; attempt: number; items: number }>

/**
 * Checks the list of commitments that a signing package brings: at least a threshold, ascending and distinct, each of
 * this attempt and signed by its participant's host, the own one exactly as it left. Throws `signing.bad_commitment`
 * with the culprits.
 */
export async function checkCommitments(
  key: OpenKey,
  frame: Frame,
  own: Commitment,
  list: readonly Commitment[],
): Promise<void> {
  const { threshold, participants } = key.certificate.roster.skeleton
  const culprits: number[] = []
  let last = 0
  for (const commitment of list) {
    const { body } = commitment
    const host = participants[body.index - 1]?.host
    const fits =
      host !== undefined &&
      body.index > last &&
      body.signingId === frame.signingId &&
      body.requestDigest === frame.requestDigest &&
      body.attempt === frame.attempt &&
      body.commitments.length === frame.items &&
      (body.index === own.body.index
        ? digestOf('commitment', commitment) === digestOf('commitment', own)
        : await verifyBody(host.identity.signKey, 'commitment', commitment))
    if (!fits) culprits.push(body.index)
    last = body.index
  }
  if (culprits.length > 0) throw new Refusal('signing.bad_commitment', culprits)
  if (list.length < threshold || !list.some(({ body }) => body.index === own.body.index))
    throw new Refusal('signing.bad_commitment')
}

/** The commitments for item `at`, by participant, as FROST takes them. */
export const commitmentsFor = (list: readonly Commitment[], at: number): Map<number, Uint8Array> =>
  new Map(list.map(({ body }) => [body.index, fromBase64url(body.commitments[at] ?? '')]))
