import { once } from 'node:events'
import { finalizeEvent, generateSecretKey, getPublicKey, nip19, nip44, verifyEvent, type Event } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { fromHex } from '@quorate/shared/wire/bytes'
import {
  formatHandOn,
  handOnEvent,
  presets,
  showWaiting,
  verifyBunkerEvents,
  type HandedOn,
  type Terms,
} from '../src/bunker/index.ts'
import type { Bunker } from '../src/index.ts'
import { fleet, gateway, refusedAs, sentTo, withOwnGateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'
import { connected, newKey, note, noteText, relays, secretOf, withBunker } from './with-bunker.ts'

withOwnGateway()

describe('a bunker', () => {
  it('is made once, under a key that every host says it holds, and is the same for every owner', async () => {
    const { alice, bob, key, bunker } = await withBunker()
    expect(bunker.signer).toMatch(/^[0-9a-f]{64}$/)
    expect(bunker.signer).not.toBe(key.groupKey)
    expect(nip19.decode(bunker.user.npub as `npub1${string}`).data).toBe(key.groupKey)
    expect(bunker.relays).toEqual(relays)
    expect((await bob.bunker(key)).signer).toBe(bunker.signer)
    const again = await alice.createBunker(key, { relays: ['wss://other.example'] })
    expect([again.signer, again.relays]).toEqual([bunker.signer, ['wss://other.example']])
  })

  it('is refused for a key that does not sign for Nostr, before anything is asked', async () => {
    const { alice, key } = await makeKey(fleet, gateway, { scheme: 'frost-ed25519' })
    await expect(alice.createBunker(key, { relays })).rejects.toMatchObject(refusedAs('bunker.scheme'))
    const bytes = await makeKey(fleet, gateway)
    await expect(bytes.alice.createBunker(bytes.key, { relays })).rejects.toMatchObject(
      refusedAs('content.not_permitted'),
    )
    expect(sentTo('createBunker')).toEqual([])
  })

  it('that is not there is said not to be there', async () => {
    const { alice, key } = await newKey()
    await expect(alice.bunker(key)).rejects.toMatchObject({ code: 'bunker.not_found' })
  })

  it('proves its hosts, to an owner and to whoever reads the event that it publishes', async () => {
    const { key, bunker } = await withBunker()
    const { hosts } = await bunker.verify(fleet.trust)
    expect(hosts.map(({ identity }) => identity.enclaveId)).toEqual(
      fleet.enclaves.map(({ identity }) => identity.enclaveId),
    )
    const events = await gateway.bunkers.announced(key.keyId)
    const proved = await verifyBunkerEvents(events, fleet.trust)
    expect([proved.signer, proved.hosts.length]).toEqual([bunker.signer, 3])
  })
})

describe('an offer', () => {
  it('lets one program in, which signs as soon as enough owners grant it', async () => {
    const { bunker, bob, key } = await withBunker()
    const offer = await bunker.offer({ preset: 'notes', name: 'Client' }, { expiresIn: 60_000 })
    expect(offer.uri).toMatch(new RegExp(`^bunker://${bunker.signer}\\?relay=`))
    expect(JSON.stringify(sentTo('putBook'))).not.toContain(secretOf(offer.uri))
    const program = gateway.bunkers.startProgram(key.keyId)
    expect(await program.ask('connect', bunker.signer, secretOf(offer.uri))).toHaveProperty('error')

    await (await bob.bunker(key)).second(offer.grant)
    expect(await program.ask('connect', bunker.signer, secretOf(offer.uri))).toMatchObject({ result: 'ack' })
    const { result } = (await program.ask('sign_event', noteText))!
    const signed = JSON.parse(result!) as Event
    expect([verifyEvent(signed), signed.pubkey]).toEqual([true, bunker.user.hex])

    const grants = await bunker.grants()
    expect(grants.map(({ owner, own, givenBy, bound }) => [owner, own, givenBy, bound?.client])).toEqual([
      ['alice', true, ['alice', 'bob'], program.pubkey],
      ['bob', false, ['alice', 'bob'], program.pubkey],
    ])
    const thief = gateway.bunkers.startProgram(key.keyId)
    expect(await thief.ask('connect', bunker.signer, secretOf(offer.uri))).toHaveProperty('error')
  })

  it('is for a year unless something is said, and its terms are what was said', async () => {
    const { bunker } = await withBunker()
    const before = Date.now()
    await bunker.offer({ preset: 'messages', kinds: [27_235], perHour: 5, inAll: 9, longest: 10, otherwise: 'refuse' })
    const [{ grant }] = (await bunker.grants()) as [Awaited<ReturnType<Bunker['grants']>>[0]]
    expect(grant.permissions.methods).toEqual(presets.messages.permissions.methods)
    expect(grant.permissions.kinds).toEqual({ ordinary: false, named: [4, 13, 27_235] })
    expect(grant.limits).toEqual([
      { count: 5, seconds: 3_600 },
      { count: 9, seconds: 315_360_000 },
    ])
    expect([grant.longest, grant.otherwise]).toEqual([10, 'refuse'])
    const year = 365 * 86_400_000
    expect(grant.expiresAt - year).toBeGreaterThanOrEqual(before)
    expect(grant.expiresAt - year).toBeLessThanOrEqual(Date.now())
  })

  it('is not made of terms that do not fit', async () => {
    const { bunker } = await withBunker()
    const wrong: unknown[] = [{ preset: 'all' }, { kinds: [70_000] }, { perHour: 0 }, { more: 1 }, { peers: ['npub1'] }]
    for (const terms of wrong)
      await expect(bunker.offer(terms as Terms)).rejects.toMatchObject({ code: 'request.invalid', by: 'client' })
    await expect(bunker.grants()).resolves.toEqual([])
  })
})

describe('a book', () => {
  it('takes grants as long as it fits into a request, and says when it does not', async () => {
    const { bunker } = await withBunker()
    const peers = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(64, '0'))
    const give = (n: number) => bunker.give({ client: n.toString(16).padStart(64, 'a') }, { peers })
    const refused = async (): Promise<{ code: string; issues: string[] }> => {
      for (let n = 0; ; n += 1)
        try {
          await give(n)
        } catch (error) {
          return error as { code: string; issues: string[] }
        }
    }
    const { code, issues } = await refused()
    expect([code, issues]).toEqual(['request.invalid', [expect.stringContaining('name fewer peers')]])
    const books = sentTo('putBook')
    const longest = Math.max(...books.map((book) => JSON.stringify(book).length))
    expect([longest > 200_000, longest < 262_144]).toEqual([true, true])
    expect(await bunker.grants()).toHaveLength(books.length - 1)
  })
})

