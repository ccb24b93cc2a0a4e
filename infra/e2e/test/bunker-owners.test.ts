import { EventEmitter, once } from 'node:events'
import { generateSecretKey, verifyEvent, type Event, type Filter } from 'nostr-tools'
import { BunkerSigner, parseBunkerInput } from 'nostr-tools/nip46'
import { Relay as Line } from 'nostr-tools/relay'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusals } from '@quorate/shared/errors'
import { showWaiting, verifyBunkerEvents, type WaitingRequest } from '@quorate/client/bunker'
import { startRelay } from '@quorate/nostr-lab/relay/embedded'
import { FleetSigner } from '@quorate/local/bunker/fleet-signer'

/*
 * What owners see and say of a bunker, through a gateway, three enclaves and a relay: the SDK on one side, nostr-tools on the other.
 */

const note = (content: string) => ({ kind: 1, created_at: Math.floor(Date.now() / 1_000), tags: [], content })

let relay: Awaited<ReturnType<typeof startRelay>>
let signer: FleetSigner
beforeAll(async () => {
  relay = await startRelay()
  signer = await FleetSigner.open(relay.url)
}, 300_000)
afterAll(async () => {
  await signer.close()
  await relay.close()
})

/** A program that has connected by a fresh offer of both owners. `sentTo`: the page to which it is sent first. */
async function connect(terms: Parameters<FleetSigner['uri']>[0]) {
  const pointer = (await parseBunkerInput(await signer.uri(terms)))!
  const pages = new EventEmitter()
  const sentTo = once(pages, 'page') as Promise<[string]>
  const onauth = (url: string) => void pages.emit('page', url)
  const program = BunkerSigner.fromBunker(generateSecretKey(), pointer, { onauth })
  await program.connect()
  return { program, sentTo }
}

/** The next event of the relay that fits. */
async function eventAt(filter: Filter): Promise<Event> {
  const line = await Line.connect(relay.url)
  try {
    return await new Promise<Event>((resolve) => void line.subscribe([filter], { onevent: resolve }))
  } finally {
    line.close()
  }
}

const only = (waiting: readonly WaitingRequest[]): WaitingRequest => {
  expect(waiting).toHaveLength(1)
  return waiting[0]!
}

describe('an owner', () => {
  it('is asked by a page, sees what is to be signed, and says yes: the program has its signature', async () => {
    const { alice, bob } = signer.bunkers
    const { program, sentTo } = await connect({ preset: 'nothing', otherwise: 'ask' })
    const signed = program.signEvent(note('may I?'))
    const waiting = only(await alice.waiting({ wait: 60_000 }))
    expect(showWaiting(waiting).map(({ text }) => text)).toContain('may I?')
    const pageUrl = `${signer.fleet.url}/bunker/${signer.key.keyId}/${waiting.event}`
    expect(await sentTo).toEqual([pageUrl])
    expect(await (await fetch(pageUrl)).text()).toContain(`quorate bunker approve ${waiting.event}`)
    await alice.approve(waiting)
    expect(await alice.waiting()).toEqual([])
    await bob.approve(await bob.waitingRequest(waiting.event))
    const event = await signed
    expect(verifyEvent(event)).toBe(true)
    expect(event).toMatchObject({ pubkey: signer.user, content: 'may I?' })
    await program.close()
  })

  it('says no, and the program hears so; says always, and is not asked again', async () => {
    const { alice, bob } = signer.bunkers
    const { program } = await connect({ preset: 'nothing', otherwise: 'ask' })
    const [refused] = await Promise.allSettled([
      program.signEvent(note('no')),
      alice.waiting({ wait: 60_000 }).then((waiting) => alice.reject(only(waiting))),
    ])
    expect(refused).toMatchObject({ status: 'rejected', reason: refusals['nostr.not_permitted'].title })
    expect(await bob.waiting()).toEqual([])
    const signed = program.signEvent(note('always'))
    await alice.approve(only(await alice.waiting({ wait: 60_000 })), { always: true })
    await bob.approve(only(await bob.waiting({ wait: 60_000 })), { always: true })
    expect(verifyEvent(await signed)).toBe(true)
    expect(verifyEvent(await program.signEvent(note('again')))).toBe(true)
    await program.close()
  })

  it('reads a log without gaps, by every host that had a part, with receipts of what was signed', async () => {
    const { alice } = signer.bunkers
    const { program } = await connect({ preset: 'notes' })
    await Promise.all(['one', 'two', 'three'].map((content) => program.signEvent(note(content))))
    let page = await alice.log()
    const lines = [...page.lines]
    while (page.lines.length > 0) {
      expect(page.problems).toEqual([])
      page = await alice.log({ after: page.next })
      lines.push(...page.lines)
    }
    const signed = lines.filter(({ line }) => line.outcome === 'signed')
    expect(signed.length).toBeGreaterThan(2)
    for (const { receipts } of signed) expect(receipts).toHaveLength(2)
    expect(new Set(lines.flatMap(({ host }) => host))).toEqual(new Set(['alice', 'bob', 'carol']))
    await program.close()
  })

  it('has every host prove itself, and so does whoever reads what the signer publishes', async () => {
    const { alice } = signer.bunkers
    const { hosts } = await alice.verify(signer.fleet.trust)
    expect(hosts).toHaveLength(3)
    const event = await eventAt({ kinds: [30_078], authors: [alice.signer] })
    const proved = await verifyBunkerEvents([event], signer.fleet.trust)
    expect(proved.signer).toBe(alice.signer)
    expect(proved.hosts.length).toBeGreaterThan(0)
  })

  it('takes all grants back by one word, which every host has heard when it is over', async () => {
    const { alice } = signer.bunkers
    const { program } = await connect({ preset: 'notes', otherwise: 'refuse' })
    expect(verifyEvent(await program.signEvent(note('still')))).toBe(true)
    expect(await alice.revokeAll()).toEqual({ by: ['alice', 'bob', 'carol'], missing: [] })
    await expect(program.signEvent(note('not any more'))).rejects.toBeDefined()
    await program.close()
  })
})
