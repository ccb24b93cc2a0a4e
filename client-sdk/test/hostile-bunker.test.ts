import { describe, expect, it } from 'vitest'
import { openPending, sealBook, sealPending } from '@quorate/shared/crypto/bunker-secrets'
import { signBody } from '@quorate/shared/crypto/sign'
import { lineageOf } from '@quorate/shared/verify/certificate'
import type { BunkerStatus, Waiting } from '@quorate/shared/wire/routes/bunker'
import { seedSigner } from '../src/signer.ts'
import { sessionSecretOf } from '../src/key.ts'
import { verifyBunkerEvents } from '../src/bunker/index.ts'
import { Quorate, type Key } from '../src/index.ts'
import { fleet, gateway, refusedAs, withOwnGateway } from './lying-gateway.ts'
import { connected, newKey, noteText, other, relays, v, withBunker } from './with-bunker.ts'

/*
 * A gateway that lies about a bunker. It has everything but S, the owners' keys and the hosts' V.
 */

withOwnGateway()

describe('a signer', () => {
  const withReceipts = (change: (hosts: BunkerStatus['hosts'], key: Key) => unknown, key: Key) => {
    gateway.lies.createBunker = async ({ hosts, ...status }: BunkerStatus) => ({
      ...status,
      hosts: await change(hosts, key),
    })
  }

  it('is not believed in when a host names another', async () => {
    const { alice, key } = await newKey()
    withReceipts(async ([first, second, third]) => {
      const receipt = await v(2).sign('bunker-receipt', { ...second!.receipt!.body, signer: other })
      return [first, { ...second, receipt }, third]
    }, key)
    await expect(alice.createBunker(key, { relays })).rejects.toMatchObject(refusedAs('receipt.invalid', [2]))
  })

  it('is not believed in when it is another than the hosts name', async () => {
    const { alice, key } = await newKey()
    gateway.lies.createBunker = (status: BunkerStatus) => ({ ...status, signer: other })
    await expect(alice.createBunker(key, { relays })).rejects.toMatchObject({ code: 'receipt.invalid', by: 'client' })
  })

  it('is not believed in without the word of every host', async () => {
    const { alice, bob, key } = await newKey()
    withReceipts(([first, second]) => [first, { ...second, receipt: null }], key)
    await expect(alice.createBunker(key, { relays })).rejects.toMatchObject(refusedAs('enclave.unreachable', [2, 3]))
    gateway.lies.getBunker = ({ hosts, ...status }: BunkerStatus) => ({ ...status, hosts: hosts.slice(1) })
    await expect(bob.bunker(key)).rejects.toMatchObject(refusedAs('enclave.unreachable', [1]))
  })

  it.each(['of another host', 'of a host of another key', 'changed'])(
    'is not believed in by a receipt that is %s',
    async (how) => {
      const { alice, key } = await newKey()
      const stranger = await fleet.stranger('stranger')
      withReceipts(async ([first, second, third]) => {
        const { body, signature } = second!.receipt!
        const receipts = {
          'of another host': first!.receipt,
          'of a host of another key': await stranger.keys.sign('bunker-receipt', body),
          changed: { body: { ...body, saidAt: 0 }, signature },
        }
        return [first, { ...second, receipt: receipts[how as 'changed'] }, third]
      }, key)
      await expect(alice.createBunker(key, { relays })).rejects.toMatchObject(refusedAs('receipt.invalid', [2]))
    },
  )

  it('stays the same for who has written a book', async () => {
    const { bunker } = await withBunker()
    gateway.lies.getBunker = (status: BunkerStatus) => ({ ...status, signer: other, hosts: [] })
    await expect(bunker.grants()).rejects.toMatchObject(refusedAs('book.invalid', [1]))
  })
})

