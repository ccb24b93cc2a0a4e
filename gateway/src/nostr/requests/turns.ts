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
import type { SignedAhead } from '../ports.ts'
import { helpersOf, signAhead, signedAhead } from './ahead.ts'

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

type Took = Readonly<{ seat: BunkerSeat; said: Taken; ahead: SignedAhead | null }>

/** Whom to ask before the others: this host, and then those whose shares are likely to sign. */
type Preferred = Readonly<{ first?: HostId | undefined; signers?: readonly number[] }>

/** Those first that hold the newest books. */
function inOrder(
  { ask }: Tools,
  bunker: Bunker,
  seats: readonly BunkerSeat[],
  { first, signers = [] }: Preferred,
): BunkerSeat[] {
  const worth = (seat: BunkerSeat) => {
    if (seat.host === first) return 3
    return ask.isCurrent(bunker, seat) ? 1 + +signers.includes(seat.index) : 0
  }
  return bunker.inTurn(seats).sort((one, other) => worth(other) - worth(one))
}

/** Asks one host after the other until one does it. Rejects with what the last one said. */
async function oneOf<T>(
  tools: Tools,
  bunker: Bunker,
  preferred: Preferred,
  question: (seat: BunkerSeat, others: readonly BunkerSeat[]) => Promise<T>,
): Promise<Readonly<{ seat: BunkerSeat; said: T }>> {
  let last = new Refusal('enclave.unreachable')
  const seats = inOrder(tools, bunker, await tools.ask.available(bunker.keyId), preferred)
  for (const [at, seat] of seats.entries()) {
    try {
      return { seat, said: await question(seat, seats.slice(at + 1)) }
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
 * after a minute with what stood in the way. Where the event is likely to be signed, the hosts of
 * a quorum sign it at once, with commitments from stock.
 */
export async function take(tools: Tools, bunker: Bunker, { first, ...ask }: Ask): Promise<Took> {
  const { event, consents } = ask
  const until = tools.clock() + PATIENCE
  const signers = consents.length === 0 ? bunker.likelySigners(event.pubkey) : []
  for (let failures = 1; ; failures += 1) {
    try {
      const { seat, said } = await oneOf(tools, bunker, { first, signers }, async (seat, others) => {
        await tools.ask.ready(bunker, seat)
        const helpers = consents.length > 0 ? null : await helpersOf(tools.ask, bunker, event, [seat, ...others])
        const partials = helpers === null ? Promise.resolve([]) : signAhead(tools.ask, bunker, event, helpers)
        const params = { ...paramsOf(ask), ahead: helpers?.given ?? null }
        const taken = await tools.ask.ask(bunker, seat, 'bunker.take', params)
        return { taken, ahead: await signedAhead(helpers, taken, partials) }
      })
      return { seat, said: said.taken, ahead: said.ahead }
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
      const params = { ...paramsOf(ask), ahead: null }
      return { seat, said: await tools.ask.ask(bunker, seat, 'bunker.take', params) }
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
    const { said } = await oneOf(tools, bunker, {}, (seat) =>
      tools.ask.ask(bunker, seat, 'bunker.refuse', { event, code }),
    )
    return said
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}
