import type { SigningProgress } from '@quorate/shared/wire/routes/signing'
import type { ItemState, SigningState } from '@quorate/shared/wire/signing'
import type { Inbox, Versioned } from '../engine/course.ts'
import { indicesOf, inOrder } from '../engine/machine.ts'
import { failureOf } from './failure.ts'
import { couldSign, placesOf, wantedItems } from './signing-consent.ts'
import type { SigningSession } from './signing-terms.ts'

const isEmpty = (inbox: Inbox<unknown>): boolean => Object.keys(inbox).length === 0

function stateOf({ stage }: SigningSession): SigningState {
  if (stage.name === 'waiting') return 'collecting_participants'
  if (stage.name !== 'asking') return stage.name
  switch (stage.round) {
    case 'commit':
      return isEmpty(stage.said) ? 'generating_nonces' : 'collecting_nonces'
    case 'package':
      return 'aggregating_nonces'
    case 'partial':
      return isEmpty(stage.said) ? 'generating_partial_signatures' : 'collecting_partial_signatures'
    case 'aggregate':
      return 'finalizing_signature'
  }
}

/** How far each item is. The words of a signing that has ended count no more where it has results. */
function itemsOf(s: SigningSession): ItemState[] {
  const { stage, own } = s
  if (stage.name === 'completed')
    return stage.result.results.map((result) => {
      if (!('code' in result)) return 'signed'
      return result.code === 'signing.rejected' ? 'rejected' : 'failed'
    })
  const wanted = new Set(wantedItems(s))
  const isOver = stage.name === 'failed' || stage.name === 'expired'
  return placesOf(own).map((at) => {
    if (!couldSign(s, at)) return 'rejected'
    if (isOver) return 'failed'
    return wanted.has(at) ? 'approved' : 'waiting'
  })
}

/** What the world sees of a signing, without its items. */
export function statusOf({ version, state: s }: Versioned<SigningSession>): SigningProgress {
  const { own, stage } = s
  const result = stage.name === 'completed' ? stage.result : null
  return {
    signingId: own.request.body.signingId,
    keyId: s.keyId,
    version,
    state: stateOf(s),
    expiresAt: own.request.body.expiresAt,
    attempt: s.attempt,
    request: own.request,
    items: itemsOf(s),
    approvals: inOrder(indicesOf(s), own.approvals),
    quorum: 'quorum' in stage ? [...stage.quorum] : [],
    failure: failureOf(stage, 'signing.expired'),
    results: result ? [...result.results] : null,
    receipts: result ? [...result.receipts] : [],
  }
}
