import { visible } from '@quorate/shared/contents/shown'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Failure } from '@quorate/shared/wire/status'
import { QuorateError } from '../errors.ts'
import type { Key } from '../key.ts'
import type { OpenedRequest } from './request.ts'
import { canBeSigned } from './waiting-for.ts'

/** Somebody's signed no, which has been verified. */
export interface Rejection {
  readonly userId: string
  /** Of the participant, 1… */
  readonly index: number
  /** In the rejecter's words, just as they are signed. The message of an error shows what is invisible in them. */
  readonly reason: string | null
  /** What is rejected, as places in the request, 0… */
  readonly items: readonly number[]
}

/** The rejections among words that have been verified. */
export const rejectionsIn = (
  { participants }: Pick<Key, 'participants'>,
  approvals: readonly Approval[],
): Rejection[] =>
  approvals.flatMap(({ body: { index, reason, decisions } }) => {
    const items = decisions.flatMap((decision, at) => (decision === 'reject' ? [at] : []))
    return items.length === 0 ? [] : [{ userId: participants[index - 1] ?? '', index, reason, items }]
  })

/** For an error: who rejects, and why, as it is safe to show. */
export const inWords = ({ userId, reason }: Rejection): string =>
  reason === null ? `${userId} rejects it` : `${userId} rejects it: ${visible(reason)}`

/**
 * Too many do not want it. `rejections` are their own signed words. Where those alone leave no quorum, `by` is `client`: it was found by checking
 * here. Else it is the word of the gateway, which may keep words back.
 */
export class SigningRejected extends QuorateError {
  readonly rejections: readonly Rejection[]

  constructor(rejections: readonly Rejection[], culprits: readonly number[], by: 'client' | 'gateway') {
    super('signing.rejected', by, { culprits, issues: rejections.map(inWords) })
    this.rejections = rejections
  }
}

/** What a failure of this signing is thrown as. `approvals` have been verified. `now` in ms. */
export function failureOf(
  key: Key,
  opened: OpenedRequest,
  { failure, approvals, now }: Readonly<{ failure: Failure; approvals: readonly Approval[]; now: number }>,
): QuorateError {
  if (failure.code !== 'signing.rejected') return new QuorateError(failure.code, 'gateway', failure)
  const rejections = rejectionsIn(key, approvals)
  if (canBeSigned(key, opened, approvals, now)) return new SigningRejected(rejections, failure.culprits, 'gateway')
  const rejecters = rejections.map(({ index }) => index)
  return new SigningRejected(rejections, rejecters, 'client')
}
