import { schnorr } from '@noble/curves/secp256k1.js'
import { createBase58check } from '@scure/base'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { vectorJson } from '../../shared/mpc/test/vectors.js'
import { publicNames, taprootAddress } from '../src/index.ts'
import { addressOf, syntheticXpub } from '../src/public-names.ts'
import { fleet, gateway, withOwnGateway } from './lying-gateway.ts'
import { makeKey, people } from './people.ts'

withOwnGateway()

const cases = vectorJson('bip328/vectors.json') as { aggregate_pubkey: string; xpub: string }[]

it.each(cases)('$aggregate_pubkey has BIP-328’s extended public key', ({ aggregate_pubkey, xpub }) => {
  expect(syntheticXpub(fromHex(aggregate_pubkey))).toBe(xpub)
})

type Output = { intermediary: { tweakedPubkey: string }; expected: { bip350Address: string } }
const outputs = (vectorJson('bip341/wallet-test-vectors.json') as { scriptPubKey: Output[] }).scriptPubKey

it.each(outputs)('BIP-341’s output $intermediary.tweakedPubkey has its address', ({ intermediary, expected }) => {
  expect(addressOf(fromHex(intermediary.tweakedPubkey), 'mainnet')).toBe(expected.bip350Address)
})

describe('a key', () => {
  it('of MuSig2 has an extended public key, and so have its sub-groups', async () => {
    const { alice, bob, carol } = people(fleet, gateway)
    const participants = ['alice', 'bob', 'carol']
    const subgroups = { pair: ['alice', 'bob'] }
    const keygen = await alice.reserveKey({ scheme: 'musig2', threshold: 3, participants, subgroups })
    for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId))
    const key = await keygen.completed()
    for (const [subgroup, groupKey] of [
      [undefined, key.groupKey],
      ['pair', key.subgroup('pair').groupKey],
    ] as const) {
      const names = await publicNames(key, subgroup)
      const point = createBase58check(sha256)
        .decode(names.xpub ?? '')
        .slice(-32)
      expect(toHex(point)).toBe(groupKey)
      expect(names.npub).toMatch(/^npub1/)
      expect(() => schnorr.utils.lift_x(BigInt(`0x${names.taproot}`))).not.toThrow()
    }
    await expect(publicNames(key, 'nobody')).rejects.toMatchObject({ code: 'subgroup.unknown' })
  })

  it('of another scheme has none', async () => {
    for (const [scheme, names] of [
      ['frost-secp256k1-tr', ['npub', 'taproot']],
      ['frost-ed25519', []],
    ] as const) {
      const { key } = await makeKey(fleet, gateway, { scheme })
      expect(Object.keys(await publicNames(key))).toEqual(names)
      if (scheme === 'frost-ed25519')
        await expect(taprootAddress(key, 'mainnet')).rejects.toMatchObject({ code: 'content.invalid' })
      else
        for (const [network, prefix] of [
          ['mainnet', 'bc1p'],
          ['signet', 'tb1p'],
          ['regtest', 'bcrt1p'],
        ] as const)
          expect((await taprootAddress(key, network)).startsWith(prefix)).toBe(true)
    }
  })
})
