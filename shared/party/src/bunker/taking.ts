import type { RefusalCode } from '@quorate/shared/errors'
import type { Decision } from '@quorate/shared/bunker/decide'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { HandOn } from '@quorate/shared/nostr/hand-on'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { Request } from '@quorate/shared/nostr/methods'
import { refuse, type Response } from '@quorate/shared/nostr/nip46'
import type { Binding, Taken } from '@quorate/shared/wire/bunker'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import type { Parts } from '../parts.ts'
import type { HeldKey } from '../vault.ts'
import { respond } from './answer.ts'
import { requestOf, type ClientAsk } from './ask.ts'
import { lineOf, type Line } from './log-lines.ts'

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

/** The request for a signing that follows from the event; null where shares have nothing to do. */
export const signingOf = (parts: Parts, { key, ask }: Taking): SigningRequest | null =>
  ask === null ? null : requestOf(parts, key, ask)

/** Answers, and writes down why. */
export async function reply(
  parts: Parts,
  taking: Taking,
  response: Response,
  line: Line,
  bindings: Binding[] = [],
): Promise<Taken> {
  const entry = await parts.bunker.log.write(taking.key, lineOf(taking, line))
  return { does: 'answer', answer: respond(parts, taking.key, taking, response), entry, bindings }
}

export const refuseTaken = (parts: Parts, taking: Taking, code: RefusalCode): Promise<Taken> =>
  reply(parts, taking, refuse(taking.request.id, code), { outcome: 'refused', code })
