import { inspect } from 'node:util'
import { schnorr } from '@noble/curves/secp256k1.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { verifyEvent } from 'nostr-tools/pure'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import {
  decodeInvitation,
  encodeInvitation,
  exportKey,
  importKey,
  Quorate,
  QuorateError,
  type GrantTerms,
} from '../src/index.ts'
import { bytesMessage, messageOf, signatureProof, verifyProof, verifySignature, type Key } from '../src/index.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { makeKey, people } from './people.ts'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'

let fleet: Fleet
let gateway: Gateway
beforeAll(async () => {
  fleet = await createFleet()
})
beforeEach(async () => {
  gateway = await startGateway(fleet)
})
afterEach(() => gateway.close())

describe('three people', () => {
  it('make a key, and two of them sign with it, as BIP-340 says', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'hello')
    await bob.approve(await bob.signing(key, signing.signingId))
    const { signatures, publicKeys, receipts } = await signing.completed()
    expect(publicKeys).toEqual([key.groupKey])
    expect(receipts.map(({ body }) => body.index)).toEqual([1, 2])
    expect(schnorr.verify(signatures[0]!, hashOfBytes('hello'), fromHex(key.groupKey))).toBe(true)
  })

  it('make an Ed25519 key and sign several items at once', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway, { scheme: 'frost-ed25519' })
    const signing = await alice.requestSignature(key, ['one', Uint8Array.of(2)])
    await bob.approve(signing)
    const { signatures } = await signing.completed()
    expect(ed25519.verify(signatures[0]!, hashOfBytes('one'), fromHex(key.groupKey))).toBe(true)
    expect(ed25519.verify(signatures[1]!, hashOfBytes(Uint8Array.of(2)), fromHex(key.groupKey))).toBe(true)
  })

  it('sign exactly what they are given, with a key for raw bytes and with no other', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway, { scheme: 'frost-ed25519', content: ['raw'] })
    const signing = await alice.requestSignature(key, { type: 'raw', bytes: 'c0ffee' })
    await bob.approve(signing)
    const { signatures } = await signing.completed()
    expect(ed25519.verify(signatures[0]!, fromHex('c0ffee'), fromHex(key.groupKey))).toBe(true)
    await expect(alice.requestSignature(key, 'text')).rejects.toMatchObject({ code: 'content.not_permitted' })
    const { alice: other, key: usual } = await makeKey(fleet, gateway)
    const refused = other.requestSignature(usual, { type: 'raw', bytes: 'c0ffee' })
    await expect(refused).rejects.toMatchObject({ code: 'content.not_permitted' })
  })

  it('verify a signature of bytes with no more of the SDK than what is signed', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'hello')
    await bob.approve(signing)
    const { signatures } = await signing.completed()
    expect(bytesMessage('hello')).toEqual(messageOf(signing.items[0]!.content, key.groupKey))
    expect(schnorr.verify(signatures[0]!, bytesMessage('hello'), fromHex(key.groupKey))).toBe(true)
    expect(schnorr.verify(signatures[0]!, new TextEncoder().encode('hello'), fromHex(key.groupKey))).toBe(false)
  })

  it('sign a Nostr event that Nostr software accepts', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway, { content: ['nostr-event'] })
    const event = { created_at: 1_700_000_000, kind: 1, tags: [['t', 'x']], content: 'gm "quoted" \n ü' }
    const signing = await alice.requestSignature(key, { type: 'nostr-event', event })
    await bob.approve(signing)
    const { events } = await signing.completed()
    expect(verifyEvent(events[0] as never)).toBe(true)
    expect(events[0]!.pubkey).toBe(key.groupKey)
  })

  it('sign under the Taproot output key', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const content = { type: 'bytes', bytes: 'ab'.repeat(32) } as const
    const signing = await alice.requestSignature(key, { content, mode: { kind: 'taproot', merkleRoot: '' } })
    await bob.approve(signing)
    const { signatures, publicKeys } = await signing.completed()
    expect(publicKeys[0]).not.toBe(key.groupKey)
    expect(schnorr.verify(signatures[0]!, hashOfBytes(fromHex(content.bytes)), fromHex(publicKeys[0]!))).toBe(true)
  })

  it('all accept the same certificate, whoever waits', async () => {
    const { keygen, joined, key } = await makeKey(fleet, gateway)
    for (const other of [keygen, ...joined]) expect((await other.completed()).digest).toBe(key.digest)
  })

  it('see what waits for them, and no longer once they have answered', async () => {
    const { alice, bob, carol, key } = await makeKey(fleet, gateway, { threshold: 3 })
    const signing = await alice.requestSignature(key, 'look first')
    const [pending] = await bob.pendingSignings(key)
    expect(pending).toMatchObject({ asker: 'alice', signingId: signing.signingId })
    expect(pending!.items[0]!.content).toEqual({ type: 'bytes', bytes: toHex(new TextEncoder().encode('look first')) })
    await bob.approve(pending!)
    expect(await bob.pendingSignings(key)).toEqual([])
    expect(await carol.pendingSignings(key)).toHaveLength(1)
    expect(await alice.pendingSignings(key)).toEqual([])
  })

  it('learn whose consent is missing, and why, by the rule of the enclaves', async () => {
    const { alice, bob, carol } = people(fleet, gateway)
    const wish = { scheme: 'frost-secp256k1-tr', threshold: 3, participants: ['alice', 'bob', 'carol'] } as const
    const keygen = await alice.reserveKey({ ...wish, content: ['bytes', 'nostr-event'] })
    const limit = { count: 1, per: 60_000 }
    const grant: GrantTerms = { askers: ['alice'], content: ['bytes'], expiresAt: Date.now() + 60_000, limit }
    await bob.participate(keygen.invitation('bob'), { grant })
    await carol.participate(keygen.invitation('carol'))
    const key = await keygen.completed()
    const signing = await alice.requestSignature(key, 'covered')
    expect(await signing.waitingFor()).toEqual({ needed: 1, shares: [{ userId: 'carol', why: 'silent', items: [0] }] })
    await bob.reject(signing)
    const rejected = { userId: 'bob', why: 'rejected', items: [0] }
    expect(await signing.waitingFor()).toEqual({
      needed: 2,
      shares: [rejected, { userId: 'carol', why: 'silent', items: [0] }],
    })
    const byCarol = await carol.requestSignature(key, 'not for carol')
    const shares = [
      { userId: 'alice', why: 'silent', items: [0] },
      { userId: 'bob', why: 'uncovered', items: [0] },
    ]
    expect(await byCarol.waitingFor()).toEqual({ needed: 2, shares })
    await alice.approve(byCarol)
    gateway.lies.getSigning = (honest: RouteReply<'getSigning'>) => ({
      ...honest,
      approvals: honest.approvals.map((approval) => ({ ...approval, body: { ...approval.body, index: 2 } })),
    })
    expect(await byCarol.waitingFor()).toEqual({ needed: 2, shares })
  })

  it('approve for 24 hours at most, however late the request expires', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway, { threshold: 3 })
    const signing = await alice.requestSignature(key, 'no hurry', { expiresIn: 40 * 86_400_000 })
    await bob.approve(signing)
    const [approval] = (await signing.status()).approvals
    const { givenAt, expiresAt } = approval!.body
    expect(expiresAt - givenAt).toBe(86_400_000)
  })

  it('learn who rejected', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'no')
    await bob.reject(signing, 'not today')
    await expect(signing.completed()).rejects.toMatchObject({ code: 'signing.rejected', by: 'gateway', culprits: [2] })
  })

  it('watch a keygen and a signing to their end', async () => {
    const { alice, bob, key, keygen } = await makeKey(fleet, gateway)
    const states: string[] = []
    for await (const { state } of keygen.watch()) states.push(state)
    const signing = await alice.requestSignature(key, 'seen')
    void gateway.nextAsked('getSigning', 'after').then(() => bob.approve(signing))
    for await (const { state } of signing.watch()) states.push(state)
    expect(states).toEqual(['completed', 'collecting_participants', 'completed'])
  })
})