describe('a book', () => {
  const before = async (key: Key) => structuredClone((await gateway.bunkers.shown(key.keyId)).books)

  it('that is older than the own newest is not written on', async () => {
    const { bunker, key } = await withBunker()
    const books = await before(key)
    await bunker.offer({ name: 'newer' })
    gateway.lies.getBunker = (status: BunkerStatus) => ({ ...status, books, hosts: [] })
    await expect(bunker.offer({ name: 'next' })).rejects.toMatchObject(refusedAs('book.stale', [1]))
    gateway.lies.getBunker = (status: BunkerStatus) => ({ ...status, books: [], hosts: [] })
    await expect(bunker.grants()).rejects.toMatchObject(refusedAs('book.stale', [1]))
  })

  it('that is older than the hosts say is not taken by who sees it for the first time', async () => {
    const { bunker, key, bob } = await withBunker()
    const books = await before(key)
    await bunker.revokeAll()
    gateway.lies.getBunker = (status: BunkerStatus) => ({ ...status, books })
    await expect(bob.bunker(key)).rejects.toMatchObject(refusedAs('book.stale', [1]))
  })

  /** A key of people with known seeds, each of whom may start again. */
  async function withSeeds() {
    const seedOf = (name: string) => new Uint8Array(32).fill(name.charCodeAt(0))
    const start = (name: string) =>
      new Quorate({ gateway: gateway.url, trust: fleet.trust }).participant(name, { seed: seedOf(name) })
    const [alice, ...others] = ['alice', 'bob', 'carol'].map(start)
    const participants = ['alice', 'bob', 'carol']
    const frame = { scheme: 'frost-secp256k1-tr', threshold: 2, participants, content: ['nostr-event'] } as const
    const keygen = await alice!.reserveKey({ ...frame, content: [...frame.content] })
    for (const one of others) await one.participate(keygen.invitation(one.userId))
    return { key: await keygen.completed(), start, seedOf }
  }

  it('that is older than the one that an earlier run has kept is not taken', async () => {
    const { key, start } = await withSeeds()
    const bunker = await start('alice').createBunker(key, { relays })
    const books = await before(key)
    await bunker.offer({ name: 'newer' })
    const { newest } = bunker
    gateway.lies.getBunker = (status: BunkerStatus) => ({ ...status, books, hosts: [] })
    await expect(start('alice').bunker(key, { newest })).rejects.toMatchObject(refusedAs('book.stale', [1]))
    await expect(start('alice').bunker(key)).resolves.toBeDefined()
  })

  it('that its owner has not signed is refused', async () => {
    const { bunker, key } = await withBunker()
    const mallory = await seedSigner(new Uint8Array(32)).forKey(key.keyId)
    gateway.lies.getBunker = async ({ books, ...status }: BunkerStatus) => ({
      ...status,
      books: await Promise.all(books.map(({ body }) => signBody(mallory, 'book', body))),
    })
    await expect(bunker.grants()).rejects.toMatchObject(refusedAs('book.invalid'))
  })

  it('that was not kept is not said to be', async () => {
    const { bunker, key } = await withBunker()
    const honest = await gateway.bunkers.shown(key.keyId)
    gateway.lies.putBook = () => honest
    await expect(bunker.offer({})).rejects.toMatchObject(refusedAs('reply.mismatch'))
  })

  it('of another owner that does not open keeps nobody from the rest', async () => {
    const { key, start, seedOf } = await withSeeds()
    const bunker = await start('alice').createBunker(key, { relays })
    await (await start('bob').bunker(key)).offer({ name: 'of bob' })
    await bunker.offer({ name: 'of alice' })
    const row = gateway.bunkers.rowOf(key.keyId)
    const place = { ...row.books.get(2)!.body, serial: 99 }
    const sealed = sealBook(new Uint8Array(32), place, {
      relays: ['wss://relay.example'],
      strangers: 'ask',
      page: null,
      grants: [],
    })
    const spoilt = await signBody(await seedSigner(seedOf('bob')).forKey(key.keyId), 'book', { ...place, sealed })
    gateway.lies.getBunker = ({ books, ...status }: BunkerStatus) => ({
      ...status,
      books: books.map((book) => (book.body.index === 2 ? spoilt : book)),
    })
    expect((await bunker.grants()).map(({ grant }) => grant.name)).toEqual(['of alice'])
    await expect(start('bob').bunker(key)).resolves.toMatchObject({ signer: bunker.signer })
    await expect((await start('bob').bunker(key)).offer({})).rejects.toMatchObject(refusedAs('book.invalid', [2]))
  })

  it('without grants counts as heard only by receipts that name it', async () => {
    const { bunker, key } = await withBunker()
    const [old] = (await gateway.bunkers.shown(key.keyId)).hosts
    const onlyOne = ({ hosts, ...status }: BunkerStatus) => ({
      ...status,
      hosts: hosts.map((host, at) => (at === 0 ? host : { ...host, receipt: at === 1 ? null : host.receipt })),
    })
    gateway.lies.putBook = ({ hosts, ...status }: BunkerStatus) => ({
      ...status,
      hosts: hosts.map((host, at) => (at === 0 ? { ...host, receipt: old!.receipt } : { ...host, receipt: null })),
    })
    gateway.lies.getBunker = gateway.lies.putBook
    await expect(bunker.revokeAll({ timeout: 300 })).rejects.toMatchObject({
      code: 'wait.timeout',
      culprits: [1, 2, 3],
    })
    const onlyFirst = ({ hosts, ...status }: BunkerStatus) => ({ ...status, hosts: hosts.slice(0, 1) })
    gateway.lies.putBook = onlyFirst
    gateway.lies.getBunker = onlyFirst
    await expect(bunker.revokeAll({ timeout: 300 })).rejects.toMatchObject({ code: 'wait.timeout', culprits: [2, 3] })
    gateway.lies.putBook = onlyOne
    gateway.lies.getBunker = onlyOne
    expect(await bunker.revokeAll()).toEqual({ by: ['alice', 'carol'], missing: ['bob'] })
  })
})

