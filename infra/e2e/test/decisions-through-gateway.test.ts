import { schnorr } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import {
  ItemsRefused,
  signatureProof,
  verifyProof,
  type Decision,
  type GrantTerms,
  type Key,
  type SignatureResult,
  type Signing,
} from '@quorate/client'
import { fromHex } from '@quorate/shared/wire/bytes'
import { beforeAll, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { joinKey, peopleBy, reserveKey, type People, type Wish } from '../src/people.ts'
import { withFleet } from './support/sdk-fleet.ts'

/*
 * A decision per item, through the public SDK, with three enclaves. `y` is yes and `n` no, item by item.
 */

const long = 120_000
const fleet = withFleet()
let people: People

beforeAll(() => {
  const quorate = fleet.quorate()
  people = peopleBy((name) => quorate.participant(name, { seed: randomBytes(32) }))
})

async function newKey(more: Partial<Wish> = {}): Promise<Key> {
  const wish = { scheme: 'frost-secp256k1-tr', grant: null, ...more } as const
  const keygen = await reserveKey(people, wish)
  await joinKey(people, keygen, wish)
  return keygen.completed({ timeout: long })
}

const text = (at: number) => `item ${at}`
const texts = (count: number) => Array.from({ length: count }, (_, at) => text(at))
const decisions = (word: string): Decision[] => Array.from(word, (letter) => (letter === 'y' ? 'approve' : 'reject'))

/** They say so, each of what the own SDK shows. */
async function say(key: Key, { signingId }: Signing, words: Partial<Record<keyof People, string>>): Promise<void> {
  for (const [name, word] of Object.entries(words)) {
    const person = people[name as keyof People]
    await person.decide(await person.signing(key, signingId), decisions(word), { reason: 'as agreed' })
  }
}

/** How each item ended: `signed` where @noble/curves finds its signature. */
const endsOf = (key: Key, { items }: SignatureResult) =>
  items.map((item, at) =>
    item.refused === null
      ? item.signature !== null &&
        schnorr.verify(item.signature, hashOfBytes(text(at)), fromHex(key.groupKey)) &&
        'signed'
      : [item.refused, ...item.refusals.map(({ index }) => index)],
  )

describe('a request of several items', { timeout: long }, () => {
  it('is signed as far as enough people want it, and says so for ever', async () => {
    const key = await newKey()
    const signing = await people.alice.requestSignature(key, texts(5))
    await say(key, signing, { bob: 'ynyny', carol: 'nnynn' })
    const result = await signing.completed({ timeout: long })
    const no = ['signing.rejected', 2]
    expect(endsOf(key, result)).toEqual(['signed', no, 'signed', no, 'signed'])
    expect(() => result.signatures).toThrow(ItemsRefused)
    const rejections = [
      { userId: 'bob', index: 2, reason: 'as agreed', items: [1, 3] },
      { userId: 'carol', index: 3, reason: 'as agreed', items: [0, 1, 3, 4] },
    ]
    expect(result.rejections).toEqual(rejections)
    const { items, state, approvals } = await signing.status()
    expect({ items, state }).toEqual({
      items: ['signed', 'rejected', 'signed', 'rejected', 'signed'],
      state: 'completed',
    })
    expect(approvals.map(({ body }) => body.reason)).toEqual(['as agreed', 'as agreed'])
    await expect(verifyProof(key, signatureProof(result))).rejects.toMatchObject({
      code: 'signing.rejected',
      by: 'hosts',
      refused: [{ at: 1 }, { at: 3 }],
    })
  })

  it('is signed whole where each item has another quorum', async () => {
    const key = await newKey()
    const signing = await people.alice.requestSignature(key, texts(4))
    await say(key, signing, { bob: 'yynn' })
    expect(await signing.waitingFor()).toEqual({
      needed: 1,
      shares: [
        { userId: 'bob', why: 'rejected', items: [2, 3] },
        { userId: 'carol', why: 'silent', items: [0, 1, 2, 3] },
      ],
    })
    expect((await signing.status()).items).toEqual(['approved', 'approved', 'waiting', 'waiting'])
    await say(key, signing, { carol: 'nnyy' })
    const result = await signing.completed({ timeout: long })
    expect(endsOf(key, result)).toEqual(['signed', 'signed', 'signed', 'signed'])
    expect(result.receipts.map(({ body }) => body.index)).toEqual([1, 2, 3])
    await verifyProof(key, signatureProof(result))
  })

  it('ends when nothing of it can be signed any more, and takes no second word but one that takes all back', async () => {
    const key = await newKey()
    const signing = await people.alice.requestSignature(key, texts(2))
    await say(key, signing, { bob: 'yn' })
    await expect(say(key, signing, { bob: 'yy' })).rejects.toMatchObject({ code: 'session.conflict' })
    await say(key, signing, { bob: 'nn', carol: 'nn' })
    await expect(signing.completed({ timeout: long })).rejects.toMatchObject({
      ...{ code: 'signing.rejected', by: 'client', culprits: [2, 3] },
      rejections: [{ userId: 'bob', reason: 'as agreed' }, { userId: 'carol' }],
    })
    expect((await signing.status()).items).toEqual(['rejected', 'rejected'])
    await expect(say(key, signing, { bob: 'n' })).rejects.toMatchObject({ code: 'request.invalid' })
  })

  it('is signed when it is about to end as far as it has words, and by grants where they cover an item', async () => {
    const grant: GrantTerms = {
      askers: ['alice'],
      content: ['bytes'],
      limit: { count: 10, per: 60_000 },
      expiresAt: 9e12,
    }
    const key = await newKey({ grant, content: ['bytes', 'nostr-event'] })
    const event = { kind: 1, content: 'gm', tags: [], created_at: 1 }
    const signing = await people.alice.requestSignature(key, [text(0), { type: 'nostr-event', event }], {
      expiresIn: 8_000,
    })
    const result = await signing.completed({ timeout: long })
    // Whoever of the quorum does not ask for it has no grant for the event.
    const others = result.receipts.map(({ body }) => body.index).filter((index) => index !== 1)
    expect(endsOf(key, result)).toEqual(['signed', ['consent.missing', ...others]])
  })

  it('is withdrawn whole by its asker, who can also take single items back', async () => {
    const key = await newKey()
    const whole = await people.alice.requestSignature(key, texts(2))
    await say(key, whole, { bob: 'yn' })
    await whole.withdraw()
    await expect(whole.completed({ timeout: long })).rejects.toMatchObject({ code: 'signing.withdrawn' })
    const part = await people.alice.requestSignature(key, texts(2))
    await say(key, part, { alice: 'ny' })
    await say(key, part, { bob: 'yy' })
    expect(endsOf(key, await part.completed({ timeout: long }))).toEqual([['signing.rejected', 1], 'signed'])
  })

  it('of a MuSig2 key is signed as far as all want it', async () => {
    const key = await newKey({ scheme: 'musig2', threshold: 3 })
    const signing = await people.alice.requestSignature(key, texts(3))
    await say(key, signing, { bob: 'yyn', carol: 'nyy' })
    const result = await signing.completed({ timeout: long })
    expect(endsOf(key, result)).toEqual([['signing.rejected', 3], 'signed', ['signing.rejected', 2]])
  })
})
