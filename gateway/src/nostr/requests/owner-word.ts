import { sameDecisions } from '@quorate/shared/consent/decisions'
import { Refusal } from '@quorate/shared/errors'
import type { Approval } from '@quorate/shared/wire/consent'
import type { Digest } from '@quorate/shared/wire/ids'
import type { BunkerStore, ClientRequest } from '../../store/bunkers.ts'
import type { Bunker } from '../bunker.ts'
import type { OpenRequests } from './open-requests.ts'

/** An owner's word on a request. `use` rejects when it does not count. */
type Word = Readonly<{ eventId: Digest; approval: Approval; use: (state: ClientRequest) => Promise<void> }>

/**
 * Keeps an owner's word on a request that waits, and gives the request with it. The same word again changes nothing, also when the request has its
 * answer. Rejects with `request.not_found`, and with `session.conflict` for a word against an earlier one of the same owner.
 */
export async function keepWord(
  all: OpenRequests,
  store: Pick<BunkerStore, 'loadClientRequest'>,
  bunker: Bunker,
  { eventId, approval, use }: Word,
): Promise<ClientRequest> {
  const open = all.get(eventId)
  const found = open ?? (await store.loadClientRequest(eventId))
  const keyId = open?.bunker.keyId ?? (found !== null && 'keyId' in found ? found.keyId : null)
  if (found === null || keyId !== bunker.keyId || found.state.asked === null) throw new Refusal('request.not_found')
  const { state } = found
  await use(state)
  const { index } = approval.body
  const known = state.approvals.find(({ body }) => body.index === index)
  if (known !== undefined && !sameDecisions(known.body, approval.body)) throw new Refusal('session.conflict')
  if (known?.signature === approval.signature) return state
  if (open?.state.stage.name !== 'waiting') throw new Refusal('request.not_found')
  const others = state.approvals.filter((one) => one !== known)
  await all.save(open, { ...state, approvals: [...others, approval] }, [], true)
  return open.state
}
