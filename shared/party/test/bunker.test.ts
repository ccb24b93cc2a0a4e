import { finalizeEvent, generateSecretKey, getPublicKey, nip04, nip44, verifyEvent, type Event } from 'nostr-tools'
import { SignedEvent } from '@quorate/shared/nostr/event'
import { formatHandOn, handOnEvent } from '@quorate/shared/nostr/hand-on'
import { presets } from '@quorate/shared/nostr/presets'
import { describe, expect, it } from 'vitest'
import { refusals } from '@quorate/shared/errors'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import { openPending } from '@quorate/shared/crypto/bunker-secrets'
import { digestOf } from '@quorate/shared/crypto/sign'
import {
  answerOf,
  connect,
  connectedTo,
  createBunker,
  grantAll,
  grantOf,
  keyFor,
  lineageOfKey,
  loadAll,
  loadBunker,
  note,
  signFor,
  startProgram,
  takeAt,
  termsOf,
  writeBook,
  type GrantTerms,
  type MadeBunker,
} from './bunker.ts'
import { commitAll, loadKey, recall } from './ceremony.ts'
import { introduceAll, startHosts } from './host.ts'
import { approve } from './people.ts'
import { expectRefusal } from './refused.ts'

const denied = refusals['nostr.not_permitted'].title

const group = await startHosts()
await introduceAll(group.members)
const newKey = () => keyFor(group)
const connected = (terms?: GrantTerms) => connectedTo(group, terms)

const word = ({ key }: MadeBunker, { body }: SigningRequest, index: number, decision?: 'approve' | 'reject') =>
  approve(key.plan, index, digestOf('request', body), Date.now() + 60_000, decision)

