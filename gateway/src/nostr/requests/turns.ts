import type { HostResult } from '@quorate/shared/ceremonies/host-methods'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { LogEntry, Taken } from '@quorate/shared/wire/bunker'
import type { Approval } from '@quorate/shared/wire/consent'
import type { HostId } from '@quorate/shared/wire/host'
import { delayAfter } from '../../engine/back-off.ts'
import type { Hosts } from '../../engine/ports.ts'
import { isUnwell } from '../../hosts/health.ts'
import type { Bunker, BunkerSeat } from '../bunker.ts'
import type { BunkerHosts } from '../hosts.ts'
import type { Alarm } from '../relays/alarm.ts'

/** What no other host would say otherwise of an event. */
const ofEvent: ReadonlySet<RefusalCode> = new Set([
  'nostr.event_invalid',
  'nostr.event_misaddressed',
  'nostr.event_unsigned',
  'nostr.event_stale',
  'nostr.request_invalid',
  'nostr.version',
  'nostr.size',
  'seal.invalid',
])

/** Is there nothing to answer to this event? Then its program hears nothing. */
export const isOfEvent = (error: unknown): boolean => error instanceof Refusal && ofEvent.has(error.code)

/** How long a request waits for a host that can take it. ms */
const PATIENCE = 60_000
const RESTS = { first: 250, longest: 5_000 }

export type Tools = Readonly<{
  ask: BunkerHosts
  hosts: Pick<Hosts, 'subscribe'>
  alarm: Alarm
  clock: () => number
  closing: AbortSignal
}>

/** An event for the hosts of a bunker. `first`: the host that is asked before the others. `laidOut`: the line by which one has laid it out. */
export type Ask = Readonly<{ event: Envelope; consents: readonly Approval[]; laidOut: LogEntry | null; first?: HostId }>

const paramsOf = ({ event, consents, laidOut }: Omit<Ask, 'first'>) => ({ event, consents: [...consents], laidOut })

/** Those first that hold the newest books. */
function inOrder(
  { ask }: Tools,
  bunker: Bunker,
  seats: readonly BunkerSeat[],
  first: HostId | undefined,
): BunkerSeat[] {
  const worth = (seat: BunkerSeat) => (seat.host === first ? 2 : ask.isCurrent(bunker, seat) ? 1 : 0)
  return bunker.inTurn(seats).sort((one, other) => worth(other) - worth(one))
}

/** Asks one host after the other until one does it. Rejects with what the last one said. */
async function oneOf<T>(
  tools: Tools,
  bunker: Bunker,
  first: HostId | undefined,
  question: (seat: BunkerSeat) => Promise<T>,
): Promise<Readonly<{ seat: BunkerSeat; said: T }>> {
  let last = new Refusal('enclave.unreachable')
  const seats = await tools.ask.available(bunker.keyId)
  for (const seat of inOrder(tools, bunker, seats, first)) {
    try {
      return { seat, said: await question(seat) }
    } catch (error) {
      if (!(error instanceof Refusal) || isOfEvent(error)) throw error
      // What a host that is well says weighs more than that another one is away.
      if (!isUnwell(error.code) || isUnwell(last.code)) last = error
    }
  }
  throw last
}

/** Resolves when a host comes, after `ms`, or when the gateway closes. */
const rest = ({ hosts, alarm, closing }: Tools, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      cancel()
      unsubscribe()
      closing.removeEventListener('abort', done)
      resolve()
    }
    const cancel = alarm(ms, done)
    const unsubscribe = hosts.subscribe(({ type }) => type === 'ready' && done())
    closing.addEventListener('abort', done)
    if (closing.aborted) done()
  })

/**
 * Has one host take an event; waits for a host that can. Time-outs of ours never count against the program. Rejects with `gateway.draining`, or
 * after a minute with what stood in the way.
 */
export async function take(
  tools: Tools,
  bunker: Bunker,
  { first, ...ask }: Ask,
): Promise<Readonly<{ seat: BunkerSeat; said: Taken }>> {
  const until = tools.clock() + PATIENCE
  for (let failures = 1; ; failures += 1) {
    try {
      return await oneOf(tools, bunker, first, async (seat) => {
        await tools.ask.ready(bunker, seat)
        return tools.ask.ask(bunker, seat, 'bunker.take', paramsOf(ask))
      })
    } catch (error) {
      if (tools.closing.aborted) throw new Refusal('gateway.draining')
      if (!(error instanceof Refusal) || isOfEvent(error) || tools.clock() >= until) throw error
      await rest(tools, delayAfter(failures, RESTS))
    }
  }
}

/** Shows an event to all other hosts that are there, at once: each has to see a program come and go. */
export async function show(
  tools: Tools,
  bunker: Bunker,
  ask: Ask,
  but: BunkerSeat,
): Promise<Readonly<{ seat: BunkerSeat; said: Taken }>[]> {
  const seats = await tools.ask.available(bunker.keyId)
  const shown = seats
    .filter(({ host }) => host !== but.host)
    .map(async (seat) => {
      await tools.ask.ready(bunker, seat)
      return { seat, said: await tools.ask.ask(bunker, seat, 'bunker.take', paramsOf(ask)) }
    })
  return (await Promise.allSettled(shown)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

/** The program's answer for what cannot be done, with the line of the host's log. Null when no host can say it. */
export async function refuse(
  tools: Tools,
  bunker: Bunker,
  event: Envelope,
  code: RefusalCode,
): Promise<HostResult<'bunker.refuse'> | null> {
  try {
    const { said } = await oneOf(tools, bunker, undefined, (seat) =>
      tools.ask.ask(bunker, seat, 'bunker.refuse', { event, code }),
    )
    return said
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}
