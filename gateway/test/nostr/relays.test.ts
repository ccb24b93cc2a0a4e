import { NostrKey } from '@quorate/shared/nostr/keys'
import type { SignedEvent } from '@quorate/shared/nostr/event'
import { finalizeEvent, generateSecretKey, getPublicKey, type Event } from 'nostr-tools'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { noticed, turn, until } from '../../../shared/test/noticing.js'
import { Relays } from '../../src/nostr/relays/relays.ts'
import { relayTimes, type RelayChange } from '../../src/nostr/relays/relay.ts'
import { createHandAlarm } from './hand-alarm.ts'
import { TestRelay } from './test-relay.ts'

const keys = [generateSecretKey(), generateSecretKey()]
const signers = keys.map((key) => NostrKey.parse(getPublicKey(key)))
const [signer, other] = signers as [NostrKey, NostrKey]
const client = generateSecretKey()

/** A request of a program to this signer, dated now. */
const requestTo = (to: NostrKey, content = 'AgAA') =>
  finalizeEvent({ kind: 24_133, created_at: Math.floor(Date.now() / 1_000), tags: [['p', to]], content }, client)
const answer = (content = 'answer') => requestTo(signer, content) as unknown as SignedEvent

let relay: TestRelay
let relays: Relays
let clock: number
let heard: Event[]
let changes: RelayChange[]
let hand: ReturnType<typeof createHandAlarm>
let refused: string[]

beforeEach(async () => {
  relay = await TestRelay.start()
  hand = createHandAlarm()
  clock = Date.now()
  heard = []
  changes = []
  refused = []
  relays = new Relays({
    clock: () => clock,
    alarm: hand.alarm,
    events: {
      relayChanged: ({ to }) => {
        changes.push(to)
        noticed()
      },
      relaysWanted: () => undefined,
      eventRefused: ({ relay: url }) => void refused.push(url),
      relaysFull: () => undefined,
    },
    heard: (event) => {
      heard.push(event as Event)
      noticed()
    },
    authenticate: (by, url, challenge) => {
      const tags = [
        ['relay', url],
        ['challenge', challenge],
      ]
      const template = { kind: 22_242, created_at: Math.floor(clock / 1_000), tags, content: '' }
      return Promise.resolve(finalizeEvent(template, keys[signers.indexOf(by)]!) as unknown as SignedEvent)
    },
  })
})
afterEach(async () => {
  relays.close()
  await relay.close()
})

const listen = async (...all: NostrKey[]): Promise<void> => {
  const before = relay.requests.length
  relays.listen(new Map([[relay.url, all]]))
  await until(() => relay.requests.length > before, 'a subscription')
}
const hears = (event: Event) => until(() => heard.some(({ id }) => id === event.id), 'the event')
/** The connection is lost, and the next one is tried at once. */
const comesBack = async (): Promise<void> => {
  const before = relay.requests.length
  await until(() => changes.at(-1) === 'lost', 'the loss')
  hand.ring(0, relayTimes.reconnect.longest)
  await until(() => relay.requests.length > before, 'another subscription')
}

