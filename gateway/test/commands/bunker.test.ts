import { openLogLine } from '@quorate/shared/crypto/bunker-secrets'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { HostParams } from '@quorate/shared/ceremonies/host-methods'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import { finalizeEvent, verifyEvent, type Event } from 'nostr-tools'
import { describe, expect, it, vi } from 'vitest'
import { grantOf, note, termsOf, writeBook } from '../../../shared/party/test/bunker.js'
import { askRefresh } from '../../../shared/party/test/refresh.js'
import { noticed, until } from '../../../shared/test/noticing.js'
import {
  answersTo,
  connected,
  give,
  keyIdOf,
  nextAnswer,
  openBunker,
  relay,
  say,
  served,
  startClient,
  waitingAt,
  withRelays,
} from './bunker-house.ts'
import { code, coordinator, decisionFor, enclaves, EVER, inFreshHouses, stopTime, storedKey } from './house.ts'

inFreshHouses()
withRelays()

const page = 'https://quorate.example/bunker'
const asks = {
  preset: 'everything' as const,
  otherwise: 'ask' as const,
  permissions: { methods: [], kinds: { ordinary: false, named: [7] } },
}
const signs = (said: { result?: string }) => verifyEvent(JSON.parse(said.result!) as Event)

describe('a program at a relay', () => {
  it('connects, and every host has seen it come before it hears so', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const { bindings, hosts } = await coordinator.bunker(keyIdOf(bunker))
    expect(hosts.map(({ receipt }) => receipt?.body.signer)).toEqual([bunker.signer, bunker.signer, bunker.signer])
    expect(bindings.map(({ body }) => body.client)).toEqual([program.pubkey, program.pubkey, program.pubkey])
    expect(enclaves.count('bunker.take')).toBe(3)
  })

  it('has an event signed, and messages encrypted and decrypted', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const said = await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)]))
    expect(said.error).toBeUndefined()
    expect(signs(said)).toBe(true)
    const encrypted = await say(bunker, program, program.ask('nip44_encrypt', [program.pubkey, 'gm']))
    const decrypted = await say(bunker, program, program.ask('nip44_decrypt', [program.pubkey, encrypted.result!]))
    expect(decrypted.result).toBe('gm')
    expect(answersTo(program, bunker.signer)).toHaveLength(4)
    expect(relay.connections).toBe(1)
  })

  it('is answered once, however often relays bring its event', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const event = program.ask('sign_event', [JSON.stringify(note)])
    for (let n = 0; n < 5; n += 1) relay.put(event)
    await nextAnswer(bunker, program, 1)
    const after = await say(bunker, program, program.ask('ping', []))
    expect(after.result).toBe('pong')
    expect(answersTo(program, bunker.signer)).toHaveLength(3)
    expect(enclaves.count('signing.aggregate')).toBe(2)
  })

  it('has its answer again when it brings the same event again, since no relay keeps one', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    stopTime()
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const said = await say(bunker, program, event)
    const methods = ['bunker.take', 'bunker.sign', 'signing.partial'] as const
    const asked = () => methods.map((method) => enclaves.count(method))
    const before = asked()
    relay.events.splice(0)
    vi.advanceTimersByTime(2_000)
    expect(await say(bunker, program, event)).toEqual(said)
    expect(asked()).toEqual(before)
  })

  it('hears why it cannot have what it asks for: from the book, and where hosts refuse to sign', async () => {
    const bunker = await served({ permissions: { methods: [], kinds: { ordinary: false, named: [1] } } })
    const program = await connected(bunker)
    const forbidden = await say(bunker, program, program.ask('sign_event', [JSON.stringify({ ...note, kind: 4 })]))
    expect(forbidden).toMatchObject({ error: expect.stringContaining('not permitted') as string })
    for (const host of enclaves.ids()) enclaves.fault(host, 'signing.commit', 'content.not_permitted')
    const refused = await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)]))
    expect(refused.error).toBeTruthy()
    expect(enclaves.count('bunker.refuse')).toBe(1)
    // Its owners read in the log why nothing was signed.
    const { rows } = await coordinator.readLog(keyIdOf(bunker), null, null)
    const line = openLogLine(bunker.key.plan.sessionSecret, rows.at(-1)!.entry)
    expect(line).toMatchObject({ outcome: 'refused', code: 'content.not_permitted', wish: 'sign_event:1' })
    expect(line.judgements.map(({ rule }) => rule)).toEqual(['permitted', 'permitted', 'permitted'])
  })

  it('is not heard where its event is forged, for nobody here, or old', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    const before = enclaves.count('bunker.take')
    const event = program.ask('ping', []) as unknown as Event
    relay.put({ ...event, sig: '00'.repeat(64) })
    const template = { kind: 24_133, created_at: event.created_at, content: event.content }
    relay.put(finalizeEvent({ ...template, tags: [['p', program.pubkey]] }, program.secretKey))
    relay.put(program.ask('ping', [], Math.floor(Date.now() / 1_000) - 540))
    expect((await nextAnswer(bunker, program, 1)).result).toBe('pong')
    relay.put(program.ask('ping', [], Math.floor(Date.now() / 1_000) + 120))
    expect((await say(bunker, program, program.ask('ping', []))).result).toBe('pong')
    expect(enclaves.count('bunker.take')).toBe(before + 3)
    expect(answersTo(program, bunker.signer)).toHaveLength(3)
  })

  it('that showed an URI is greeted where it listens, and served from then on', async () => {
    const bunker = await openBunker()
    const program = startClient(bunker)
    const greeting = { secret: 'greetings', relays: [relay.url] }
    const grant = grantOf({ holder: { kind: 'client', client: program.pubkey, greeting } }, Date.now())
    await give(bunker, termsOf([grant]))
    expect(await coordinator.greetClient(keyIdOf(bunker), grant.id)).toEqual({ relays: [relay.url] })
    expect(await nextAnswer(bunker, program, 0)).toMatchObject({ result: 'greetings' })
    expect(signs(await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)])))).toBe(true)
    await expect(coordinator.greetClient(keyIdOf(bunker), '00'.repeat(8) as never)).rejects.toEqual(
      code('grant.unknown'),
    )
  })
})

