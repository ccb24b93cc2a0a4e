import { randomBytes } from 'node:crypto'
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import {
  completeSignature,
  extractSecret,
  proveAdaptor,
  signatureProof,
  verifyPreSignature,
  verifyProof,
  verifySignature,
  type AdaptorTerms,
  type Item,
  type Key,
  type Mode,
  type Participant,
  type PreSignedItem,
} from '@quorate/client'
import { mostAdaptors } from '@quorate/shared/schemes/table'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { MAX_ITEMS } from '@quorate/shared/wire/signing'
import { beforeAll, describe, expect, it } from 'vitest'
import { vectorJson } from '../../../shared/mpc/test/vectors.js'
import { aggregatePointOf, sortedKeys } from '../../../shared/test/bip327.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { keyInMode, taprootTweakPubKey } from './support/bip341.ts'
import { preSigned } from './support/pre-signed.ts'
import { contributedKey, long, signAll, withFleet } from './support/sdk-fleet.ts'
import { payTo, readTransaction, taprootSighash, type Transaction } from './support/taproot-sighash.ts'

/*
 * Pre-signatures, through the SDK, on three enclaves. What they become is verified by the referee, against keys that the test tweaks itself.
 */
const { draw } = withFleet()
const drawn = () => schnorr.utils.randomSecretKey()
const pointOf = (secret: Uint8Array) => toHex(secp256k1.getPublicKey(secret, true))

const bytesFor = (adaptor: AdaptorTerms): Item => ({
  content: { type: 'bytes', bytes: 'ab' },
  mode: { kind: 'taproot', merkleRoot: '' },
  adaptor,
})
const message = hashOfBytes(Uint8Array.of(0xab))