describe('what is kept', () => {
  it('brings back a key from its export, and signs with it', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const again = await importKey(exportKey(key))
    const signing = await alice.requestSignature(again, 'again')
    await bob.approve(signing)
    await signing.completed()
  })

  it('refuses an export with another secret, another certificate, or of another form', async () => {
    const { key } = await makeKey(fleet, gateway)
    const exported = JSON.parse(exportKey(key)) as { sessionSecret: string; certificate: { signatures: string[] } }
    const imports = (change: object) => importKey(JSON.stringify({ ...exported, ...change }))
    await expect(imports({ sessionSecret: '00'.repeat(32) })).rejects.toMatchObject({ code: 'key.invalid' })
    await expect(imports({ extra: 1 })).rejects.toMatchObject({ code: 'key.invalid' })
    await expect(importKey('{')).rejects.toMatchObject({ code: 'key.invalid' })
    const signatures = ['00'.repeat(64), ...exported.certificate.signatures.slice(1)]
    await expect(imports({ certificate: { ...exported.certificate, signatures } })).rejects.toMatchObject({
      code: 'certificate.invalid',
    })
  })

  it('prints a key without its secret, and takes no copy of it for a key', async () => {
    const { alice, key } = await makeKey(fleet, gateway)
    const { sessionSecret } = JSON.parse(exportKey(key)) as { sessionSecret: string }
    expect(inspect(key, { depth: null, showHidden: true })).not.toContain(sessionSecret)
    const why = { code: 'key.invalid', message: expect.stringContaining('use exportKey and importKey') as string }
    for (const copy of [{ ...key }, structuredClone(key)] as Key[])
      await expect(alice.requestSignature(copy, 'x')).rejects.toMatchObject(why)
    expect(() => JSON.stringify({ key })).toThrow(expect.objectContaining(why))
  })

  it('carries an invitation through a link', async () => {
    const { keygen } = await makeKey(fleet, gateway)
    const invitation = keygen.invitation('bob')
    expect(encodeInvitation(invitation)).toMatch(/^quorate:join#[A-Za-z0-9_-]+$/)
    expect(decodeInvitation(` ${encodeInvitation(invitation)}\n`)).toEqual(invitation)
    for (const broken of ['', 'quorate:join#', 'quorate:join#AAAA', encodeInvitation(invitation).slice(0, -4)])
      expect(() => decodeInvitation(broken)).toThrow(QuorateError)
  })

  it('verifies a proof offline, and none that was changed', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'for ever')
    await bob.approve(signing)
    const result = await signing.completed()
    const proof = signatureProof(result)
    await gateway.close()
    await verifyProof(key, structuredClone(proof))
    await verifySignature(key, result.items[0]!, result.signatures[0]!)
    const item = { content: { type: 'bytes', bytes: '00' }, mode: { kind: 'plain' } } as const
    await expect(verifyProof(key, { ...proof, items: [item] })).rejects.toMatchObject({ code: 'content.mismatch' })
    await verifyProof(key, proof, fleet.trust)
    const otherImage = { ...fleet.trust, measurements: [{ '0': '00'.repeat(48) }] }
    await expect(verifyProof(key, proof, otherImage)).rejects.toMatchObject({ code: 'receipt.invalid' })
    await expect(verifyProof(key, { ...proof, receipts: proof.receipts.slice(1) })).rejects.toMatchObject({
      code: 'receipt.invalid',
    })
    await expect(verifySignature(key, item, result.signatures[0]!)).rejects.toMatchObject({ code: 'signature.invalid' })
  })
})