describe('what waits for owners', () => {
  it('sends the program to a page, and is answered under the same id once they have approved', async () => {
    const bunker = await served(asks, { page })
    const program = await connected(bunker)
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const told = await say(bunker, program, event)
    expect(told).toMatchObject({ result: 'auth_url', error: `${page}/${keyIdOf(bunker)}/${event.id}` })
    expect(coordinator.showRequest(keyIdOf(bunker), event.id)).toMatchObject({
      client: program.pubkey,
      isConnect: false,
    })
    const [waiting] = await waitingAt(bunker)
    expect(waiting).toMatchObject({ event: event.id, owners: [1, 2, 3], approvals: [] })
    for (const index of [1, 3]) {
      const word = await decisionFor(bunker.key, waiting!.request!, index)
      const { approvals } = await coordinator.decideWaiting(keyIdOf(bunker), event.id, word)
      expect(approvals.map(({ body }) => body.index)).toContain(index)
    }
    const said = await nextAnswer(bunker, program, 2)
    expect(said.id).toBe(told.id)
    expect(signs(said)).toBe(true)
    expect(await waitingAt(bunker)).toEqual([])
    expect(coordinator.showRequest(keyIdOf(bunker), event.id)).toBeNull()
  })

  it('is refused once too many have said no; a word that is not an owner’s counts for nothing', async () => {
    const bunker = await served(asks, { page })
    const program = await connected(bunker)
    const event = program.ask('sign_event', [JSON.stringify(note)])
    await say(bunker, program, event)
    const [waiting] = await waitingAt(bunker)
    const request = waiting!.request!
    const decide = async (index: number, decision: 'approve' | 'reject', of: SigningRequest = request) =>
      coordinator.decideWaiting(keyIdOf(bunker), event.id, await decisionFor(bunker.key, of, index, decision))
    const other = { ...request, body: { ...request.body, askedAt: 1 } }
    await expect(decide(1, 'approve', other)).rejects.toEqual(code('consent.invalid'))
    await decide(1, 'reject')
    await expect(decide(1, 'approve')).rejects.toEqual(code('session.conflict'))
    await decide(2, 'reject')
    expect((await nextAnswer(bunker, program, 2)).error).toContain('not permitted')
    await expect(decide(3, 'approve')).rejects.toEqual(code('request.not_found'))
    expect(digestOf('request', request.body)).toMatch(/^[0-9a-f]{64}$/)
  })

  it('is a stranger that wants to connect until a book names it', async () => {
    const bunker = await served({}, { strangers: 'ask', page })
    const program = startClient(bunker)
    const event = program.ask('connect', [bunker.signer, ''])
    const found = coordinator.listWaiting(keyIdOf(bunker), { ms: EVER, signal: new AbortController().signal })
    expect(await say(bunker, program, event)).toMatchObject({ result: 'auth_url' })
    expect((await found).waiting).toMatchObject([{ event: event.id, request: null }])
    const grant = grantOf({ holder: { kind: 'client', client: program.pubkey, greeting: null } }, Date.now())
    await give(bunker, termsOf([grant], { strangers: 'ask', page }), [1])
    await give(bunker, termsOf([grant], { strangers: 'ask', page }), [2])
    expect(await nextAnswer(bunker, program, 1)).toMatchObject({ result: 'ack' })
    expect(await waitingAt(bunker)).toEqual([])
  })

  it('has room: an earlier connect of the same stranger gives way', async () => {
    const bunker = await served({}, { strangers: 'ask', page })
    const program = startClient(bunker)
    const [first, second] = [program.ask('connect', [bunker.signer, '']), program.ask('connect', [bunker.signer, ''])]
    await say(bunker, program, first)
    relay.put(second)
    await relay.heard('both answers', () => answersTo(program, bunker.signer).length === 3)
    expect((await waitingAt(bunker)).map(({ event }) => event)).toEqual([second.id])
  })
})

