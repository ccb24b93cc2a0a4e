import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import {
  exportKey,
  importKey,
  signatureProof,
  verifyProof,
  type Key,
  type Participant,
  type ReserveOptions,
} from '@quorate/client'
import { authSeed } from '@quorate/shared/crypto/session-items'
import { createSigner, digestOf, signBody } from '@quorate/shared/crypto/sign'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { verifyEvent } from 'nostr-tools/pure'
import { beforeAll, describe, expect, it } from 'vitest'
import { aggregateOf, sortedKeys } from '../../../shared/test/bip327.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { withFleet } from './support/sdk-fleet.ts'

/*
 * Keys some of whose participants have a key of their own, through the SDK, on a fleet of three enclaves.
 */
const long = 240_000
const seeds = new Map<string, Uint8Array>()
const fleet = withFleet(long)

function person(name: string): Participant {
  const seed = seeds.get(name) ?? randomBytes(32)
  seeds.set(name, seed)
  return fleet.quorate().participant(name, { seed })
}

type Made = Readonly<{ key: Key; people: Readonly<Record<string, Participant>>; pubkeys: readonly Uint8Array[] }>

/** A key of these people, each of whom brings one. */
async function makeKey(participants: string[], wish: Partial<ReserveOptions>): Promise<Made> {
  const people = Object.fromEntries(participants.map((name) => [name, person(name)]))
  const ownKeys = participants.map(() => schnorr.utils.randomSecretKey())
  const [first, ...others] = participants as [string, ...string[]]
  const frame = { scheme: 'musig2', threshold: participants.length, participants } as const
  const keygen = await people[first]!.reserveKey({ ...frame, ...wish, ownKey: ownKeys[0] })
  const { sharesPerEnclave } = wish
  for (const [at, name] of others.entries())
    await people[name]!.participate(keygen.invitation(name), { sharesPerEnclave, ownKey: ownKeys[at + 1] })
  const key = await keygen.completed({ timeout: long })
  return { key, people, pubkeys: ownKeys.map((one) => secp256k1.getPublicKey(one, true)) }
}

const names = ['alice', 'bob', 'carol']
const subgroups = { pair: ['bob', 'alice'], others: ['bob', 'carol'] }

describe('a sub-group of a key', { timeout: long }, () => {
  let made: Made
  beforeAll(async () => {
    made = await makeKey(names, { subgroups, content: ['bytes', 'nostr-event'] })
  }, long)

  it('has the aggregate of its members’ keys, which the key keeps when it is exported', async () => {
    const { key, pubkeys } = made
    const [a, b, c] = pubkeys as [Uint8Array, Uint8Array, Uint8Array]
    const expected = [
      { id: 'pair', members: ['alice', 'bob'], groupKey: toHex(aggregateOf(sortedKeys([a, b]))) },
      { id: 'others', members: ['bob', 'carol'], groupKey: toHex(aggregateOf(sortedKeys([b, c]))) },
    ]
    expect(key.groupKey).toBe(toHex(aggregateOf(sortedKeys([a, b, c]))))
    for (const one of [key, await importKey(exportKey(key))]) {
      expect(one.subgroups).toEqual(expected)
      expect(one.subgroup('others')).toEqual(expected[1])
      expect(() => one.subgroup('nobody')).toThrow(expect.objectContaining({ code: 'subgroup.unknown' }))
    }
  })

  it('signs when its members have said yes, and shows nobody else a request to answer', async () => {
    const { key, people } = made
    const { alice, bob, carol } = people as Record<'alice' | 'bob' | 'carol', Participant>
    const signing = await alice.requestSignature(key, 'of a pair', { subgroup: 'pair' })
    expect(await signing.waitingFor()).toEqual({ needed: 1, shares: [{ userId: 'bob', why: 'silent', items: [0] }] })
    expect(await carol.pendingSignings(key)).toEqual([])
    const seen = await carol.signing(key, signing.signingId)
    await expect(carol.approve(seen)).rejects.toMatchObject({ code: 'subgroup.not_member', by: 'client' })
    const [mine] = await bob.pendingSignings(key)
    expect(mine!.items).toEqual([expect.objectContaining({ subgroup: 'pair' })])
    await bob.approve(mine!)
    const result = await signing.completed({ timeout: long })
    const { groupKey } = key.subgroup('pair')
    expect(result.publicKeys).toEqual([groupKey])
    expect(result.receipts.map(({ body }) => body.index)).toEqual([1, 2])
    expect(schnorr.verify(result.signatures[0]!, hashOfBytes('of a pair'), fromHex(groupKey))).toBe(true)
    const proof = signatureProof(result)
    await verifyProof(key, proof)
    const moved = { ...proof, items: proof.items.map((item) => ({ ...item, subgroup: 'others' })) }
    await expect(verifyProof(key, moved)).rejects.toMatchObject({ code: 'content.mismatch' })
  })

  it('signs Nostr events, and under its Taproot output key', async () => {
    const { key, people } = made
    const event = { created_at: 1_700_000_000, kind: 1, tags: [], content: 'of a pair' }
    const mode = { kind: 'taproot', merkleRoot: '' } as const
    const what = [
      { type: 'nostr-event', event } as const,
      { content: { type: 'bytes', bytes: 'ab' } as const, mode, subgroup: 'others' },
    ]
    const signing = await people.bob!.requestSignature(key, what, { subgroup: 'others' })
    await people.carol!.approve(await people.carol!.signing(key, signing.signingId))
    const { events, signatures, publicKeys } = await signing.completed({ timeout: long })
    expect(events[0]?.pubkey).toBe(key.subgroup('others').groupKey)
    expect(verifyEvent(events[0] as never)).toBe(true)
    const tweaked = outputKey(fromHex(key.subgroup('others').groupKey))
    expect(publicKeys[1]).toBe(toHex(tweaked))
    expect(schnorr.verify(signatures[1]!, hashOfBytes(Uint8Array.of(0xab)), tweaked)).toBe(true)
  })

  it('is asked by its name', async () => {
    const { key, people } = made
    const item = { content: { type: 'bytes', bytes: 'ab' }, mode: { kind: 'plain' } } as const
    const asked = people.alice!.requestSignature(key, { ...item, subgroup: 'nobody' })
    await expect(asked).rejects.toMatchObject({ code: 'subgroup.unknown' })
  })

  it('signs its items of a request, as others and all sign theirs', async () => {
    const { key, people } = made
    const { alice, bob, carol } = people as Record<'alice' | 'bob' | 'carol', Participant>
    const items = [undefined, 'pair', 'others', 'pair'].map((subgroup, at) => ({
      content: { type: 'bytes', bytes: `0${at}` } as const,
      mode: { kind: 'plain' } as const,
      ...(subgroup === undefined ? {} : { subgroup }),
    }))
    const signing = await alice.requestSignature(key, items)
    expect(await carol.pendingSignings(key)).toHaveLength(1)
    await bob.decide(await bob.signing(key, signing.signingId), ['approve', 'approve', 'approve', 'reject'])
    expect(await signing.waitingFor()).toMatchObject({ needed: 1 })
    await carol.approve(await carol.signing(key, signing.signingId))
    const result = await signing.completed({ timeout: long })
    const keys = [key.groupKey, key.subgroup('pair').groupKey, key.subgroup('others').groupKey]
    const valid = keys.map((one, at) => {
      const signed = result.items[at]!
      const signature = signed.refused === null ? signed.signature : null
      return signature !== null && schnorr.verify(signature, hashOfBytes(Uint8Array.of(at)), fromHex(one))
    })
    expect(valid).toEqual([true, true, true])
    expect(result.items[3]).toMatchObject({ refused: 'signing.rejected', refusals: [{ index: 2 }] })
    await expect(verifyProof(key, signatureProof(result))).rejects.toMatchObject({ code: 'signing.rejected' })
  })

  it('hears no word of who is no member: the gateway refuses it, and goes on waiting', async () => {
    const { key, people } = made
    const signing = await people.alice!.requestSignature(key, 'not carol’s', { subgroup: 'pair' })
    const carol = await createSigner(authSeed(seeds.get('carol')!, key.keyId))
    const { skeleton } = key.certificate.body.roster
    const givenAt = Date.now()
    const word = await signBody(carol, 'consent', {
      skeletonDigest: digestOf('skeleton', skeleton),
      index: 3,
      scope: { kind: 'request', requestDigest: signing.requestDigest },
      ...{ decisions: ['reject'], reason: null, givenAt, expiresAt: givenAt + 60_000 },
    })
    const headers = { 'content-type': 'application/json' }
    const url = `${fleet.quorate().gateway}/api/v1/signing/${signing.signingId}/approve`
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(word) })
    expect(await answer.json()).toMatchObject({ type: expect.stringContaining('subgroup.not_member') as string })
    expect((await signing.status()).state).toBe('collecting_participants')
    await signing.withdraw()
  })
})