describe('a program', () => {
  it('connects by an offered secret, and learns the user', async () => {
    const { bunker, program, taken, user } = await connected()
    expect(program.read(answerOf(taken))).toEqual({ id: 'r1', result: 'ack' })
    expect(verifyEvent(answerOf(taken) as Event)).toBe(true)
    const key = await takeAt(bunker, 2, program.ask('get_public_key', []))
    expect(program.read(answerOf(key)).result).toBe(user)
    const relays = await takeAt(bunker, 3, program.ask('switch_relays', []))
    expect(program.read(answerOf(relays)).result).toBe('["wss://relay.example"]')
  })

  it('has an event signed by any quorum, which nostr-tools verifies', async () => {
    const { bunker, program, user } = await connected()
    for (const quorum of [
      [1, 2],
      [1, 3],
      [2, 3],
    ]) {
      const { result } = program.read(await signFor(bunker, program.ask('sign_event', [JSON.stringify(note)]), quorum))
      const signed = JSON.parse(result!) as Event
      expect(signed).toMatchObject({ ...note, pubkey: user })
      expect(verifyEvent(signed)).toBe(true)
    }
  })

  it('encrypts for a third party, and reads what that one wrote, once with shares and then from memory', async () => {
    const { bunker, program, user } = await connected()
    const secret = generateSecretKey()
    const [peer, key] = [getPublicKey(secret), nip44.getConversationKey(secret, user)]
    const first = await signFor(bunker, program.ask('nip44_encrypt', [peer, 'gm']), [1, 2])
    expect(nip44.decrypt(program.read(first).result!, key)).toBe('gm')
    const again = await takeAt(bunker, 1, program.ask('nip44_decrypt', [peer, nip44.encrypt('to you', key)]))
    expect(program.read(answerOf(again)).result).toBe('to you')
    const old = await takeAt(bunker, 1, program.ask('nip04_encrypt', [peer, 'gm']))
    expect(nip04.decrypt(secret, user, program.read(answerOf(old)).result!)).toBe('gm')
    const other = await takeAt(bunker, 2, program.ask('nip04_decrypt', [peer, nip04.encrypt(secret, user, 'hi')]))
    expect(other.does).toBe('sign')
  })

  it('hears no, and never nothing, for what it may not or cannot', async () => {
    const { bunker, program } = await connected({ preset: 'notes' })
    const said = async (method: string, params: unknown[]) =>
      program.read(answerOf(await takeAt(bunker, 1, program.ask(method, params)))).error
    expect(await said('sign_event', [JSON.stringify({ ...note, kind: 0 })])).toBe(denied)
    expect(await said('nip44_decrypt', [bunker.signer, 'x'])).toBe(denied)
    expect(await said('create_account', [])).toBe(refusals['nostr.method_unknown'].title)
    expect(await said('sign_event', ['x'])).toBe(refusals['nostr.params_invalid'].title)
  })

  it('that logs out has no session on any host that saw it, and none after a restart', async () => {
    const { bunker, program } = await connected()
    await connect(bunker, program.ask('logout', []))
    const refused = await takeAt(bunker, 2, program.ask('ping', []))
    expect(program.read(answerOf(refused)).error).toBe(denied)
  })

  it('is another than the one that came with the secret: it is refused, also where the secret is right', async () => {
    const { bunker } = await connected()
    const thief = startProgram(bunker)
    const taken = await connect(bunker, thief.ask('connect', [bunker.signer, 's3cret']))
    expect(thief.read(answerOf(taken)).error).toBe(denied)
  })

  it('hands a part of its grant on, which narrows it, to one that it names', async () => {
    const { bunker, program } = await connected({ handsOn: true })
    const [other, thief] = [startProgram(bunker), startProgram(bunker)]
    const { signer } = bunker
    const { permissions } = presets.notes
    const expiresAt = Date.now() + 60_000
    const handed = { signer, client: other.pubkey, permissions, peers: null, longest: null, expiresAt }
    const event = finalizeEvent(handOnEvent(handed, Math.floor(Date.now() / 1_000)), program.secretKey)
    const secret = formatHandOn(SignedEvent.parse(JSON.parse(JSON.stringify(event))))

    const stolen = await connect(bunker, thief.ask('connect', [signer, secret]))
    expect(thief.read(answerOf(stolen)).error).toBe(denied)
    const taken = await connect(bunker, other.ask('connect', [signer, secret]))
    expect(other.read(answerOf(taken)).result).toBe('ack')
    const signed = other.read(await signFor(bunker, other.ask('sign_event', [JSON.stringify(note)])))
    expect(verifyEvent(JSON.parse(signed.result!) as Event)).toBe(true)
    const refused = await takeAt(bunker, 1, other.ask('sign_event', [JSON.stringify({ ...note, kind: 0 })]))
    expect(other.read(answerOf(refused)).error).toBe(denied)

    await connect(bunker, other.ask('logout', []))
    expect(other.read(answerOf(await takeAt(bunker, 1, other.ask('ping', [])))).error).toBe(denied)
    expect(other.read(answerOf(await connect(bunker, other.ask('connect', [signer, secret])))).error).toBe(denied)
    expect(program.read(answerOf(await takeAt(bunker, 1, program.ask('ping', [])))).result).toBe('pong')
  })

  it('cannot bring an old event, or that of another signer, or one that it did not sign', async () => {
    const { bunker, program } = await connected()
    const at = Math.floor(Date.now() / 1_000)
    const old = program.ask('ping', [], at - 700)
    await expectRefusal(takeAt(bunker, 1, old), 'nostr.event_stale')
    await expectRefusal(takeAt(bunker, 1, program.ask('ping', [], at + 100)), 'nostr.event_stale')
    const event = program.ask('ping', [])
    await expectRefusal(takeAt(bunker, 1, { ...event, created_at: event.created_at + 1 }), 'nostr.event_unsigned')
    const elsewhere = { ...event, tags: [['p', program.pubkey]] }
    await expectRefusal(takeAt(bunker, 1, elsewhere), 'nostr.event_misaddressed')
  })
})

