import type { Decision } from '@quorate/shared/bunker/decide'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { Request } from '@quorate/shared/nostr/methods'
import { peerOf, wishOf } from '@quorate/shared/bunker/wish'
import type { Judgement, LogLine } from '@quorate/shared/wire/bunker'
import type { Parts } from '../parts.ts'
import type { HeldKey } from '../vault.ts'
import type { ClientAsk } from './ask.ts'
import { decisionOf } from './standing.ts'

export type Line = Pick<LogLine, 'outcome' | 'code'>

type Known = Readonly<{ event: Envelope; request: Request; decisions: ReadonlyMap<number, Decision> }>

/** As long as a line has room for. */
const cut = (text: string): string => text.slice(0, 256)

function judgementOf(index: number, { does, rule, grant, observed, passed }: Decision): Judgement {
  return {
    index,
    does,
    rule,
    grant: grant?.id ?? null,
    observed: cut(observed),
    passed: passed.map((one) => ({ ...one, observed: cut(one.observed) })),
  }
}

/** A line of the log. It holds what was asked for and why, and nothing of what is signed or encrypted. */
export const lineOf = ({ event, request, decisions }: Known, line: Line): LogLine => ({
  ...line,
  event: event.id,
  client: event.pubkey,
  wish: wishOf(request),
  peer: peerOf(request),
  judgements: [...decisions].map(([index, decision]) => judgementOf(index, decision)),
  metadata: request.method === 'connect' ? request.params.metadata : null,
})

/** What a host notes whose share takes part: for whom, with which peer, and what its own owner's book says. */
export function tookPart({ bunker, clock }: Parts, key: HeldKey, ask: ClientAsk, index: number): LogLine {
  const { signer, event, request } = ask
  const decision = decisionOf(bunker, key, { signer, client: event.pubkey, request }, index, clock())
  const decisions = new Map(decision === null ? [] : [[index, decision]])
  return lineOf({ event, request, decisions }, { outcome: 'took_part', code: null })
}
