import { Refusal } from '@quorate/shared/errors'
import type { ByIndex } from '@quorate/shared/mpc'
import { digestOf, type verifyBody } from '@quorate/shared/crypto/sign'
import { failuresOf } from '@quorate/shared/verify/items'
import { areEnough, type Signers } from '@quorate/shared/verify/signers'
import { isCommitmentOf } from '@quorate/shared/verify/quorum'
import type { Task } from '@quorate/shared/verify/task'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import type { SignKey } from '@quorate/shared/wire/ids'
import type { Commitment } from '@quorate/shared/wire/signing'
import { isStocked, wordsOf } from '@quorate/shared/verify/commitments'
import type { Parts } from '../parts.ts'
import type { HeldKey } from '../vault.ts'
import type { Signing } from './seat.ts'

/** What all commitments of a package must agree on. `signers`: of each item. */
type Frame = Readonly<{ signingId: string; requestDigest: string; attempt: number; signers: readonly Signers[] }>

/**
 * Checks the list of commitments that a signing package brings: enough for one of the items, ascending and distinct, each signed by its
 * participant's host for this attempt, the own one exactly as it left. Throws `signing.misdelivered`, which accuses nobody, since
 * who carries the list can make it anything; `signing.bad_commitment` with those who signed for other items than the request has; and
 * `life.retired` when a host has been started again since, as far as is known here.
 */
export async function checkCommitments(
  key: HeldKey,
  frame: Frame,
  own: Commitment,
  list: readonly Commitment[],
  { lives, known }: Pick<Parts, 'lives' | 'known'>,
): Promise<void> {
  const verify: typeof verifyBody = (...of) => known.verify(...of)
  const indices = list.map(({ body }) => body.index)
  const ascends = indices.every((index, at) => index > (indices[at - 1] ?? 0))
  if (!ascends || !frame.signers.some((one) => areEnough(one, indices)) || !indices.includes(own.body.index))
    throw new Refusal('signing.misdelivered')
  for (const commitment of list) {
    const { index } = commitment.body
    // Its host does not know for what the gateway takes one from stock.
    const isMisplaced = isStocked(commitment) && frame.signers.length !== 1
    const isWord =
      index === own.body.index
        ? digestOf('commitment', commitment) === digestOf('commitment', own)
        : await isCommitmentOf(key, frame, index, commitment, verify)
    if (isMisplaced || !isWord) throw new Refusal('signing.misdelivered')
  }
  const culprits = list.filter((one) => wordsOf(one).length !== frame.signers.length).map(({ body }) => body.index)
  if (culprits.length > 0) throw new Refusal('signing.bad_commitment', culprits)
  for (const { body } of list) {
    const host = hostOf(key, body.index)
    if (host !== hostOf(key, own.body.index)) lives.see(host, body.life)
  }
}

function hostOf({ certificate }: HeldKey, index: number): SignKey {
  const participant = certificate.roster.skeleton.participants[index - 1]
  if (participant === undefined) throw new Refusal('signing.misdelivered')
  return participant.host.identity.signKey
}

/** An item that a package signs, by its place in the request, with the commitments of those who sign it, as the scheme takes them. */
export type LiveItem = Readonly<{ at: number; task: Task; commitments: ByIndex }>

/** What is to be done with each item, and who does it. */
export type Terms = Pick<Signing, 'tasks' | 'signers'>

/** The items that a checked package signs, in the order of the request. */
export function liveItems({ tasks, signers }: Terms, list: readonly Commitment[]): LiveItem[] {
  const failures = failuresOf(list, signers)
  return tasks.flatMap((task, at) =>
    failures[at] !== null || 'code' in task
      ? []
      : [{ at, task, commitments: commitmentsFor(list, at, signers[at]?.members ?? []) }],
  )
}

/** Those of them that participant `index` signs. */
export const signedBy = (index: number, live: readonly LiveItem[]): LiveItem[] =>
  live.filter(({ commitments }) => commitments.has(index))

const commitmentsFor = (list: readonly Commitment[], at: number, members: readonly number[]): Map<number, Uint8Array> =>
  new Map(
    list.flatMap((one) => {
      const { body } = one
      const word = wordsOf(one)[at]
      return word !== undefined && 'commitment' in word && members.includes(body.index)
        ? [[body.index, fromBase64url(word.commitment)] as const]
        : []
    }),
  )