describe('a host', () => {
  it('signs nothing for a request that is not what the event asks, whoever brings it', async () => {
    const { bunker, program } = await connected()
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const taken = await takeAt(bunker, 1, event)
    if (taken.does !== 'sign') throw new Error(taken.does)
    const other = await takeAt(bunker, 1, program.ask('sign_event', [JSON.stringify({ ...note, content: 'x' })]))
    if (other.does !== 'sign') throw new Error(other.does)
    const sealedItems = [Buffer.from(JSON.stringify(event)).toString('base64url')]
    const { body } = taken.request
    const cheats = [
      { ...taken.request, body: { ...body, items: other.request.body.items } },
      { ...taken.request, body: { ...body, signingId: other.request.body.signingId } },
      { ...taken.request, body: { ...body, expiresAt: body.expiresAt + 1 } },
      { ...taken.request, signature: other.request.signature },
      other.request,
    ]
    for (const request of cheats)
      await expectRefusal(commitAll(bunker.key, { request, sealedItems }, [], [1]), 'signing.request_invalid')
  })

  it('signs nothing that its own owner has not granted, whatever other hosts say', async () => {
    const { bunker, program } = await connected()
    const event = program.ask('sign_event', [JSON.stringify(note)])
    const taken = await takeAt(bunker, 1, event)
    if (taken.does !== 'sign') throw new Error(taken.does)
    const asked = { request: taken.request, sealedItems: [Buffer.from(JSON.stringify(event)).toString('base64url')] }
    const empty = await writeBook(bunker, 2, termsOf([]))
    bunker.books.set(2, empty)
    await loadBunker(bunker, 2, [empty])
    await expectRefusal(commitAll(bunker.key, asked, [], [2]), 'consent.missing')
    // The others hear of it when they are asked to sign beside it: here they do not know yet, and its host does.
    await expect(commitAll(bunker.key, asked, [], [1, 3])).resolves.toHaveLength(2)
  })

  it('counts what it signs under a grant', async () => {
    const { bunker, program } = await connected({ limits: [{ count: 2, seconds: 60 }] })
    const ask = () => program.ask('sign_event', [JSON.stringify(note)])
    await signFor(bunker, ask())
    await signFor(bunker, ask())
    await expectRefusal(signFor(bunker, ask()), 'grant.exhausted')
  })

  it('does not take a book that is not its owner’s word, or an older one, or one of another key', async () => {
    const { bunker } = await connected()
    const other = await connected()
    const refusal = async (book: Parameters<typeof loadBunker>[2]) =>
      (await loadBunker(bunker, 1, book)).refused.map(({ code }) => code)
    const good = await writeBook(bunker, 1, termsOf([]))
    expect(await refusal([{ ...good, body: { ...good.body, serial: 9 } }])).toEqual(['book.invalid'])
    expect(await refusal([{ ...good, body: { ...good.body, index: 2 } }])).toEqual(['book.invalid'])
    expect(await refusal([await writeBook(other.bunker, 1, termsOf([]))])).toEqual(['book.invalid'])
    const before = bunker.books.get(1)!
    expect(await refusal([good])).toEqual([])
    expect(await refusal([before])).toEqual(['book.stale'])
  })
})

describe('after a restart', () => {
  const restart = async (bunker: MadeBunker, indices: number[]) => {
    for (const index of indices) bunker.key.plan.hosts.get(index)!.restart()
    await introduceAll(group.members)
    await loadKey(bunker.key, indices)
  }

  it('a host serves the same program again, once others have told it which books are the newest', async () => {
    const { bunker, program } = await connected()
    await restart(bunker, [2])
    const unproven = await loadBunker(bunker, 2)
    expect(unproven.refused.map(({ code }) => code)).toEqual(['book.unproven', 'book.unproven', 'book.unproven'])
    await recall(bunker.key, 2)
    expect((await loadBunker(bunker, 2)).refused).toEqual([])
    const { result } = program.read(await signFor(bunker, program.ask('sign_event', [JSON.stringify(note)]), [2, 3]))
    expect(verifyEvent(JSON.parse(result!) as Event)).toBe(true)
  })

  it('an old book does not come back: a grant that was taken back stays so', async () => {
    const { bunker, program } = await connected()
    const before = [...bunker.books.values()]
    await grantAll(bunker, termsOf([]))
    await restart(bunker, [1])
    await recall(bunker.key, 1)
    const { refused } = await loadBunker(bunker, 1, before)
    expect(refused.map(({ code }) => code)).toEqual(['book.stale', 'book.stale', 'book.stale'])
    await loadBunker(bunker, 1)
    const taken = await takeAt(bunker, 1, program.ask('ping', []))
    expect(program.read(answerOf(taken)).error).toBe(denied)
  })

  it('of all hosts, grants count again when their owners have written them anew, naming the hosts as they are', async () => {
    const { bunker, program } = await connected()
    await restart(bunker, [1, 2, 3])
    for (const index of [1, 2, 3]) expect((await loadBunker(bunker, index)).refused).toHaveLength(3)
    await expectRefusal(takeAt(bunker, 1, program.ask('ping', [])), 'epoch.unproven')
    const lives = group.members.map((host) => host.bootId())
    const { grants } = {
      grants: [grantOf({ holder: { kind: 'client', client: program.pubkey, greeting: null } }, Date.now())],
    }
    await grantAll(bunker, termsOf(grants), { lives, owners: [1, 2] })
    await loadAll(bunker)
    const { result } = program.read(await signFor(bunker, program.ask('sign_event', [JSON.stringify(note)]), [1, 2]))
    expect(verifyEvent(JSON.parse(result!) as Event)).toBe(true)
  })
})

