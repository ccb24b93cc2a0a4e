import { mkdtemp, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Quorate, type Bunker, type Key, type Participant, type QuorateOptions } from '@quorate/client'
import type { Terms } from '@quorate/client/bunker'
import { startFleet, type Fleet } from '../fleet/fleet.ts'

/** Two owners whose grants let programs in: as many as the key wants. */
const owners = ['alice', 'bob'] as const
const people = [...owners, 'carol'] as const
type Name = (typeof people)[number]

/** What a program may do when nothing is said: whatever the suites try. */
export const everything: Terms = { preset: 'everything', otherwise: 'refuse', expiresIn: 86_400_000 }

/** Grants in a book at once: it has room for 256. */
const MOST_GIVEN = 250

/** A fleet with a key, and a bunker on it, over one relay. `fleet` and `bunkers` change with a restart. */
export class FleetSigner {
  readonly user: string
  readonly key: Key
  readonly #state: string
  readonly #seeds: Readonly<Record<Name, Uint8Array>>
  readonly #asking: Asking
  readonly #given: string[] = []
  #last: Promise<unknown> = Promise.resolve()
  fleet: Fleet
  bunkers: Readonly<Record<(typeof owners)[number], Bunker>>

  private constructor(made: Made) {
    this.user = made.key.groupKey
    this.key = made.key
    this.#state = made.state
    this.#seeds = made.seeds
    this.#asking = made.asking
    this.fleet = made.fleet
    this.bunkers = made.bunkers
  }

  /** Programs may bring other relays of this machine. `asking`: by what its people ask the gateway. */
  static async open(relay: string, asking: Asking = {}): Promise<FleetSigner> {
    const state = await mkdtemp(join(tmpdir(), 'quorate-bunker-'))
    const seeds = { alice: randomBytes(32), bob: randomBytes(32), carol: randomBytes(32) }
    const fleet = await start(state, 0)
    try {
      const people = { fleet, seeds, asking }
      const key = await makeKey(people)
      return new FleetSigner({ state, ...people, key, bunkers: await openBunkers(people, key, relay) })
    } catch (error) {
      await fleet.stop()
      throw error
    }
  }

  participant(name: Name): Participant {
    return personOf({ fleet: this.fleet, seeds: this.#seeds, asking: this.#asking }, name)
  }

  /** A `bunker://` URI for one program, by the books of both owners. One at a time: each is a change of both books. */
  uri = (terms: Terms = everything): Promise<string> => this.#inTurn(() => this.#offer(terms))

  /** Lets in the program that shows this `nostrconnect://` URI. It is answered when both owners have let it in. */
  accept = (connectUri: string, terms: Terms = everything): Promise<void> =>
    this.#inTurn(async () => {
      const { alice, bob } = this.bunkers
      const { grant } = await alice.accept(connectUri, terms)
      await bob.second(grant)
    })

  async #offer(terms: Terms): Promise<string> {
    const { alice, bob } = this.bunkers
    if (this.#given.length >= MOST_GIVEN) {
      const [oldest = ''] = this.#given.splice(0, 1)
      await Promise.all([alice.revoke(oldest), bob.revoke(oldest)])
    }
    const { uri, grant } = await alice.offer(terms)
    await bob.second(grant)
    this.#given.push(grant)
    return uri
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act)
    this.#last = done.catch(() => undefined)
    return done
  }

  /** Ends every process and starts all of them anew. Then owners write their books again, naming the hosts as they are. */
  restart = async (): Promise<void> => {
    await this.fleet.stop()
    this.fleet = await start(this.#state, Number(new URL(this.fleet.url).port))
    const reopened = async (name: (typeof owners)[number]) => {
      const bunker = await this.participant(name).bunker(this.key)
      await bunker.renew()
      return bunker
    }
    this.bunkers = { alice: await reopened('alice'), bob: await reopened('bob') }
  }

  close = async (): Promise<void> => {
    await this.fleet.stop()
    await rm(this.#state, { recursive: true, force: true })
  }
}

type Asking = Pick<QuorateOptions, 'fetch'>
type People = Readonly<{ fleet: Fleet; seeds: Readonly<Record<Name, Uint8Array>>; asking: Asking }>
type Made = People & Readonly<{ state: string; key: Key; bunkers: FleetSigner['bunkers'] }>

const start = (state: string, port: number): Promise<Fleet> =>
  startFleet({ state, port, rateLimit: 1_000_000, gatewayEnv: { QUORATE_RELAYS: 'ws://127.0.0.1:*' } })

function personOf({ fleet: { url, trust }, seeds, asking }: People, name: Name): Participant {
  const quorate = new Quorate({ gateway: url, trust, retry: { attempts: 10, pause: 200 }, ...asking })
  return quorate.participant(name, { seed: seeds[name] })
}

async function makeKey(owners: People): Promise<Key> {
  const [alice, bob, carol] = people.map((name) => personOf(owners, name)) as [Participant, Participant, Participant]
  const keygen = await alice.reserveKey({
    scheme: 'frost-secp256k1-tr',
    threshold: 2,
    participants: people,
    content: ['nostr-event', 'ecdh'],
  })
  await Promise.all([bob, carol].map((one) => one.participate(keygen.invitation(one.userId))))
  return keygen.completed({ timeout: 60_000 })
}

async function openBunkers(owners: People, key: Key, relay: string): Promise<Made['bunkers']> {
  const alice = await personOf(owners, 'alice').createBunker(key, { relays: [relay] })
  const bob = await personOf(owners, 'bob').createBunker(key, { relays: [relay] })
  return { alice, bob }
}
