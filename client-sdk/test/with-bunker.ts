import { expect } from 'vitest'
import type { Terms } from '../src/bunker/index.ts'
import { fleet, gateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'

/* Of the gateway of the test that runs. */

export const relays = ['wss://relay.example']
export const note = { kind: 1, created_at: Math.floor(Date.now() / 1_000), tags: [], content: 'gm' }
export const noteText = JSON.stringify(note)
/** A key that is none of anybody here. */
export const other = 'ee'.repeat(32)

/** What signs for the host of this participant, as who has taken the host would. */
export const v = (index: number) => fleet.enclaves[index - 1]!.keys

/** A key of alice, bob and carol for Nostr. */
export const newKey = () => makeKey(fleet, gateway, { content: ['nostr-event', 'ecdh'] })

/** The same with a bunker, of which alice has written the first book. */
export async function withBunker() {
  const made = await newKey()
  return { ...made, bunker: await made.alice.createBunker(made.key, { relays }) }
}

export const secretOf = (uri: string): string => new URL(uri).searchParams.get('secret')!

/** The same with a program that is connected, and that alice and bob let do this. */
export async function connected(terms: Terms) {
  const made = await withBunker()
  const offer = await made.bunker.offer(terms)
  const second = await made.bob.bunker(made.key)
  await second.second(offer.grant)
  const program = gateway.bunkers.startProgram(made.key.keyId)
  const answer = await program.ask('connect', made.bunker.signer, secretOf(offer.uri))
  expect(answer).toMatchObject({ result: 'ack' })
  return { ...made, second, offer, program }
}