describe('a book', () => {
  it('is told to every host at once, and what it takes back is gone', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    await give(bunker, termsOf([]), [1, 2])
    const { hosts } = await coordinator.bunker(keyIdOf(bunker))
    for (const { receipt } of hosts) expect(receipt!.body.books.map(({ serial }) => serial)).toEqual([2, 2, 1])
    const said = await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)]))
    expect(said.error).toContain('not permitted')
  })

  it('is its owner’s, newer than the one before, and names relays that the gateway may dial', async () => {
    const bunker = await openBunker()
    const keyId = keyIdOf(bunker)
    const relays = [relay.url]
    const put = (book: Parameters<typeof coordinator.putBook>[1]) => coordinator.putBook(keyId, book)
    const first = await writeBook(bunker, 1, termsOf([]), { relays, serial: 2 })
    await put(first)
    expect((await put(first)).books).toEqual([first])
    await expect(put(await writeBook(bunker, 1, termsOf([]), { relays, serial: 1 }))).rejects.toEqual(
      code('book.stale'),
    )
    const foreign = { ...(await writeBook(bunker, 2, termsOf([]), { relays })), signature: first.signature }
    await expect(put(foreign)).rejects.toEqual(code('book.invalid'))
    const elsewhere = await writeBook(bunker, 2, termsOf([]), { relays: ['wss://elsewhere.example'] })
    await expect(put(elsewhere)).rejects.toEqual(code('relay.not_listed'))
    const ofOther = await writeBook(bunker, 2, termsOf([]), {
      relays,
      signer: bunker.key.certificate.body.groupKey as never,
    })
    await expect(put(ofOther)).rejects.toEqual(code('book.invalid'))
    await until(() => relay.requests.length > 0, 'the subscription')
    expect((await coordinator.bunker(keyId)).relays).toEqual([{ relay: relay.url, connected: true }])
  })
})

