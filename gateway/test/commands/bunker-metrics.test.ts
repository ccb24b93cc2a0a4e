import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { refusals } from '@quorate/shared/errors'
import { finalizeEvent } from 'nostr-tools'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { grantOf, note, termsOf, writeBook } from '../../../shared/party/test/bunker.js'
import { pollUntil } from '../../../shared/test/poll.js'
import { createMetricsApp } from '../../src/http/metrics-app.ts'
import { createLog } from '../../src/log.ts'
import { createNostrEvents } from '../../src/nostr/nostr-events.ts'
import { connected, give, keyIdOf, relay, say, served, startClient, withRelays } from './bunker-house.ts'
import { coordinator, enclaves, inFreshHouses } from './house.ts'

/* What the operator's monitoring reads of bunkers, at the door where it asks. */

const nobodyThere = 'ws://127.0.0.1:1'
let registry: Registry
inFreshHouses()
withRelays(() => {
  registry = new Registry()
  const allowed = new Set([relay.url, nobodyThere].map((url) => new URL(url).href))
  return { allowed, events: createNostrEvents(createLog('silent'), registry) }
})

let door: Server
beforeEach(async () => {
  door = createServer(createMetricsApp(registry, () => Promise.resolve({ ready: true, store: 'open', enclaves: {} })))
  await once(door.listen(0, '127.0.0.1'), 'listening')
})
afterEach(() => void door.close())

const scrape = async () => (await fetch(`http://127.0.0.1:${(door.address() as AddressInfo).port}/metrics`)).text()

/** Waits until the door says so: nobody tells a test that a counter has moved. */
const says = (...lines: string[]) =>
  pollUntil(async () => {
    const said = (await scrape()).split('\n')
    return lines.every((line) => said.includes(line))
  })

describe('the metrics of bunkers', () => {
  it('count requests by outcome and code, and the time to their answers', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)]))
    await says(
      'quorate_client_requests_total{outcome="answered",code=""} 1',
      'quorate_client_requests_total{outcome="signed",code=""} 1',
      'quorate_client_answer_seconds_count 2',
    )
  })

  it('count what gets no answer, by why', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    relay.put({ ...program.ask('ping', []), sig: '0'.repeat(128) })
    // What was encrypted for another conversation opens in none.
    const { kind, created_at, tags, content } = startClient(bunker).ask('ping', [])
    relay.put(finalizeEvent({ kind, created_at, tags, content }, program.secretKey))
    for (let n = 0; n < 100; n += 1) relay.put(startClient(bunker).ask('ping', []))
    await pollUntil(async () => /dropped_total\{why="full"\} [1-9]/.test(await scrape()))
    await says('quorate_client_requests_dropped_total{why="invalid"} 1')
    await says('quorate_client_requests_dropped_total{why="unanswerable"} 1')
  })

  it('say how many relays are wanted and connected, and count losses and refusals', async () => {
    const bunker = await served()
    await says('quorate_relays_wanted 1', 'quorate_relays_connected 1', 'quorate_relay_losses_total 0')
    relay.drop()
    await says('quorate_relays_connected 1', 'quorate_relay_losses_total 1')
    relay.refusals.push('blocked: not here')
    relay.put(startClient(bunker).ask('connect', [bunker.signer, 's3cret']))
    await says('quorate_relay_refusals_total 1')
    for (const index of [1, 2, 3]) {
      const relays = [nobodyThere]
      const book = await writeBook(bunker, index, termsOf([], { relays }), { relays })
      await coordinator.putBook(keyIdOf(bunker), book)
    }
    await says('quorate_relays_wanted 1', 'quorate_relays_connected 0', 'quorate_relay_losses_total 1')
  })

  it('say of how many bunkers an enclave lacks a book', async () => {
    const bunker = await served()
    const each = (many: number) => enclaves.ids().map((id) => `quorate_bunkers_unproven{enclave="${id}"} ${many}`)
    await says(...each(0))
    for (const id of enclaves.ids()) enclaves.restart(id)
    await says(...each(1))
    const lives = enclaves.ids().map((id) => enclaves.life(id))
    const terms = termsOf([grantOf({}, Date.now())])
    await give(bunker, terms, [1, 2], lives)
    await says(...each(1))
    await give(bunker, terms, [3], lives)
    await says(...each(0))
  })

  it('have no label that comes from what a client sent', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    for (const method of ['mint_coins', 'outcome="x"']) await say(bunker, program, program.ask(method, ['21']))
    await says('quorate_client_requests_total{outcome="answered",code=""} 3')
    const outcomes = ['answered', 'signed', 'asked', 'refused', 'dropped']
    const known = new Set([
      ...outcomes,
      'full',
      'invalid',
      'unanswerable',
      '',
      ...Object.keys(refusals),
      ...enclaves.ids(),
    ])
    const labels = (await scrape()).matchAll(/(?<name>[a-z]+)="(?<value>[^"]*)"/g)
    for (const { groups } of labels) if (groups?.['name'] !== 'le') expect(known).toContain(groups?.['value'])
  })
})
