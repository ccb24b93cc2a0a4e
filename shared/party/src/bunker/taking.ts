import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Decision } from '@quorate/shared/bunker/decide'
import { verifyEnvelope, type Envelope } from '@quorate/shared/nostr/event'
import { readHandOn, type HandOn } from '@quorate/shared/nostr/hand-on'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { Request } from '@quorate/shared/nostr/methods'
import { readRequest, refuse, type Response } from '@quorate/shared/nostr/nip46'
import { contentFor, itemFor } from '@quorate/shared/bunker/wish'
import type { Binding, Taken } from '@quorate/shared/wire/bunker'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import type { Parts } from '../parts.ts'
import type { HeldKey } from '../vault.ts'
import { respond } from './answer.ts'
import { requestOf, type ClientAsk } from './ask.ts'
import { lineOf, type Line } from './log-lines.ts'
import { decisionsOf } from './standing.ts'

/** One event, as far as it is known: who asks for what, and what the owners' books say. */
export type Taking = Readonly<{
  key: HeldKey
  signer: NostrKey
  event: Envelope
  request: Request
  ask: ClientAsk | null
  decisions: ReadonlyMap<number, Decision>
  handOn: HandOn | null
}>

const handOnOf = ({ mpc }: Parts, request: Request, to: Parameters<typeof readHandOn>[2]): HandOn | null =>
  request.method === 'connect' && request.params.secret !== null ? readHandOn(mpc, request.params.secret, to) : null

/** What a program's event says, or why its text cannot be read. Throws `nostr.signer_unknown`, `nostr.event_*`, `seal.invalid`. */
export function opened(parts: Parts, key: HeldKey, signer: NostrKey, given: Envelope) {
  const { signers } = parts.bunker
  signers.require({ lineage: key.lineage, signer })
  const event = verifyEnvelope(parts.mpc, given, signer)
  return { event, read: () => readRequest(signers.read({ lineage: key.lineage, signer }, event)) }
}

/** The request of a verified event, with what each owner's book says of it. */
export function consider(parts: Parts, key: HeldKey, signer: NostrKey, event: Envelope, request: Request): Taking {
  const content = contentFor(request)
  const ask = content === null ? null : { signer, event, request, item: itemFor(content) }
  const client = event.pubkey
  const handOn = handOnOf(parts, request, { signer, client })
  const decisions = decisionsOf(parts.bunker, key, { signer, client, request, handOn }, parts.clock())
  return { key, signer, event, request, ask, decisions, handOn }
}

/** The request for a signing that follows from the event; null where shares have nothing to do. */
export const signingOf = (parts: Parts, { key, ask }: Taking): SigningRequest | null =>
  ask === null ? null : requestOf(parts, key, ask)

type Answered = Extract<Taken, { does: 'answer' }>

/** Answers, and writes down why. */
export async function reply(
  parts: Parts,
  taking: Taking,
  response: Response,
  line: Line,
  bindings: Binding[] = [],
): Promise<Answered> {
  const entry = await parts.bunker.log.write(taking.key, lineOf(taking, line))
  return { does: 'answer', answer: respond(parts, taking.key, taking, response), entry, bindings }
}

export const refuseTaken = (parts: Parts, taking: Taking, code: RefusalCode): Promise<Answered> =>
  reply(parts, taking, refuse(taking.request.id, code), { outcome: 'refused', code })

/** Says no to what could not be read as a request. Throws `refused` where it has no id to answer to. */
export async function refuseUnread(
  parts: Parts,
  key: HeldKey,
  of: Pick<Taking, 'signer' | 'event'>,
  { id, refused }: Readonly<{ id: string | null; refused: RefusalCode }>,
): Promise<Answered> {
  if (id === null) throw new Refusal(refused)
  const { event } = of
  const line = { event: event.id, client: event.pubkey, wish: '', peer: null, judgements: [], metadata: null }
  const entry = await parts.bunker.log.write(key, { ...line, outcome: 'refused', code: refused })
  return { does: 'answer', answer: respond(parts, key, of, refuse(id, refused)), entry, bindings: [] }
}
