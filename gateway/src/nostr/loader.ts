import { Refusal } from '@quorate/shared/errors'
import type { Book } from '@quorate/shared/wire/bunker'
import type { HostId } from '@quorate/shared/wire/host'
import type { Hosts } from '../engine/ports.ts'
import type { KeyCache } from '../keys/key-cache.ts'
import { seatsOf, type Bunker } from './bunker.ts'
import type { BookEvents, BunkerHosts } from './hosts.ts'

/** Bunkers that are brought to one host at a time. */
const AT_ONCE = 8

export type LoaderTools = Readonly<{
  ask: BunkerHosts
  hosts: Hosts
  keys: KeyCache
  bunkers: () => Iterable<Bunker>
  closing: AbortSignal
  brought: BookEvents['bunkersBrought']
  failed: (error: unknown) => void
}>

/** What cannot be brought now is brought when the host is asked for something, or comes back. */
const unlessBug =
  (failed: (error: unknown) => void) =>
  (error: unknown): void => {
    if (!(error instanceof Refusal)) failed(error)
  }

async function allTried(tries: readonly Promise<void>[], failed: (error: unknown) => void): Promise<void> {
  await Promise.all(tries.map((one) => one.catch(unlessBug(failed))))
}

/** Tells every host that is there, at once, of a new book. One that has not taken it is not asked for anything before it has. */
export async function tellAll({ ask, hosts, keys, failed }: LoaderTools, bunker: Bunker, book: Book): Promise<void> {
  const seats = await seatsOf(keys, bunker.keyId)
  const told = seats.map(async (seat) => {
    if (hosts.state(seat.host) !== 'ready') throw new Refusal('enclave.unreachable')
    await ask.tell(bunker, seat, book)
    if (!ask.isCurrent(bunker, seat)) await ask.load(bunker, seat)
  })
  await allTried(told, failed)
}

/** Brings a bunker to every host that is there and has not said that it holds it. */
export async function bringToAll({ ask, hosts, keys, failed }: LoaderTools, bunker: Bunker): Promise<void> {
  const lacking = (await seatsOf(keys, bunker.keyId)).filter(
    (seat) => hosts.state(seat.host) === 'ready' && !ask.isLoaded(bunker, seat),
  )
  await allTried(
    lacking.map((seat) => ask.load(bunker, seat)),
    failed,
  )
}

/** Brings a host of a bunker what it lacks. Never rejects. */
async function bring({ ask, keys, failed }: LoaderTools, bunker: Bunker, host: HostId): Promise<void> {
  try {
    const seat = (await seatsOf(keys, bunker.keyId)).find((one) => one.host === host)
    if (seat !== undefined) await ask.ready(bunker, seat)
  } catch (error) {
    unlessBug(failed)(error)
  }
}

/** Brings a host that has come all bunkers of its keys that it does not hold as they are. */
export async function bringAll(tools: LoaderTools, host: HostId): Promise<void> {
  const all = tools.bunkers()[Symbol.iterator]()
  const next = async (): Promise<void> => {
    for (let one = all.next(); one.done !== true; one = all.next()) {
      if (tools.closing.aborted || tools.hosts.state(host) !== 'ready') return
      await bring(tools, one.value, host)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
  if (!tools.closing.aborted && tools.hosts.state(host) === 'ready') tools.brought({ host, left: tools.ask.left(host) })
}