describe('the signer', () => {
  it('answers a program that showed a nostrconnect URI, and authenticates to relays that its books name alone', async () => {
    const key = await newKey()
    const bunker = await createBunker(key)
    const program = startProgram(bunker)
    const greeting = { secret: 'hello', relays: ['wss://other.example'] }
    const grant = grantOf({ holder: { kind: 'client', client: program.pubkey, greeting } }, Date.now())
    await grantAll(bunker, termsOf([grant]))
    const of = { keyId: key.plan.skeleton.keyId, index: 1, signer: bunker.signer }
    const host = key.plan.hosts.get(1)!
    const greeted = await host.call('bunker.greet', { ...of, grant: grant.id })
    expect(program.read(greeted.event).result).toBe('hello')
    expect(greeted.relays).toEqual(greeting.relays)

    const { event } = await host.call('bunker.authenticate', { ...of, relay: 'wss://relay.example', challenge: 'c' })
    expect(verifyEvent(event as Event)).toBe(true)
    expect(event).toMatchObject({ kind: 22_242, pubkey: bunker.signer })
    const elsewhere = { ...of, relay: 'wss://elsewhere.example', challenge: 'c' }
    await expectRefusal(host.call('bunker.authenticate', elsewhere), 'grant.unknown')
  })

  it('is held by the hosts of its key alone, and opens in its place alone', async () => {
    const bunker = await createBunker(await newKey())
    const other = await createBunker(await newKey())
    const [own, second] = [1, 2].map((index) => bunker.key.plan.hosts.get(index)!.identity.signKey)
    other.sealed.set(second!, bunker.sealed.get(second!)!)
    await expectRefusal(loadBunker(other, 2), 'seal.invalid')
    bunker.sealed.set(second!, bunker.sealed.get(own!)!)
    await expectRefusal(loadBunker(bunker, 2), 'seal.invalid')
  })
})

it('a request that waits is laid out for its owners, and done when enough of them have said yes', async () => {
  const { bunker, program } = await connected({ preset: 'nothing', otherwise: 'ask' })
  const event = program.ask('sign_event', [JSON.stringify(note)])
  const taken = await takeAt(bunker, 1, event)
  if (taken.does !== 'ask') throw new Error(taken.does)
  expect(taken.owners).toEqual([1, 2, 3])
  expect(taken.answer).toBeNull()
  const { plan } = bunker.key
  const pending = openPending(plan.sessionSecret, lineageOfKey(bunker.key), event.id, taken.pending)
  expect(pending).toMatchObject({ client: program.pubkey, wish: 'sign_event:1', item: { content: { event: note } } })

  const request = taken.request!
  const [one, two] = [await word(bunker, request, 1), await word(bunker, request, 2)]
  expect((await takeAt(bunker, 1, event, [one])).does).toBe('ask')
  const { result } = program.read(await signFor(bunker, event, [1, 2], [one, two]))
  expect(verifyEvent(JSON.parse(result!) as Event)).toBe(true)

  const other = program.ask('sign_event', [JSON.stringify({ ...note, content: 'x' })])
  const again = await takeAt(bunker, 1, other)
  if (again.does !== 'ask') throw new Error(again.does)
  const noes = [await word(bunker, again.request!, 1, 'reject'), await word(bunker, again.request!, 2, 'reject')]
  expect(program.read(answerOf(await takeAt(bunker, 1, other, noes))).error).toBe(denied)
  expect((await takeAt(bunker, 1, other, [one, two])).does).toBe('ask')
})
