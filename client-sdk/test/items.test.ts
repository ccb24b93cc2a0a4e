import { schnorr } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import type { RefusalCode } from '@quorate/shared/errors'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import type { ItemFailure, Outcome } from '@quorate/shared/wire/signing'
import {
  ItemsRefused,
  seedSigner,
  SignatureProof,
  signatureProof,
  verifyProof,
  type Key,
  type SignatureResult,
  type Signing,
} from '../src/index.ts'
import { sealItems } from '../src/signing/items.ts'
import { writeRequest } from '../src/signing/request.ts'
import { acceptSignatures } from '../src/signing/verify.ts'
import { endWith, quorum, type Ended, type Failures, type Status } from './ended.ts'
import { writeReceipts } from './fleet.ts'
import { fleet, gateway, refusedAs, withOwnGateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'
import { hashOfBytes } from '../../shared/test/bytes-hash.js'

withOwnGateway()

const texts = ['one', 'two', 'three']
const disputed: ItemFailure = { code: 'signing.disputed', refusals: [{ index: 2, code: 'content.mismatch' }] }

/** A signing that ended with these failures, as a gateway shows it that changes it so. */
async function shown(
  failures: Failures,
  change: (ended: Ended) => Partial<Pick<Status, 'results' | 'receipts'>> = () => ({}),
): Promise<{ key: Key; signing: Signing; completed: () => Promise<SignatureResult> }> {
  const { alice, bob, key } = await makeKey(fleet, gateway)
  const signing = await alice.requestSignature(key, texts)
  await bob.approve(signing)
  const ended = await endWith(fleet, gateway, await signing.status(), key, failures)
  const { results, receipts } = ended
  gateway.lies.getSigning = (honest: Status) => ({ ...honest, results, receipts, ...change(ended) })
  return { key, signing, completed: () => signing.completed() }
}

const mismatch: ItemFailure = { code: 'content.mismatch' }

describe('an item that the quorum refused', () => {
  it('is told apart from those that were signed, and those are signed', async () => {
    const { key, completed } = await shown({ 1: mismatch })
    const { items } = await completed()
    expect(items.map(({ refused }) => refused)).toEqual([null, 'content.mismatch', null])
    const refusals = quorum.map((index) => ({ index, code: 'content.mismatch' }))
    expect(items[1]).toMatchObject({ refusals, culprits: [] })
    expect(items[1]).not.toHaveProperty('signature')
    for (const at of [0, 2]) {
      const item = items[at]!
      if (item.refused !== null || item.signature === null) throw new Error('refused')
      expect(item.publicKey).toBe(key.groupKey)
      expect(schnorr.verify(item.signature, hashOfBytes(texts[at]!), fromHex(key.groupKey))).toBe(true)
    }
  })

  it('cannot be taken for signed by who asks for the list of signatures: that names it instead', async () => {
    const { completed } = await shown({ 0: mismatch, 2: disputed })
    const result = await completed()
    for (const list of ['signatures', 'publicKeys', 'events'] as const) expect(() => result[list]).toThrow(ItemsRefused)
    const thrown: unknown = await completed()
      .then(({ signatures }) => signatures)
      .catch((reason: unknown) => reason)
    expect(thrown).toMatchObject({
      code: 'content.mismatch',
      by: 'hosts',
      culprits: [2],
      issues: ['item 1 of 3: content.mismatch', 'item 3 of 3: signing.disputed'],
      refused: [
        { at: 0, code: 'content.mismatch', culprits: [] },
        { at: 2, code: 'signing.disputed', culprits: [2] },
      ],
    })
  })

  it('is kept in a proof that verifies offline, and does not pass for a proof that all was signed', async () => {
    const { key, completed } = await shown({ 1: mismatch, 2: disputed })
    const proof = SignatureProof.parse(JSON.parse(JSON.stringify(signatureProof(await completed()))))
    await gateway.close()
    const outcome = await verifyProof(key, proof, fleet.trust).catch((error: unknown) => error)
    expect(outcome).toBeInstanceOf(ItemsRefused)
    expect((outcome as ItemsRefused).items.map(({ refused }) => refused)).toEqual([
      ...[null, 'content.mismatch', 'signing.disputed'],
    ])
    // What was sealed is not in a proof: an asker could have sealed anything, and framed who refused it.
    expect((outcome as ItemsRefused).refused).toContainEqual({ at: 2, code: 'signing.disputed', culprits: [] })
    const [first] = proof.results
    const lies: Outcome[][] = [
      [first!, first!, disputed],
      [first!, { code: 'content.invalid' }, disputed],
      [first!, mismatch, { code: 'content.mismatch' }],
      [mismatch, mismatch, disputed],
    ]
    for (const results of lies) {
      const lie = verifyProof(key, { ...proof, results })
      await expect(lie).rejects.toMatchObject({ code: /^(receipt|signature)\.invalid$/, by: 'client' })
    }
    await expect(verifyProof(key, { ...proof, results: proof.results.slice(1) })).rejects.toMatchObject(
      refusedAs('content.mismatch'),
    )
    expect(SignatureProof.safeParse({ ...proof, format: 'quorate-signature/v2' }).success).toBe(false)
  })
})

describe('a gateway that shows other results than the quorum gave', () => {
  it.each<[string, (ended: Ended) => Partial<Status>, RefusalCode]>([
    ['a code for a signature', ({ results: [, one, two] }) => ({ results: [mismatch, one!, two!] }), 'receipt.invalid'],
    [
      'another code',
      ({ results: [zero, , two] }) => ({ results: [zero!, { code: 'seal.invalid' }, two!] }),
      'receipt.invalid',
    ],
    ['a dispute for a code', ({ results: [zero, , two] }) => ({ results: [zero!, disputed, two!] }), 'receipt.invalid'],
    [
      'a signature that no receipt is about',
      ({ results: [zero, , two], sealed }) => ({ results: [zero!, sealed[1]!, two!] }),
      'receipt.invalid',
    ],
    ['results in another order', ({ results: [zero, one, two] }) => ({ results: [two!, one!, zero!] }), 'seal.invalid'],
    ['one result less', ({ results }) => ({ results: results.slice(1) }), 'signature.invalid'],
    ['one result more', ({ results }) => ({ results: [...results, results[0]!] }), 'signature.invalid'],
    ['no results', () => ({ results: null }), 'signature.invalid'],
    ['a code without receipts', () => ({ receipts: [] }), 'receipt.invalid'],
    ['a code on the word of one', ({ receipts }) => ({ receipts: receipts.slice(0, 1) }), 'receipt.invalid'],
  ])('is found out: %s', async (_name, change, code) => {
    const { completed } = await shown({ 1: mismatch }, change)
    await expect(completed()).rejects.toMatchObject(refusedAs(code))
  })

  it('is found out when it hides who refused what in a dispute', async () => {
    const other: ItemFailure = { code: 'signing.disputed', refusals: [{ index: 1, code: 'content.mismatch' }] }
    const { completed } = await shown({ 1: disputed }, ({ results: [zero, , two] }) => ({
      results: [zero!, other, two!],
    }))
    await expect(completed()).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })

  it('cannot show an approver other sealed items than the asker signed for, though they open to the same', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'once')
    const { sealedItems } = sealItems(key, signing.signingId, signing.items)
    gateway.lies.getSigning = (honest: Status) => ({ ...honest, sealedItems })
    await expect(bob.signing(key, signing.signingId)).rejects.toMatchObject(refusedAs('seal.invalid'))
  })
})