describe('what is refused before anything is sent', () => {
  it('takes no trust policy that trusts nobody, no seed of another length, no odd name', () => {
    const { url } = gateway
    expect(() => new Quorate({ gateway: url, trust: { roots: [], measurements: [] } })).toThrow(QuorateError)
    expect(() => new Quorate({ gateway: 'nonsense', trust: fleet.trust })).toThrow(QuorateError)
    const quorate = new Quorate({ gateway: url, trust: fleet.trust })
    expect(() => quorate.participant('alice', { seed: new Uint8Array(31) })).toThrow(QuorateError)
    // The last begins with one letter that normalises to two.
    for (const name of ['al ice', '', 'a\u0301', '\ufb01nn'])
      expect(() => quorate.participant(name, { seed: new Uint8Array(32) })).toThrow(QuorateError)
  })

  it('asks for no key that cannot be, and signs nothing that the key does not permit', async () => {
    const { alice } = people(fleet, gateway)
    const wish = { scheme: 'frost-ed25519', threshold: 3, participants: ['alice', 'bob'] } as const
    await expect(alice.reserveKey(wish)).rejects.toMatchObject({ code: 'request.invalid', by: 'client' })
    const { alice: member, key } = await makeKey(fleet, gateway)
    const event = { created_at: 1, kind: 1, tags: [], content: '' }
    const before = gateway.asked.length
    await expect(member.requestSignature(key, { type: 'nostr-event', event })).rejects.toMatchObject({
      code: 'content.not_permitted',
    })
    await expect(member.requestSignature(key, [])).rejects.toMatchObject({ code: 'request.invalid' })
    expect(gateway.asked.length).toBe(before)
  })

  it('asks for no signature of text with half a surrogate pair, and gives none as a reason', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway, { content: ['nostr-event'] })
    const event = { created_at: 1, kind: 1, tags: [['t', '\uD83E']], content: 'x' }
    const before = gateway.asked.length
    for (const half of ['\uDDE1', { type: 'nostr-event', event } as const])
      await expect(alice.requestSignature(key, half)).rejects.toMatchObject({ code: 'content.invalid', by: 'client' })
    expect(gateway.asked.length).toBe(before)

    const whole = { created_at: 1, kind: 1, tags: [['t', '\uFEFFx']], content: '\uFEFF\uFFFD🧡' }
    const signing = await alice.requestSignature(key, { type: 'nostr-event', event: whole })
    await expect(bob.reject(signing, '\uD83E')).rejects.toMatchObject({ code: 'request.invalid', by: 'client' })
    await bob.approve(signing)
    const { events } = await signing.completed()
    expect(events[0]).toMatchObject(whole)
    expect(verifyEvent(events[0] as never)).toBe(true)
  })

  it('lets nobody act on a key with another seed', async () => {
    const { key } = await makeKey(fleet, gateway)
    const { alice: stranger } = people(fleet, gateway)
    await expect(stranger.requestSignature(key, 'x')).rejects.toMatchObject({ code: 'participant.unknown' })
  })

  it('refuses an invitation for somebody else', async () => {
    const { alice, bob } = people(fleet, gateway)
    const participants = ['alice', 'bob', 'carol']
    const keygen = await alice.reserveKey({ scheme: 'frost-ed25519', threshold: 2, participants })
    await expect(bob.participate(keygen.invitation('carol'))).rejects.toMatchObject({ code: 'invitation.invalid' })
  })

  it('refuses a grant that is none, and says where', async () => {
    const { alice } = people(fleet, gateway)
    const grant: GrantTerms = { askers: ['bob'], content: ['bytes'], expiresAt: 1, limit: { count: 0, per: 60_000 } }
    const wish = { scheme: 'frost-ed25519', threshold: 2, participants: ['alice', 'bob'], grant } as const
    const error = await alice.reserveKey(wish).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'request.invalid', by: 'client' })
    expect((error as QuorateError).issues.join()).toContain('limit.count')
  })

  it('refuses a policy or a grant that names raw bytes beside another type, and content that its scheme does not sign', async () => {
    const { alice } = people(fleet, gateway)
    const wish = { scheme: 'frost-ed25519', threshold: 2, participants: ['alice', 'bob'] } as const
    const issuesOf = async (options: Partial<Parameters<typeof alice.reserveKey>[0]>) => {
      const error: unknown = await alice.reserveKey({ ...wish, ...options }).catch((reason: unknown) => reason)
      return error instanceof QuorateError ? `${error.code}: ${error.issues.join()}` : 'reserved'
    }
    const alone = 'a type of content that stands alone (raw) is named beside another'
    expect(await issuesOf({ content: ['bytes', 'raw'] })).toContain(`request.invalid: policy.content: ${alone}`)
    const limit = { count: 1, per: 60_000 }
    const grant: GrantTerms = { askers: ['bob'], content: ['raw', 'bytes'], expiresAt: 1, limit }
    expect(await issuesOf({ grant })).toContain(`content: ${alone}`)
    expect(await issuesOf({ content: ['nostr-event'] })).toContain('do not sign all content of the policy')
  })

  it('refuses a fleet that is too small for the spread that was asked for', async () => {
    const { alice } = people(fleet, gateway)
    const participants = ['alice', 'bob', 'carol', 'dave']
    const wish = { scheme: 'frost-ed25519', threshold: 2, participants, sharesPerEnclave: 1 } as const
    await expect(alice.reserveKey(wish)).rejects.toMatchObject({ code: 'keygen.crowded', by: 'client' })
  })
})
