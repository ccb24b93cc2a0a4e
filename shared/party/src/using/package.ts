import { Refusal } from '@quorate/shared/errors'
import type { ByIndex } from '@quorate/shared/mpc'
import { digestOf, verifyBody } from '@quorate/shared/crypto/sign'
import { failuresOf } from '@quorate/shared/verify/items'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { Commitment } from '@quorate/shared/wire/signing'
import type { HeldKey } from '../vault.ts'
import type { Task } from './tasks.ts'
import type { Signing } from './seat.ts'

/** What all commitments of a package must agree on. */
type Frame = Readonly<{ signingId: string; requestDigest: string; attempt: number; items: number }>

/**
 * Checks the list of commitments that a signing package brings: at least a threshold, ascending and distinct, each of
 * this attempt and signed by its participant's host, the own one exactly as it left. Throws `signing.bad_commitment`
 * with the culprits.
 */
export async function checkCommitments(
  key: HeldKey,
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

/** An item that every host of a package committed to, by its place in the request, with their commitments as the scheme takes them. */
export type LiveItem = Readonly<{ at: number; task: Task; commitments: ByIndex }>

/** The items that a checked package signs, in the order of the request. */
export function liveItems({ tasks }: Signing, list: readonly Commitment[]): LiveItem[] {
  const failures = failuresOf(list)
  return tasks.flatMap((task, at) =>
    failures[at] !== null || 'code' in task ? [] : [{ at, task, commitments: commitmentsFor(list, at) }],
  )
}

const commitmentsFor = (list: readonly Commitment[], at: number): Map<number, Uint8Array> =>
  new Map(
    list.flatMap(({ body }) => {
      const word = body.commitments[at]
      return word !== undefined && 'commitment' in word ? [[body.index, fromBase64url(word.commitment)] as const] : []
    }),
  )
