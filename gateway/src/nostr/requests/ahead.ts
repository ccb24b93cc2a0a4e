import type { Envelope } from '@quorate/shared/nostr/event'
import type { FreshCommitment } from '@quorate/shared/wire/signing'
import type { Bunker, BunkerSeat } from '../bunker.ts'
import type { BunkerHosts } from '../hosts.ts'

/** Has other hosts commit meanwhile to what the event asks for. Never rejects: whoever does not is asked in the round. */
export async function commitAhead(
  ask: BunkerHosts,
  bunker: Bunker,
  event: Envelope,
  ready: readonly BunkerSeat[],
): Promise<FreshCommitment[]> {
  const said = await Promise.allSettled(ready.map((seat) => ask.ask(bunker, seat, 'bunker.commit', { event })))
  return said.flatMap((one) => (one.status === 'fulfilled' ? (one.value.commitment ?? []) : []))
}

/** As many of those that are likely to sign as a quorum needs beside the host that takes the event. */
export async function helpersOf(
  ask: BunkerHosts,
  bunker: Bunker,
  others: readonly BunkerSeat[],
  signers: readonly number[],
): Promise<BunkerSeat[]> {
  if (signers.length === 0) return []
  const threshold = await ask.thresholdOf(bunker.keyId)
  return others.filter((seat) => signers.includes(seat.index) && ask.isCurrent(bunker, seat)).slice(0, threshold - 1)
}
