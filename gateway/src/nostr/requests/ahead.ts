import type { Envelope } from '@quorate/shared/nostr/event'
import type { PartialAhead, StockPackage, Taken } from '@quorate/shared/wire/bunker'
import type { Bunker, BunkerSeat } from '../bunker.ts'
import type { BunkerHosts } from '../hosts.ts'
import type { SignedAhead } from '../ports.ts'

/** Who takes an event, which other hosts give their partials meanwhile, and for what. */
export type Helpers = Readonly<{ taker: BunkerSeat; others: readonly BunkerSeat[]; given: StockPackage }>

/** A partial stands at the seat that was asked, whatever it says itself. */
type SaidAhead = readonly (readonly [index: number, PartialAhead])[]

/**
 * As many of those that are likely to sign as a quorum needs beside the host that takes the event, with a commitment of each and of that host. Null where
 * they are too few, or have none in stock.
 */
export async function helpersOf(
  ask: BunkerHosts,
  bunker: Bunker,
  event: Envelope,
  [taker, ...seats]: readonly [BunkerSeat, ...BunkerSeat[]],
): Promise<Helpers | null> {
  const signers = bunker.likelySigners(event.pubkey)
  if (!signers.includes(taker.index)) return null
  const threshold = await ask.thresholdOf(bunker.keyId)
  const likely = seats.filter((seat) => signers.includes(seat.index) && ask.isCurrent(bunker, seat))
  const others = likely.slice(0, threshold - 1)
  if (others.length + 1 < threshold) return null
  const asker = { client: event.pubkey, event: event.id, signer: bunker.signer }
  const given = await ask.draw(bunker.keyId, [taker, ...others], asker)
  return given === null ? null : { taker, others, given }
}

/** Has the other hosts sign meanwhile what the event asks for. Never rejects: whoever does not is asked in the round. */
export async function signAhead(
  ask: BunkerHosts,
  bunker: Bunker,
  event: Envelope,
  { others, given }: Helpers,
): Promise<SaidAhead> {
  const said = await Promise.allSettled(
    others.map((seat) => ask.ask(bunker, seat, 'bunker.sign', { event, ahead: given })),
  )
  return others.flatMap(({ index }, at) => {
    const one = said[at]
    const ahead = one?.status === 'fulfilled' ? one.value.ahead : null
    return ahead === null ? [] : [[index, ahead] as const]
  })
}

/** All that hosts have given, where the event is to be signed. */
export async function signedAhead(
  helpers: Helpers | null,
  said: Taken,
  partials: Promise<SaidAhead>,
): Promise<SignedAhead | null> {
  if (helpers === null || said.does !== 'sign') return null
  const own: SaidAhead = said.ahead === null ? [] : [[helpers.taker.index, said.ahead]]
  return { ...helpers.given, said: Object.fromEntries([...own, ...(await partials)]) }
}
