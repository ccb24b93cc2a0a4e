import { afterEach, beforeEach } from 'vitest'
import type { Envelope } from '@quorate/shared/nostr/event'
import type { NostrKey } from '@quorate/shared/nostr/keys'
import type { BookTerms } from '@quorate/shared/wire/bunker'
import {
  grantOf,
  startProgram,
  termsOf,
  writeBook,
  type GrantTerms,
  type MadeBunker,
} from '../../../shared/party/test/bunker.js'
import type { NostrPorts } from '../../src/nostr/bunkers.ts'
import { TestRelay } from '../nostr/test-relay.ts'
import { coordinator, reachRelays, restartGateway, storedKey, type Key } from './house.ts'

/*
 * Bunkers of a gateway that is connected to a relay on this machine. Programs bring their events there, and read their answers there.
 */

export let relay: TestRelay

/** Each test of a file that calls it after `inFreshHouses` has a relay of its own, to which its gateway may be connected. `more`: asked before each. */
export function withRelays(more: () => Partial<NostrPorts> = () => ({})): void {
  beforeEach(async () => {
    relay = await TestRelay.start()
    reachRelays({ allowed: new Set([new URL(relay.url).href]), ...more() })
    await restartGateway()
  })
  afterEach(() => relay.close())
}

export type Bunker = MadeBunker & Readonly<{ key: Key }>

/** A bunker of a new key, without a book. */
export async function openBunker(key?: Key): Promise<Bunker> {
  const made = key ?? (await storedKey({}, { content: ['nostr-event', 'ecdh'] }))
  const { signer } = await coordinator.createBunker(made.plan.skeleton.keyId)
  return { key: made, signer, sealed: new Map(), books: new Map(), bindings: [] } as unknown as Bunker
}

export const keyIdOf = ({ key }: Bunker) => key.plan.skeleton.keyId

/** Each of these owners says so in its next book. */
export async function give(bunker: Bunker, terms: BookTerms, owners = [1, 2, 3], lives: string[] = []): Promise<void> {
  for (const index of owners) {
    const said = { ...terms, relays: [relay.url] }
    const book = await writeBook(bunker, index, said, { relays: [relay.url], lives })
    bunker.books.set(index, book)
    await coordinator.putBook(keyIdOf(bunker), book)
  }
}

/** A bunker whose owners have all given this grant. */
export async function served(terms: GrantTerms = {}, change: Partial<BookTerms> = {}): Promise<Bunker> {
  const bunker = await openBunker()
  await give(bunker, termsOf([grantOf(terms, Date.now())], change))
  return bunker
}

type Program = ReturnType<typeof startProgram>
type Said = Readonly<{ id: string; result?: string; error?: string }>

/** Answers that this program can read, in their order. */
export const answersTo = (program: Program, signer: NostrKey): Said[] =>
  relay.events
    .filter(
      ({ pubkey, tags }) => pubkey === signer && tags.some(([name, value]) => name === 'p' && value === program.pubkey),
    )
    .map((event) => program.read(event as unknown as Envelope))

/** Brings an event of a program to the relay. Gives the first answer to it after those that were there. */
export async function say(bunker: Bunker, program: Program, event: Envelope): Promise<Said> {
  const before = answersTo(program, bunker.signer).length
  relay.put(event)
  return nextAnswer(bunker, program, before)
}

export async function nextAnswer({ signer }: Bunker, program: Program, before: number): Promise<Said> {
  await relay.heard('an answer', () => answersTo(program, signer).length > before)
  return answersTo(program, signer)[before]!
}

export const startClient = (bunker: Bunker): Program => startProgram(bunker)

/** A program that has come with the secret of the offer. */
export async function connected(bunker: Bunker): Promise<Program> {
  const program = startClient(bunker)
  const said = await say(bunker, program, program.ask('connect', [bunker.signer, 's3cret']))
  if (said.result !== 'ack') throw new Error(`not connected: ${JSON.stringify(said)}`)
  return program
}

export const waitingAt = async (bunker: Bunker) => (await coordinator.listWaiting(keyIdOf(bunker), null)).waiting