describe('a grant', () => {
  it('is narrowed, and not widened by the same word; it is replaced by any terms', async () => {
    const { bunker, program, offer } = await connected({ preset: 'notes', perHour: 10 })
    await bunker.narrow(offer.grant, { kinds: [1], perHour: 5 })
    for (const wider of [{ kinds: [1, 30_023], perHour: 5 }, { kinds: [1] }, { kinds: [1], perHour: 6 }] as Terms[])
      await expect(bunker.narrow(offer.grant, wider)).rejects.toMatchObject({ code: 'request.invalid' })
    const reaction = JSON.stringify({ ...note, kind: 7 })
    expect(await program.ask('sign_event', noteText)).toHaveProperty('result')
    expect((await program.ask('sign_event', reaction))?.result).not.toMatch('pubkey')
    await bunker.replace(offer.grant, { preset: 'everything' })
    expect((await program.ask('sign_event', reaction))?.result).toMatch('pubkey')
  })

  it('is taken back, and the program has nothing any more', async () => {
    const { bunker, second, program, offer } = await connected({ preset: 'notes' })
    await bunker.revoke(offer.grant)
    expect(await program.ask('sign_event', noteText)).toHaveProperty('error')
    await expect(bunker.revoke(offer.grant)).rejects.toMatchObject(refusedAs('grant.unknown'))
    await expect(bunker.replace(offer.grant, {})).rejects.toMatchObject(refusedAs('grant.unknown'))
    await expect(second.second('00'.repeat(8))).rejects.toMatchObject(refusedAs('grant.unknown'))
  })

  it('is taken back with all others by one word, which the hosts acknowledge', async () => {
    const { bunker, program } = await connected({ preset: 'notes' })
    await bunker.offer({ preset: 'notes' })
    expect(await bunker.revokeAll()).toEqual({ by: ['alice', 'bob', 'carol'], missing: [] })
    expect((await bunker.grants()).filter(({ own }) => own)).toEqual([])
    expect(await program.ask('ping')).toHaveProperty('error')
  })

  it('is given to a program that is known, and to a participant', async () => {
    const { bunker, bob, key } = await withBunker()
    const secretKey = generateSecretKey()
    const { grant } = await bunker.give({ client: getPublicKey(secretKey) }, { kinds: [1] })
    await (await bob.bunker(key)).second(grant)
    const program = gateway.bunkers.startProgram(key.keyId, secretKey)
    expect(await program.ask('sign_event', noteText)).toHaveProperty('result')
    await bunker.give({ askers: ['bob'], content: ['nostr-event'] }, { preset: 'notes' })
    expect((await bunker.grants()).filter(({ own }) => own)).toHaveLength(2)
  })

  it('is handed on to another program, where its terms say so, and its owner sees to whom', async () => {
    const { bunker, second, key, offer } = await connected({ preset: 'notes' })
    const [first, other] = [generateSecretKey(), generateSecretKey()]
    const { grant } = await bunker.give({ client: getPublicKey(first) }, { preset: 'notes', handsOn: true })
    await second.second(grant)
    const handed: HandedOn = {
      signer: bunker.signer,
      client: getPublicKey(other) as HandedOn['client'],
      permissions: { methods: [], kinds: { ordinary: false, named: [1, 0] } },
      peers: null,
      longest: null,
      expiresAt: Date.now() + 60_000,
    }
    const event = finalizeEvent(handOnEvent(handed, note.created_at), first)
    const program = gateway.bunkers.startProgram(key.keyId, other)
    expect(await program.ask('connect', bunker.signer, formatHandOn(event as never))).toMatchObject({ result: 'ack' })
    expect((await program.ask('sign_event', noteText))?.result).toMatch('pubkey')
    expect(await program.ask('sign_event', JSON.stringify({ ...note, kind: 0 }))).toHaveProperty('error')
    const given = await bunker.grants()
    expect(given.find(({ id, own }) => own && id === grant)?.handedTo).toMatchObject([
      { client: handed.client, ended: false, handed: { permissions: handed.permissions } },
    ])
    expect(given.find(({ id, own }) => own && id === offer.grant)?.handedTo).toEqual([])
  })

  it('is not lost when others are given at the same time, or a newer book is there', async () => {
    const { alice, bunker, key } = await withBunker()
    const other = await alice.bunker(key)
    await Promise.all([bunker.offer({ name: 'one' }), other.offer({ name: 'two' }), bunker.offer({ name: 'three' })])
    const stale = (asked: { route: string }) =>
      asked.route === 'putBook' ? { problem: 'book.stale' as const } : undefined
    gateway.faults.push(() => undefined, stale)
    await bunker.offer({ name: 'four' })
    const names = (await bunker.grants()).map(({ grant }) => grant.name)
    expect(names.sort()).toEqual(['four', 'one', 'three', 'two'])
    gateway.faults.push(
      () => undefined,
      stale,
      () => undefined,
      stale,
    )
    await expect(bunker.offer({ name: 'five' })).rejects.toMatchObject({ code: 'book.stale', by: 'gateway' })
  })

  it('counts again after all hosts have restarted, once the owners have said so', async () => {
    const { bunker, second, program, key } = await connected({ preset: 'notes' })
    for (const host of fleet.enclaves) host.restart()
    await gateway.bunkers.reload(key.keyId)
    await expect(program.ask('sign_event', noteText)).rejects.toMatchObject({ code: 'epoch.unproven' })
    expect(await bunker.heard()).toEqual({ by: [], missing: ['alice', 'bob', 'carol'] })
    await bunker.renew()
    expect(await bunker.heard()).toEqual({ by: ['alice', 'bob', 'carol'], missing: [] })
    await second.renew()
    expect((await program.ask('sign_event', noteText))?.result).toMatch('pubkey')
  })
})