describe('a dispute', () => {
  const event = { created_at: 1, kind: 1, tags: [], content: '' }
  const notPermitted: Item = { content: { type: 'nostr-event', event }, mode: { kind: 'plain' } }
  const permitted: Item = { content: { type: 'bytes', bytes: '00' }, mode: { kind: 'plain' } }

  it.each<[string, Item, ItemFailure & { code: 'signing.disputed' }, number[]]>([
    [
      'who refused a good item',
      permitted,
      { code: 'signing.disputed', refusals: [{ index: 2, code: 'seal.invalid' }] },
      [2],
    ],
    [
      'who committed to a bad one, be they the more, and not who refused it',
      notPermitted,
      { code: 'signing.disputed', refusals: [{ index: 1, code: 'content.not_permitted' }] },
      [2, 3],
    ],
    [
      'who refused it for another reason too',
      notPermitted,
      {
        code: 'signing.disputed',
        refusals: [
          { index: 1, code: 'content.not_permitted' },
          { index: 2, code: 'content.not_permitted' },
          { index: 3, code: 'content.mismatch' },
        ],
      },
      [3],
    ],
  ])('names %s', async (_name, item, failure, culprits) => {
    const { key } = await makeKey(fleet, gateway)
    const signer = await seedSigner(crypto.getRandomValues(new Uint8Array(32))).forKey(key.keyId)
    const times = { lives: [], askedAt: Date.now(), expiresAt: Date.now() + 60_000 }
    const asked = await writeRequest(key, { index: 1, signer }, [item], times)
    const { certificate } = gateway.keygens.get(key.keyId)!.made!
    const all = [1, 2, 3]
    const receipts = await writeReceipts(fleet, certificate.body, asked.request, all, [failure])
    const { signingId } = asked.request.body
    const status = { signingId, keyId: key.keyId, request: asked.request, results: [failure], receipts }
    const { items } = await acceptSignatures(fleet, key, asked, { ...status, rejections: [] })
    expect(items[0]).toMatchObject({ refused: 'signing.disputed', culprits, refusals: failure.refusals })
  })
})