describe('a key of three people', () => {
  const secrets = [drawn(), drawn(), drawn()] as const
  let people: Participant[]
  let key: Key
  let outputKey: Uint8Array
  beforeAll(async () => {
    people = draw(['alice', 'bob', 'carol'])
    key = await contributedKey(people)
    outputKey = taprootTweakPubKey(fromHex(key.groupKey), new Uint8Array(0))
  }, long)

  const preSign = async (terms: AdaptorTerms): Promise<PreSignedItem> => {
    const { items } = await signAll(key, people, [bytesFor(terms)])
    const item = preSigned(items[0])
    await verifyPreSignature(key, item)
    expect(item.publicKey).toBe(toHex(outputKey))
    return item
  }
  const hint = { kind: 'hash', hash: 'aa'.repeat(32) } as const

  it('pre-signs for one point: its secret makes the signature, which gives it away', { timeout: long }, async () => {
    const item = await preSign({ kind: 'one', point: pointOf(secrets[0]), hint })
    expect(item.preSignatures).toHaveLength(1)
    expect(item.preSignatures[0]).toHaveLength(65)
    expect(item.adaptor).toMatchObject({ hint })
    const { signature, publicKey } = await completeSignature(key, item, secrets[0])
    expect(publicKey).toBe(toHex(outputKey))
    expect(schnorr.verify(signature, message, outputKey)).toBe(true)
    expect(await extractSecret(key, item, signature)).toEqual(secrets[0])
    await verifySignature(key, { content: item.content, mode: item.mode }, signature)
    for (const wrong of [secrets[1], new Uint8Array(32), [], [secrets[0], secrets[1]]])
      await expect(completeSignature(key, item, wrong)).rejects.toMatchObject({ code: 'adaptor.secret_invalid' })
    const other = signature.map((byte, at) => (at === 63 ? byte ^ 1 : byte))
    await expect(extractSecret(key, item, other)).rejects.toMatchObject({ code: 'signature.invalid' })
  })

  it('pre-signs for any of several points, with nonces of its own for each', { timeout: long }, async () => {
    const item = await preSign({ kind: 'any', points: secrets.map((secret) => ({ point: pointOf(secret) })) })
    expect(new Set(item.preSignatures.map((one) => toHex(one.slice(0, 33)))).size).toBe(3)
    const signatures = new Set<string>()
    for (const secret of secrets) {
      const { signature } = await completeSignature(key, item, secret)
      expect(schnorr.verify(signature, message, outputKey)).toBe(true)
      expect(await extractSecret(key, item, signature)).toEqual(secret)
      signatures.add(toHex(signature))
    }
    expect(signatures.size).toBe(3)
    await expect(completeSignature(key, item, drawn())).rejects.toMatchObject({ code: 'adaptor.secret_invalid' })
  })

  it(
    'pre-signs for all of several points: the last secret comes to who knows the others',
    { timeout: long },
    async () => {
      const item = await preSign({ kind: 'all', points: await Promise.all(secrets.map(proveAdaptor)) })
      expect(item.preSignatures).toHaveLength(1)
      const { signature } = await completeSignature(key, item, [secrets[2], secrets[0], secrets[1]])
      expect(schnorr.verify(signature, message, outputKey)).toBe(true)
      expect(await extractSecret(key, item, signature, [secrets[0], secrets[2]])).toEqual(secrets[1])
      for (const some of [secrets.slice(1), [secrets[0], secrets[0], secrets[1]], [...secrets, drawn()]])
        await expect(completeSignature(key, item, some)).rejects.toMatchObject({ code: 'adaptor.secret_invalid' })
    },
  )

  it('proves offline what was pre-signed, which no list takes for a signature', { timeout: long }, async () => {
    const plain: Item = { content: { type: 'bytes', bytes: 'cd' }, mode: { kind: 'plain' } }
    const result = await signAll(key, people, [bytesFor({ kind: 'one', point: pointOf(secrets[0]) }), plain])
    expect(() => result.signatures).toThrow(expect.objectContaining({ code: 'adaptor.incomplete' }))
    expect(result.publicKeys).toEqual([toHex(outputKey), key.groupKey])
    const proof = signatureProof(result)
    await verifyProof(key, proof)
    const [first, second] = proof.results as [string, string]
    const spoilt = first.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    const lie = verifyProof(key, { ...proof, results: [spoilt, second] })
    await expect(lie).rejects.toMatchObject({ code: 'signature.invalid' })
  })

  it(
    'refuses points that are none, twice the same, or unproved, and says of which item',
    { timeout: long },
    async () => {
      const [one, other] = await Promise.all([proveAdaptor(secrets[0]), proveAdaptor(secrets[1])])
      const none = `02${'00'.repeat(31)}05`
      const bad: AdaptorTerms[] = [
        { kind: 'one', point: none },
        { kind: 'any', points: [{ point: none }] },
        { kind: 'any', points: [{ point: one.point }, { point: one.point }] },
        { kind: 'any', points: [] },
        { kind: 'any', points: Array.from({ length: 17 }, () => ({ point: pointOf(drawn()) })) },
        { kind: 'all', points: [one, { ...other, proof: one.proof }] },
        { kind: 'none' } as never,
      ]
      for (const terms of bad) {
        const asked = people[0]!.requestSignature(key, ['good', bytesFor(terms)])
        await expect(asked).rejects.toMatchObject({ code: 'adaptor.invalid', by: 'client' })
        await expect(asked).rejects.toMatchObject({ issues: [expect.stringContaining('item 2 of 2')] })
      }
    },
  )

  it('refuses more pre-signatures than a request may have items', { timeout: long }, async () => {
    const points = () => Array.from({ length: mostAdaptors }, () => ({ point: pointOf(drawn()) }))
    const many = Array.from({ length: Math.floor(MAX_ITEMS / mostAdaptors) + 1 }, () =>
      bytesFor({ kind: 'any', points: points() }),
    )
    const asked = people[0]!.requestSignature(key, many)
    await expect(asked).rejects.toMatchObject({ code: 'adaptor.too_many' })
    await expect(asked).rejects.toMatchObject({ issues: [expect.stringContaining(`item ${many.length} of`)] })
  })
})

describe('a sub-group of two', () => {
  it('signs in each mode, and pre-signs, under what the mode makes of its own key', { timeout: long }, async () => {
    const people = draw(['alice', 'bob', 'carol'])
    const [alice, bob] = people as [Participant, Participant]
    const ownKeys = [drawn(), drawn(), drawn()]
    const key = await contributedKey(people, { ownKeys, subgroups: { pair: ['alice', 'bob'] } })
    const pair = aggregatePointOf(sortedKeys(ownKeys.slice(0, 2).map((one) => secp256k1.getPublicKey(one, true))))
    const tweak = toHex(drawn())
    const modes: Mode[] = [
      { kind: 'taproot', merkleRoot: '' },
      { kind: 'tweak', xonly: false, tweak },
      { kind: 'tweak', xonly: true, tweak },
    ]
    const content = { type: 'bytes', bytes: 'ab' } as const
    const secret = drawn()
    const adaptor: AdaptorTerms = { kind: 'one', point: pointOf(secret) }
    const items = modes.map((mode): Item => ({ content, mode, subgroup: 'pair', adaptor }))
    const signing = await alice.requestSignature(key, items)
    await bob.approve(await bob.signing(key, signing.signingId))
    const result = await signing.completed({ timeout: long })
    await verifyProof(key, signatureProof(result))
    for (const [at, mode] of modes.entries()) {
      const item = preSigned(result.items[at])
      const { signature, publicKey, subgroup } = await completeSignature(key, item, secret)
      expect(subgroup).toBe('pair')
      expect(publicKey).toBe(toHex(keyInMode(pair, mode)))
      expect(schnorr.verify(signature, message, fromHex(publicKey))).toBe(true)
    }
  })
})

