import { schnorr } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { readModule } from '../src/load.ts'
import { loadMpc, type KeyTweak } from '../src/index.ts'
import { createCall } from '../src/instance.ts'
import { createSecp256k1 } from '../src/secp256k1.ts'
import { readInt } from '../src/wire.ts'
import { quorums, sign } from './ceremony.ts'
import { expectFailure } from './failing.ts'
import { bip341 } from './bip341.ts'
import { hex, vectorJson, vectorText } from './vectors.ts'

const mpc = await loadMpc()
const tr = mpc.frost('frost-secp256k1-tr')

describe('BIP-340', () => {
  const rows = vectorText('bip340/test-vectors.csv').trim().split(/\r?\n/).slice(1)
  it.each(rows)('verifies or refuses as published: %s', (row) => {
    const [, , publicKey, , message, signature, result] = row.split(',')
    const given = { publicKey: hex(publicKey!), message: hex(message!), signature: hex(signature!) }
    expect(tr.verify(given)).toBe(result === 'TRUE')
  })

  it('has vectors of both kinds', () => {
    expect(rows.filter((row) => row.split(',')[6] === 'TRUE').length).toBeGreaterThan(5)
    expect(rows.filter((row) => row.split(',')[6] === 'FALSE').length).toBeGreaterThan(5)
  })

  const signed = rows.filter((row) => row.split(',')[1] !== '')
  it.each(signed)('signs with a plain key as published: %s', async (row) => {
    const [, secretKey, publicKey, aux, message, signature] = row.split(',') as [string, ...string[]]
    const random = (into: Uint8Array) => into.set(hex(aux!))
    const given = { publicKey: hex(publicKey!), message: hex(message!) }
    const own = createSecp256k1(createCall(await readModule(), { random }))
    expect(own.publicKey(hex(secretKey!)).slice(1)).toEqual(given.publicKey)
    expect(own.sign(hex(secretKey!), given.message)).toEqual(hex(signature!))
    const fresh = mpc.secp256k1.sign(hex(secretKey!), given.message)
    expect(fresh).not.toEqual(hex(signature!))
    expect(tr.verify({ ...given, signature: fresh })).toBe(true)
  })

  it('has secret keys whose Y is even and odd, and messages of other lengths than 32', () => {
    const first = signed.map((row) => mpc.secp256k1.publicKey(hex(row.split(',')[1]!))[0])
    expect([...new Set(first)].sort()).toEqual([2, 3])
    expect(new Set(signed.map((row) => hex(row.split(',')[4]!).length)).size).toBeGreaterThan(4)
  })

  it('signs under any plain key what another implementation verifies', () => {
    for (const length of [0, 1, 31, 32, 33, 1000, 100_000]) {
      const secret = schnorr.utils.randomSecretKey()
      const message = new Uint8Array(length).fill(length)
      const publicKey = mpc.secp256k1.publicKey(secret).slice(1)
      expect(publicKey).toEqual(schnorr.getPublicKey(secret))
      const signature = mpc.secp256k1.sign(secret, message)
      expect(schnorr.verify(signature, message, publicKey)).toBe(true)
      expect(tr.verify({ publicKey, message, signature })).toBe(true)
      expect(tr.verify({ publicKey, message: new Uint8Array([...message, 0]), signature })).toBe(false)
    }
  })
})

describe('BIP-341', () => {
  const root = (value: string | null): KeyTweak => ({ kind: 'taproot', tweak: hex(value ?? '') })

  it.each(bip341.scriptPubKey)('gives $given.internalPubkey its output key', ({ given, intermediary }) => {
    const tweak = root(intermediary.merkleRoot)
    expect(tr.tweakedKey({ groupKey: hex(given.internalPubkey), tweak })).toEqual(hex(intermediary.tweakedPubkey))
  })

  const spendings = bip341.keyPathSpending.flatMap((one) => one.inputSpending)
  it.each(spendings)('spends by key path from a split of $given.internalPrivkey', ({ given, intermediary }) => {
    const tweak = root(given.merkleRoot)
    const key = tr.dealerSplit({ secretKey: hex(given.internalPrivkey), participants: 3, threshold: 2 })
    const { groupKey } = tr.describe(key)
    expect(groupKey).toEqual(hex(intermediary.internalPubkey))
    const outputKey = tr.tweakedKey({ groupKey, tweak })
    expect(outputKey).toEqual(schnorr.getPublicKey(hex(intermediary.tweakedPrivkey)))
    const publicKeys = new Map([1, 2, 3].map((index) => [index, key.publicKeys]))
    for (const quorum of quorums(3, 2)) {
      const message = hex(intermediary.sigHash)
      const signature = sign(tr, { shares: key.shares, publicKeys }, quorum, message, tweak)
      expect(schnorr.verify(signature, message, outputKey)).toBe(true)
      expect(schnorr.verify(signature, message, groupKey)).toBe(false)
    }
  })
})

