import type { HostId, Seat } from '@quorate/shared/wire/host'
import { ceilingAfter } from './back-off.ts'
import type { Hosts } from './ports.ts'
import { untilReady } from './until-ready.ts'

/** Of a host that could not answer. ms */
const LATE = { first: 100, longest: 1_000 }
/** A host that is away is looked for so often, beside the moment when it comes back. */
const LONGEST_AWAY_MS = 30_000
/** A host that is well and says no says it again, as long as nothing changes. Not all that changes is seen here. ms */
const REFUSED = { first: 100, longest: 600_000 }

type Question = Readonly<{ index: number; turn: number; tries: number }>

/** How long a session waits before it asks a host once more, in the same round. */
export class Rests {
  readonly #hosts: Pick<Hosts, 'state' | 'subscribe'>
  /** By seat, the turn whose question a host that is well has refused. */
  readonly #refused = new Map<number, number>()
  readonly #cutShort = new Set<() => void>()

  constructor(hosts: Pick<Hosts, 'state' | 'subscribe'>) {
    this.#hosts = hosts
  }

  /** `isWell`: the refusal is about the question and not about the host. */
  refused({ index, turn }: Question, isWell: boolean): void {
    if (isWell) this.#refused.set(index, turn)
    else this.#refused.delete(index)
  }

  /** What one host has done may be what another one lacked. */
  answered(index: number): void {
    this.#refused.delete(index)
    for (const goOn of [...this.#cutShort]) goOn()
  }

  /** After `tries` questions in vain to the host of this seat. The question of another turn does not wait for a change. */
  async before({ index, turn, tries }: Question, host: HostId, seats: readonly Seat[]): Promise<void> {
    if (this.#hosts.state(host) !== 'ready') await untilReady(this.#hosts, [host], LONGEST_AWAY_MS)
    else if (this.#refused.get(index) === turn)
      await this.#untilChanged(new Set(seats.map((seat) => seat.host)), ceilingAfter(tries, REFUSED))
    else await new Promise((resolve) => setTimeout(resolve, ceilingAfter(tries, LATE)).unref())
  }

  /** Resolves when one of these hosts comes or goes, or another seat has answered; after `ms` at the latest. */
  async #untilChanged(hosts: ReadonlySet<HostId>, ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const goOn = () => {
        clearTimeout(timer)
        unsubscribe()
        this.#cutShort.delete(goOn)
        resolve()
      }
      const timer = setTimeout(goOn, ms).unref()
      const unsubscribe = this.#hosts.subscribe(({ host }) => hosts.has(host) && goOn())
      this.#cutShort.add(goOn)
    })
  }
}
