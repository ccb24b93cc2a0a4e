import type { Envelope } from '@quorate/shared/nostr/event'
import type { PartialAhead, StockPackage, Taken } from '@quorate/shared/wire/bunker'
import type { Bunker, BunkerSeat } from '../bunker.ts'
import type { BunkerHosts } from '../hosts.ts'
import type { SignedAhead } from '../ports.ts'

/** Other hosts that give their partials while one takes an event, and for what. */
export type Helpers = Readonly<{ others: readonly BunkerSeat[]; given: StockPackage }>

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
  return given === null ? null : { others, given }
}

/** Has the other hosts sign meanwhile what the event asks for. Never rejects: whoever does not is asked in the round. */
export async function signAhead(
  ask: BunkerHosts,
  bunker: Bunker,
  event: Envelope,
  { others, given }: Helpers,
): Promise<PartialAhead[]> {
  const said = await Promise.allSettled(
    others.map((seat) => ask.ask(bunker, seat, 'bunker.sign', { event, ahead: given })),
  )
  return said.flatMap((one) => (one.status === 'fulfilled' ? (one.value.ahead ?? []) : []))
}

/** All that hosts have given, where the event is to be signed. */
export async function signedAhead(
  helpers: Helpers | null,
  said: Taken,
  partials: Promise<PartialAhead[]>,
): Promise<SignedAhead | null> {
  if (helpers === null || said.does !== 'sign') return null
  const own = said.ahead === null ? [] : [said.ahead]
  return { ...helpers.given, partials: [...own, ...(await partials)] }
}