describe('BIP-374', async () => {
  const module = await readModule()
  const rowsOf = (path: string) => vectorText(`bip374/${path}`).trim().split(/\r?\n/).slice(1)
  /** The proof alone, which the binding does not offer; the host's randomness is `random`. */
  const call = (operation: number, items: Uint8Array[], random?: Uint8Array) =>
    createCall(module, { random: (into) => into.set(random!) })(operation, items)[0]!
  const bytes = (value: string) => hex(value === 'INFINITY' ? '00'.repeat(33) : value)

  const generated = rowsOf('test_vectors_generate_proof.csv')
  it.each(generated)('proves, or refuses to, as published: %s', (row) => {
    const [, pointG, scalarA, pointB, auxrand, message, proof] = row.split(',').map((value) => value.trim())
    const made = () => call(4, [bytes(scalarA!), bytes(pointB!), bytes(pointG!), bytes(message!)], bytes(auxrand!))
    if (proof === 'INVALID') expectFailure(made, 'invalid_input')
    else expect(made()).toEqual(hex(proof!))
  })

  const verified = rowsOf('test_vectors_verify_proof.csv')
  type Bytes = Uint8Array
  const given = (row: string) => row.split(',').slice(1, 7).map(bytes) as [Bytes, Bytes, Bytes, Bytes, Bytes, Bytes]
  it.each(verified)('verifies or refuses as published: %s', (row) => {
    const [pointG, pointA, pointB, pointC, proof, message] = given(row)
    const holds = readInt(call(5, [pointA, pointB, pointC, proof, pointG, message])) === 1
    expect(holds).toBe(row.split(',')[7] === 'TRUE')
  })

  it('has vectors of both kinds, and no other lengths', () => {
    const count = (rows: string[], word: string) => rows.filter((row) => row.includes(word)).length
    expect([count(generated, 'Success'), count(generated, 'INVALID')]).toEqual([8, 3])
    expect([count(verified, 'TRUE'), count(verified, 'FALSE')]).toEqual([8, 7])
    const [pointG, pointA, pointB, pointC, proof] = given(verified[0]!)
    for (const length of [1, 31, 33]) {
      const items = [pointA, pointB, pointC, proof, pointG, new Uint8Array(length)]
      expectFailure(() => call(5, items), 'invalid_input')
    }
    expectFailure(() => call(5, [pointA, pointB, pointC, proof.slice(1), pointG, new Uint8Array(32)]), 'invalid_input')
  })
})

type Wycheproof<Group, Case> = { testGroups: (Group & { tests: (Case & { tcId: number; result: string })[] })[] }

describe('Wycheproof', () => {
  it('has our Ed25519 verification accept and refuse what it should', () => {
    const frost = mpc.frost('frost-ed25519')
    const vector = vectorJson('wycheproof/ed25519_test.json') as Wycheproof<
      { publicKey: { pk: string } },
      { msg: string; sig: string }
    >
    for (const { publicKey, tests } of vector.testGroups) {
      for (const { tcId, result, msg, sig } of tests) {
        const given = { publicKey: hex(publicKey.pk), message: hex(msg), signature: hex(sig) }
        expect([tcId, frost.verify(given)]).toEqual([tcId, result === 'valid'])
      }
    }
  })

  const SPKI = /^30[35]6301006072a8648ce3d020106052b8104000a03[24]200/

  it('has our points multiply as they should, and those that are none refused', () => {
    const vector = vectorJson('wycheproof/ecdh_secp256k1_test.json') as Wycheproof<
      object,
      { public: string; private: string; shared: string; flags: string[] }
    >
    const seen = { valid: 0, invalid: 0, acceptable: 0 }
    for (const test of vector.testGroups.flatMap((group) => group.tests)) {
      // The rest are malformed SubjectPublicKeyInfos, which nobody here reads.
      if (!SPKI.test(test.public) || test.flags.includes('InvalidAsn')) continue
      const publicKey = hex(test.public.replace(SPKI, ''))
      const secret = hex(test.private.replace(/^(00)+/, '').padStart(64, '0'))
      const shared = () => mpc.secp256k1.sharedPoint(secret, publicKey)
      seen[test.result as keyof typeof seen] += 1
      if (test.result === 'invalid') expect(shared, String(test.tcId)).toThrow('invalid_input')
      else expect([test.tcId, shared().slice(1, 33)]).toEqual([test.tcId, hex(test.shared)])
    }
    expect(seen.valid).toBeGreaterThan(400)
    expect(seen.invalid).toBeGreaterThan(5)
  })
})