describe('a relay', () => {
  it('is one connection for all signers, which hears what is for any of them and nothing else', async () => {
    await listen(signer, other)
    const [one, two] = [requestTo(signer), requestTo(other)]
    relay.put(requestTo(NostrKey.parse(getPublicKey(client))))
    relay.put(one)
    relay.put(two)
    await hears(two)
    expect(heard.map(({ id }) => id)).toEqual([one.id, two.id])
    expect(relay.connections).toBe(1)
    expect(relay.requests[0]).toEqual([
      { kinds: [24_133], '#p': [signer, other], since: Math.floor(clock / 1_000) - 600 },
    ])
    await listen(other)
    expect(relay.connections).toBe(1)
    expect(relays.isConnected(relay.url)).toBe(true)
  })

  it('that drops every connection is connected again, and what came meanwhile is heard', async () => {
    await listen(signer)
    for (let drops = 0; drops < 3; drops += 1) {
      clock += 5_000
      relay.drop()
      const missed = requestTo(signer, `missed ${drops}`)
      await until(() => changes.at(-1) === 'lost', 'the loss')
      relay.put(missed)
      await comesBack()
      await hears(missed)
    }
  })

  it('is tried again after longer and longer rests, within bounds, and at once when it had been good', async () => {
    await relay.close()
    relays.listen(new Map([[relay.url, [signer]]]))
    for (const ceiling of [100, 200, 400, 800]) {
      await until(() => hand.waits().length > 0, 'a rest')
      const [ms] = hand.waits()
      expect(ms).toBeGreaterThanOrEqual(ceiling / 2)
      expect(ms).toBeLessThanOrEqual(ceiling)
      hand.ring(ms!)
    }
  })

  it('that is gone silently is found out within seconds, and left', async () => {
    await listen(signer)
    await turn()
    relay.silent = true
    expect(hand.waits()).toEqual([relayTimes.quiet])
    hand.ring(relayTimes.quiet)
    expect(hand.waits()).toEqual([relayTimes.answer])
    hand.ring(relayTimes.answer)
    await until(() => changes.at(-1) === 'lost', 'the loss')
    relay.silent = false
    await comesBack()
    expect(relayTimes.quiet + relayTimes.answer).toBeLessThan(10_000)
  })

  it('that has nothing to say but is there is kept', async () => {
    await listen(signer)
    await turn()
    const before = relay.requests.length
    hand.ring(relayTimes.quiet)
    await until(() => relay.requests.length > before && hand.waits()[0] === relayTimes.quiet, 'its answer')
    expect(changes).toEqual(['connected'])
  })

  it('that demands it sees each signer show itself, at once from then on, and then serves all', async () => {
    relay.demands = true
    await listen(signer, other)
    expect(new Set(relay.shown.map(({ pubkey }) => pubkey))).toEqual(new Set([signer, other]))
    const event = requestTo(other)
    relay.put(event)
    await hears(event)
    clock += 5_000
    relay.drop()
    await comesBack()
    expect(relay.shown).toHaveLength(4)
  })

  it('is left once nobody listens there and it has what it is to have', async () => {
    await listen(signer)
    relays.listen(new Map())
    await until(() => relay.peers === 0, 'the end of the connection')
    expect(await relays.publish([relay.url], answer())).toBe(true)
    await until(() => relay.peers === 0, 'the end of the connection')
    expect(relay.events).toHaveLength(1)
  })
})

describe('an event that is published', () => {
  it('goes to every relay, and counts when the first has it', async () => {
    const another = await TestRelay.start()
    relays.listen(new Map([relay, another].map(({ url }) => [url, [signer]])))
    another.silent = true
    const event = answer()
    expect(await relays.publish([another.url, relay.url], event)).toBe(true)
    expect(relay.events.map(({ id }) => id)).toEqual([event.id])
    expect(another.events).toEqual([])
    await another.close()
  })

  it('is sent again after a loss until the relay has taken it', async () => {
    await listen(signer)
    relay.silent = true
    const event = answer()
    const taken = relays.publish([relay.url], event)
    await turn()
    relay.silent = false
    clock += 5_000
    relay.drop()
    await comesBack()
    expect(await taken).toBe(true)
    expect(relay.events.map(({ id }) => id)).toEqual([event.id])
  })

  it('waits where a relay wants it later, and is given up where it will never take it', async () => {
    await listen(signer)
    relay.refusals.push('rate-limited: slow down', 'blocked: not you')
    const [later, never] = [answer('later'), answer('never')]
    const taken = relays.publish([relay.url], later)
    expect(await relays.publish([relay.url], never)).toBe(false)
    expect(refused).toEqual([relay.url])
    clock += 10_000
    hand.ring(relayTimes.quiet)
    expect(await taken).toBe(true)
    expect(relay.events.map(({ id }) => id)).toEqual([later.id])
  })

  it('counts as taken where the relay has it already', async () => {
    await listen(signer)
    relay.refusals.push('duplicate: have it')
    expect(await relays.publish([relay.url], answer())).toBe(true)
  })
})