describe('a bunker', () => {
  it('is made once a key, by whoever asks first', async () => {
    const key = await storedKey({}, { content: ['nostr-event', 'ecdh'] })
    const { keyId } = key.plan.skeleton
    await expect(coordinator.bunker(keyId)).rejects.toEqual(code('bunker.not_found'))
    await expect(coordinator.bunker('00'.repeat(16) as never)).rejects.toEqual(code('key.not_found'))
    const made = await Promise.all(Array.from({ length: 3 }, () => coordinator.createBunker(keyId)))
    expect(new Set(made.map(({ signer }) => signer)).size).toBe(1)
    for (const { hosts } of made) expect(hosts.every(({ receipt }) => receipt !== null)).toBe(true)
    expect(enclaves.count('bunker.create')).toBe(1)
  })

  it('announces itself where it listens, with what proves its hosts', async () => {
    const bunker = await served()
    const of = (kind: number) => (event: Event) => event.kind === kind && event.pubkey === bunker.signer
    const handler = await relay.heard('the announcement', of(31_990))
    expect(handler.tags).toContainEqual(['relay', relay.url])
    // One event for each host, far below what relays take.
    const proofs = () => relay.events.filter(of(30_078))
    const hostOf = ({ tags }: Event) => tags.find(([name]) => name === 'd')![1]
    await relay.heard('the proofs', () => new Set(proofs().map(hostOf)).size === 3)
    for (const proof of proofs()) expect(JSON.stringify(proof).length).toBeLessThan(32_768)
    const { signer, hosts } = await coordinator.attestBunker(keyIdOf(bunker))
    expect(signer).toBe(bunker.signer)
    expect(hosts).toHaveLength(3)
  })

  it('has a log: what each host wrote, with the receipts of what was signed', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)]))
    // The answer does not wait for the receipts.
    const commit = enclaves.calls.find(({ method }) => method === 'signing.commit')?.params
    const { signingId } = (commit as HostParams<'signing.commit'>).request.body
    expect(await coordinator.follow.signing.wait(signingId, { ms: EVER })).toMatchObject({ state: 'completed' })
    const { rows } = await coordinator.readLog(keyIdOf(bunker), 0, null)
    expect(rows.map(({ at }) => at)).toEqual([1, 2, 3, 4, 5, 6])
    expect(rows.filter(({ receipts }) => receipts.length > 0).map(({ receipts }) => receipts.length)).toEqual([2])
    const next = coordinator.readLog(keyIdOf(bunker), 6, { ms: EVER, signal: new AbortController().signal })
    await say(bunker, program, program.ask('ping', []))
    expect((await next).rows.map(({ at }) => at)).toEqual([7])
    expect((await coordinator.readLog(keyIdOf(bunker), null, null)).rows).toHaveLength(7)
  })

  it('goes on at the next epoch of its key, and no program connects again', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    expect(signs(await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)])))).toBe(true)
    const wish = await askRefresh(enclaves.group, bunker.key, (body) => ({ ...body, expiresAt: Date.now() + EVER }))
    const { refreshId } = await coordinator.requestRefresh(keyIdOf(bunker), wish)
    expect(await coordinator.follow.refresh.wait(refreshId, { ms: EVER })).toMatchObject({ state: 'completed' })
    for (let n = 0; n < 3; n += 1)
      expect(signs(await say(bunker, program, program.ask('sign_event', [JSON.stringify(note)])))).toBe(true)
  })

  it('lists none of its signings among those of people', async () => {
    const bunker = await served()
    const program = await connected(bunker)
    let asked = 0
    let goOn = (): void => undefined
    const held = new Promise<void>((resolve) => (goOn = resolve))
    for (const host of enclaves.ids())
      enclaves.fault(host, 'signing.commit', () => {
        asked += 1
        noticed()
        return held
      })
    relay.put(program.ask('sign_event', [JSON.stringify(note)]))
    await until(() => asked === 2, 'a quorum')
    expect((await coordinator.openSignings(keyIdOf(bunker))).signings).toEqual([])
    goOn()
    expect(signs(await nextAnswer(bunker, program, 1))).toBe(true)
  })
})