it('keys of FROST give none', { timeout: long }, async () => {
  const [alice, bob] = draw(['alice', 'bob'])
  const keygen = await alice!.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants: ['alice', 'bob'] })
  await bob!.participate(keygen.invitation('bob'))
  const key = await keygen.completed({ timeout: long })
  const asked = alice!.requestSignature(key, bytesFor({ kind: 'one', point: pointOf(drawn()) }))
  await expect(asked).rejects.toMatchObject({ code: 'adaptor.unsupported' })
})

describe('an atomic swap', () => {
  type Vector = Readonly<{
    keyPathSpending: {
      given: { rawUnsignedTx: string; utxosSpent: { scriptPubKey: string; amountSats: number }[] }
      inputSpending: { given: { txinIndex: number; hashType: number }; intermediary: { sigHash: string } }[]
    }[]
  }>

  it('has digests as BIP-341 has published them', () => {
    const [{ given, inputSpending }] = (vectorJson('bip341/wallet-test-vectors.json') as Vector).keyPathSpending as [
      Vector['keyPathSpending'][0],
    ]
    const spent = given.utxosSpent.map(({ scriptPubKey, amountSats }) => ({
      amount: BigInt(amountSats),
      script: fromHex(scriptPubKey),
    }))
    const transaction = readTransaction(fromHex(given.rawUnsignedTx), spent)
    const byDefault = inputSpending.filter((one) => one.given.hashType === 0)
    expect(byDefault).toHaveLength(1)
    for (const one of byDefault)
      expect(toHex(taprootSighash(transaction, one.given.txinIndex))).toBe(one.intermediary.sigHash)
  })

  /** Coins of an output key go to somebody. */
  const paying = (outputKey: Uint8Array, to: Uint8Array): Transaction => ({
    version: 2,
    inputs: [
      { txid: randomBytes(32), vout: 0, sequence: 0xfffffffd, spends: { amount: 100_000n, script: payTo(outputKey) } },
    ],
    outputs: [{ amount: 99_000n, script: payTo(to) }],
    locktime: 0,
  })

  it(
    'is of two keys: who takes one leg gives the other party what the other leg takes',
    { timeout: long },
    async () => {
      const people = draw(['alice', 'bob']) as [Participant, Participant]
      const [alice, bob] = people
      const secret = drawn()
      const terms: AdaptorTerms = { kind: 'one', point: pointOf(secret) }

      /** A key of both, whose output holds coins, and the pre-signature that moves them. Both open and check it. */
      async function leg(asker: Participant, other: Participant, to: Uint8Array) {
        const key = await contributedKey(people, { content: ['raw'], ownKeys: [drawn(), drawn()] })
        const outputKey = taprootTweakPubKey(fromHex(key.groupKey), new Uint8Array(0))
        const transaction = paying(outputKey, to)
        const sighash = taprootSighash(transaction, 0)
        const content = { type: 'raw', bytes: toHex(sighash) } as const
        const item: Item = { content, mode: { kind: 'taproot', merkleRoot: '' }, adaptor: terms }
        const signing = await asker.requestSignature(key, item)
        const seen = await other.signing(key, signing.signingId)
        expect(seen.items).toEqual([item])
        await other.approve(seen)
        const mine = preSigned((await signing.completed({ timeout: long })).items[0])
        const theirs = preSigned((await seen.completed({ timeout: long })).items[0])
        for (const one of [mine, theirs]) await verifyPreSignature(key, one)
        expect(theirs.preSignatures).toEqual(mine.preSignatures)
        expect(schnorr.verify(mine.preSignatures[0]!.slice(1), sighash, outputKey)).toBe(false)
        return { key, outputKey, sighash, item: theirs }
      }

      const [forAlice, forBob] = [schnorr.getPublicKey(drawn()), schnorr.getPublicKey(drawn())]
      // Bob's coins go to Alice, and hers to him. She knows the secret.
      const toBob = await leg(alice, bob, forBob)
      const toAlice = await leg(bob, alice, forAlice)
      const published = (await completeSignature(toAlice.key, toAlice.item, secret)).signature
      expect(schnorr.verify(published, toAlice.sighash, toAlice.outputKey)).toBe(true)

      const learnt = await extractSecret(toAlice.key, toAlice.item, published)
      expect(learnt).toEqual(secret)
      const his = (await completeSignature(toBob.key, toBob.item, learnt)).signature
      expect(schnorr.verify(his, toBob.sighash, toBob.outputKey)).toBe(true)
    },
  )
})