describe('a request that waits', () => {
  const lying = (change: (waiting: Waiting[]) => unknown) => {
    gateway.lies.listWaiting = ({ waiting }: { waiting: Waiting[] }) => ({ waiting: change(waiting) })
  }

  /** Two of them: a note, and everything that alice owns. */
  async function withTwo() {
    const made = await connected({ preset: 'nothing' })
    await made.program.ask('sign_event', noteText)
    await made.program.ask('sign_event', noteText.replace('gm', 'I owe you everything'))
    const [harmless, harmful] = await made.bunker.waiting()
    return { ...made, harmless: harmless!, harmful: harmful! }
  }

  it.each<[string, string, (harmless: Waiting, harmful: Waiting) => Partial<Waiting>]>([
    ['is another than R says', 'signing.request_invalid', (_, { request }) => ({ request })],
    ['is shown of another event', 'seal.invalid', (_, { pending }) => ({ pending })],
    ['is missing where R has one', 'content.mismatch', () => ({ request: null })],
    ['is of another program', 'reply.mismatch', () => ({ client: other as never })],
  ])('whose item %s is left out, and refused when it is looked at (%s)', async (_, code, change) => {
    const { bunker, harmless, harmful } = await withTwo()
    lying(([one, two]) => [{ ...one, ...change(one!, two!) }, two])
    expect((await bunker.waiting()).map(({ event }) => event)).toEqual([harmful.event])
    await expect(bunker.waitingRequest(harmless.event)).rejects.toMatchObject({ code })
  })

  it('whose request names another item is refused, though a host of the key has sealed what is shown', async () => {
    const { bunker, key, harmless, harmful } = await withTwo()
    const secret = sessionSecretOf(key)
    const lineage = lineageOf(key.certificate.body)
    lying(([one, two]) => {
      const shown = openPending(secret, lineage, one!.event, one!.pending)
      const { item } = openPending(secret, lineage, two!.event, two!.pending)
      return [{ ...one, pending: sealPending(secret, lineage, { ...shown, item }) }, two]
    })
    await expect(bunker.waitingRequest(harmless.event)).rejects.toMatchObject(refusedAs('content.mismatch'))
    await expect(bunker.waitingRequest(harmful.event)).resolves.toMatchObject({ event: harmful.event })
  })

  it('that nobody knows is not there', async () => {
    const { bunker } = await withTwo()
    await expect(bunker.waitingRequest(other)).rejects.toMatchObject({ code: 'request.not_found' })
  })
})

describe('the proof of a signer', () => {
  it('is refused of another image, of old documents, of another signer, and when somebody changed it', async () => {
    const { key, bunker } = await withBunker()
    const [event, ...more] = await gateway.bunkers.announced(key.keyId)
    const { trust } = fleet
    const elsewhere = { ...trust, measurements: [{ '0': 'ab'.repeat(48) }] }
    await expect(verifyBunkerEvents([event, ...more], elsewhere)).rejects.toMatchObject(
      refusedAs('attestation.invalid'),
    )
    const later = Date.now() + 26 * 3_600_000
    await expect(verifyBunkerEvents([event, ...more], trust, { now: later })).rejects.toMatchObject(
      refusedAs('attestation.invalid'),
    )
    await expect(verifyBunkerEvents([{ ...event, pubkey: other }, ...more], trust)).rejects.toMatchObject(
      refusedAs('nostr.event_unsigned'),
    )
    await expect(verifyBunkerEvents([{ ...event, kind: 1 }, ...more], trust)).rejects.toMatchObject(
      refusedAs('nostr.event_invalid'),
    )
    gateway.lies.attestBunker = ({ hosts, signer }: { hosts: unknown[]; signer: string }) => ({
      signer,
      hosts: hosts.slice(1),
    })
    await expect(bunker.verify()).rejects.toMatchObject(refusedAs('enclave.unreachable', [1]))
    gateway.lies.attestBunker = ({ hosts }: { hosts: unknown[] }) => ({ signer: other, hosts })
    await expect(bunker.verify()).rejects.toMatchObject(refusedAs('reply.mismatch'))
  })

  it('is refused when a host says that it holds another signer, or its document is that of another host', async () => {
    const { bunker } = await withBunker()
    type Shown = { signer: string; hosts: { receipt: { body: object }; attested: object }[] }
    gateway.lies.attestBunker = async ({ signer, hosts }: Shown) => ({
      signer,
      hosts: [
        { ...hosts[0], receipt: await v(1).sign('bunker-receipt', { ...hosts[0]!.receipt.body, signer: other }) },
        ...hosts.slice(1),
      ],
    })
    await expect(bunker.verify()).rejects.toMatchObject(refusedAs('receipt.invalid'))
    gateway.lies.attestBunker = async ({ signer, hosts }: Shown) => ({
      signer,
      hosts: [{ ...hosts[0], receipt: await v(2).sign('bunker-receipt', hosts[0]!.receipt.body) }, ...hosts.slice(1)],
    })
    await expect(bunker.verify()).rejects.toMatchObject(refusedAs('receipt.invalid'))
    gateway.lies.attestBunker = ({ signer, hosts }: Shown) => ({
      signer,
      hosts: hosts.map((host, at) => ({ ...host, attested: hosts[(at + 1) % 3]!.attested })),
    })
    await expect(bunker.verify()).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })
})
