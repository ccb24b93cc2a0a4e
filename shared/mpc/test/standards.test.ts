import { schnorr } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { loadMpc } from '../src/index.ts'
import { quorums, sign } from './ceremony.ts'
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
})

type Bip341 = {
  scriptPubKey: {
    given: { internalPubkey: string }
    intermediary: { merkleRoot: string | null; tweakedPubkey: string }
  }[]
  keyPathSpending: {
    inputSpending: {
      given: { internalPrivkey: string; merkleRoot: string | null }
      intermediary: { internalPubkey: string; tweakedPrivkey: string; sigHash: string }
    }[]
  }[]
}

describe('BIP-341', () => {
  const vector = vectorJson('bip341/wallet-test-vectors.json') as Bip341
  const root = (value: string | null) => hex(value ?? '')

  it.each(vector.scriptPubKey)('gives $given.internalPubkey its output key', ({ given, intermediary }) => {
    const tweak = root(intermediary.merkleRoot)
    expect(tr.tweakedKey({ groupKey: hex(given.internalPubkey), tweak })).toEqual(hex(intermediary.tweakedPubkey))
  })

  const spendings = vector.keyPathSpending.flatMap((one) => one.inputSpending)
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