describe('a request that waits', () => {
  const asking = { preset: 'nothing', otherwise: 'ask' } as const

  it('is shown as a person reads it, approved by enough owners, and answered', async () => {
    const { bunker, second, program, key } = await connected(asking)
    expect(await program.ask('sign_event', noteText)).toMatchObject({
      result: 'auth_url',
      error: expect.stringMatching(`^${gateway.url}/bunker/${key.keyId}/[0-9a-f]{64}$`) as string,
    })
    const [waiting] = await bunker.waiting()
    expect(waiting).toMatchObject({ client: program.pubkey, wish: 'sign_event:1', owners: ['alice', 'bob'] })
    expect(showWaiting(waiting!).map(({ text }) => text)).toContain('gm')
    await bunker.approve(waiting!)
    expect(await bunker.waiting()).toEqual([])
    const answer = once(gateway.bunkers.answers, waiting!.event) as Promise<[never]>
    await second.approve(await second.waitingRequest(waiting!.event))
    const { result } = program.read((await answer)[0])
    expect(verifyEvent(JSON.parse(result!) as Event)).toBe(true)
  })

  it('is approved for always, after which the like of it does not ask', async () => {
    const { bunker, second, program } = await connected(asking)
    await program.ask('sign_event', noteText)
    for (const owner of [bunker, second]) await owner.approve((await owner.waiting())[0]!, { always: true })
    expect((await program.ask('sign_event', JSON.stringify({ ...note, content: 'again' })))?.result).toMatch('pubkey')
    await program.ask('sign_event', JSON.stringify({ ...note, kind: 7 }))
    for (const owner of [bunker, second]) await owner.approve((await owner.waiting())[0]!, { always: true })
    const given = (await bunker.grants()).filter(({ own, grant }) => own && grant.holder.kind === 'client')
    expect(given.map(({ grant }) => grant.permissions.kinds.named)).toEqual([[1, 7]])
    expect(given.map(({ givenBy }) => givenBy)).toEqual([['alice', 'bob']])
    await second.replace((await second.grants()).find(({ own, grant }) => own && grant.holder.kind === 'client')!.id, {
      kinds: [1],
    })
    const alone = (await bunker.grants()).find(({ own, grant }) => own && grant.holder.kind === 'client')
    expect(alone?.givenBy).toEqual(['alice'])
  })

  it('is rejected, and the program hears so', async () => {
    const { bunker, second, program } = await connected(asking)
    const peer = generateSecretKey()
    await program.ask('nip44_encrypt', getPublicKey(peer), 'hello\u202e')
    const [waiting] = await bunker.waiting()
    expect(showWaiting(waiting!).map(({ text }) => text)).toContain('hello\\u{202e}')
    const answer = once(gateway.bunkers.answers, waiting!.event) as Promise<[never]>
    await bunker.reject(waiting!)
    expect(program.read((await answer)[0])).toHaveProperty('error')
    expect(await second.waiting()).toEqual([])
  })

  it('says how much of a long message is shown', async () => {
    const { bunker, program } = await connected(asking)
    const peer = getPublicKey(generateSecretKey())
    for (const characters of [2_000, 2_001])
      await program.ask('nip44_encrypt', peer, '☀️'.repeat(characters / 2).padEnd(characters, '!'))
    const [whole, part] = await bunker.waiting()
    expect(whole!.message).toEqual({ text: '☀️'.repeat(1_000), characters: 2_000 })
    expect(part!.message).toEqual({ text: '☀️'.repeat(1_000), characters: 2_001 })
    const cutOf = (waiting: typeof whole) => showWaiting(waiting!).filter(({ label }) => label === 'cut')
    expect(cutOf(whole)).toEqual([])
    expect(cutOf(part)).toEqual([{ label: 'cut', text: '2000 of 2001 characters are shown' }])
  })

  it('is waited for', async () => {
    const { bunker, program } = await connected(asking)
    const asked = gateway.nextAsked('listWaiting', 'wait')
    const next = bunker.waiting({ wait: 60_000 })
    await asked
    await program.ask('sign_event', noteText)
    expect(await next).toHaveLength(1)
  })

  it('of a stranger who wants to connect is approved by a grant', async () => {
    const { alice, bob, key } = await withBunker()
    const bunker = await alice.createBunker(key, { relays, strangers: 'ask' })
    const second = await bob.createBunker(key, { relays, strangers: 'ask' })
    const stranger = gateway.bunkers.startProgram(key.keyId)
    await stranger.ask('connect', bunker.signer, '', '', JSON.stringify({ name: 'Good \u001b[2Jclient' }))
    for (const owner of [bunker, second]) {
      const [waiting] = await owner.waiting()
      expect([waiting?.method, waiting?.item]).toEqual(['connect', null])
      expect(showWaiting(waiting!)).toEqual([
        { label: 'calls itself', text: 'Good \\u{1b}[2Jclient' },
        { label: 'asks to', text: 'connect' },
      ])
      await expect(owner.reject(waiting!)).rejects.toMatchObject({ code: 'request.invalid' })
      await owner.approve(waiting!)
    }
    expect(await stranger.ask('ping')).toMatchObject({ result: 'pong' })
  })

  it('leaves signings of participants alone, and is not among them', async () => {
    const { alice, bob, bunker, program, key } = await connected(asking)
    await program.ask('sign_event', noteText)
    const signing = await alice.requestSignature(key, { type: 'nostr-event', event: note })
    const client = (await bunker.waiting())[0]!
    const { request } = gateway.bunkers.rowOf(key.keyId).waiting.get(client.event)!.waiting
    gateway.lies.listSignings = ({ signings, ...page }: { signings: object[] }) => ({
      ...page,
      signings: [...signings, { ...signings[0], request, signingId: request!.body.signingId }],
    })
    expect((await bob.pendingSignings(key)).map(({ signingId }) => signingId)).toEqual([signing.signingId])
  })
})