/** BIP-341 by @noble/curves, without a script tree. */
function outputKey(groupKey: Uint8Array): Uint8Array {
  const { Point } = secp256k1
  const tweak = schnorr.utils.taggedHash('TapTweak', groupKey)
  const internal = schnorr.utils.lift_x(BigInt(`0x${toHex(groupKey)}`))
  return internal
    .add(Point.BASE.multiply(BigInt(`0x${toHex(tweak)}`)))
    .toBytes(true)
    .slice(1)
}

describe('a key with 200 sub-groups', { timeout: long }, () => {
  it('is made, and the last of them signs', async () => {
    const people = Array.from({ length: 9 }, (_, at) => `${'森'.repeat(63)}${at + 1}`)
    // Every set of two and more, as long as there are so many.
    const sets = Array.from({ length: 2 ** 9 }, (_, bits) => people.filter((_, at) => bits & (1 << at)))
    const all = sets.filter(({ length }) => length > 1).slice(-200)
    const wished = Object.fromEntries(all.map((members, at) => [`${'木'.repeat(61)}${at + 100}`, members]))
    const { key, pubkeys, people: by } = await makeKey(people, { subgroups: wished, sharesPerEnclave: 3 })
    expect(key.subgroups).toHaveLength(200)
    const last = key.subgroups.at(-2)!
    const [asker, ...others] = last.members as [string, ...string[]]
    const signing = await by[asker]!.requestSignature(key, 'one of many', { subgroup: last.id })
    for (const name of others) await by[name]!.approve(await by[name]!.signing(key, signing.signingId))
    const { signatures } = await signing.completed({ timeout: long })
    const expected = aggregateOf(sortedKeys(last.members.map((name) => pubkeys[people.indexOf(name)]!)))
    expect(last.groupKey).toBe(toHex(expected))
    expect(schnorr.verify(signatures[0]!, hashOfBytes('one of many'), expected)).toBe(true)
  })
})

it('two people who bring the same key are named, and there is no key', { timeout: long }, async () => {
  const [ann, ben] = [person('ann'), person('ben')]
  const ownKey = schnorr.utils.randomSecretKey()
  const frame = { scheme: 'musig2', threshold: 2, participants: ['ann', 'ben'] } as const
  const keygen = await ann.reserveKey({ ...frame, ownKey })
  await ben.participate(keygen.invitation('ben'), { ownKey })
  await expect(keygen.completed({ timeout: long })).rejects.toMatchObject({
    code: 'keygen.bad_package',
    culprits: [1, 2],
  })
})