describe('the log', () => {
  it('says what was asked, what became of it, and by which rule, and goes on from where it was read to', async () => {
    const { bunker, program } = await connected({ preset: 'notes' })
    const first = await bunker.log()
    expect(first.problems).toEqual([])
    expect(first.lines.map(({ line, host }) => [line.wish, line.outcome, host])).toEqual(
      ['alice', 'bob', 'carol'].map((name) => ['connect', 'answered', [name]]),
    )
    await program.ask('sign_event', noteText)
    await program.ask('sign_event', JSON.stringify({ ...note, kind: 0 }))
    const { lines, problems } = await bunker.log({ after: first.next, wait: 1_000 })
    expect(problems).toEqual([])
    expect(lines.map(({ line, host, receipts }) => [line.wish, line.outcome, host, receipts.length])).toEqual([
      ['sign_event:1', 'signed', ['alice'], 2],
      ['sign_event:1', 'took_part', ['alice'], 0],
      ['sign_event:1', 'took_part', ['bob'], 0],
      ['sign_event:0', 'asked', ['alice'], 0],
    ])
    expect(lines[3]?.line.judgements[0]).toMatchObject({ index: 1, rule: 'owner_decides' })
  })
})

it('reads messages of a third party for a program', async () => {
  const { bunker, program } = await connected({ preset: 'messages' })
  const secret = generateSecretKey()
  const sealed = nip44.encrypt('psst', nip44.getConversationKey(secret, bunker.user.hex))
  expect(await program.ask('nip44_decrypt', getPublicKey(secret), sealed)).toMatchObject({ result: 'psst' })
  expect(fromHex(bunker.signer)).toHaveLength(32)
})
