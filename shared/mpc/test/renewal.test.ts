import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import type { Frost } from '../src/frost-types.ts'
import { loadMpc, type Scheme } from '../src/index.ts'
import { dkg, each, from, partials, quorums, refresh, refreshed, refreshRounds, sign, type Key } from './ceremony.ts'
import { expectFailure } from './failing.ts'

const mpc = await loadMpc()
const schemes: Scheme[] = ['frost-secp256k1-tr', 'frost-ed25519']

function repair(frost: Frost, key: Key, helpers: number[], lost: number, publicKeys: Uint8Array): Uint8Array {
  const deltas = each(helpers, (index) => frost.repairPart1({ share: key.shares.get(index)!, helpers, lost }))
  const sigmas = each(helpers, (index) =>
    frost.repairPart2({ deltas: each(helpers, (helper) => deltas.get(helper)!.get(index)!) }),
  )
  return frost.repairPart3({ index: lost, sigmas, publicKeys })
}

describe.each(schemes)('%s', (scheme) => {
  const frost = mpc.frost(scheme)
  const verify = scheme === 'frost-ed25519' ? ed25519.verify : schnorr.verify
  const message = new TextEncoder().encode('still the same key')

  it.each([
    [2, 2],
    [2, 3],
    [3, 5],
  ])('%i of %i: refreshed shares sign for the same key, and old ones no longer fit', (threshold, n) => {
    const key = dkg(frost, n, threshold)
    const who = [...key.shares.keys()]
    const { groupKey } = frost.describe({ publicKeys: key.publicKeys.get(1)! })
    const fresh = refresh(frost, refresh(frost, key, who, threshold), who, threshold)
    const publicKeys = fresh.publicKeys.get(1)!
    expect(frost.describe({ publicKeys }).groupKey).toEqual(groupKey)
    for (const quorum of quorums(n, threshold)) {
      expect(verify(sign(frost, fresh, quorum, message), message, groupKey)).toBe(true)
    }
    for (const index of who) {
      expect(fresh.publicKeys.get(index)).toEqual(publicKeys)
      expect(frost.verifyShare({ share: fresh.shares.get(index)!, publicKeys })).toBe(true)
      expect(frost.verifyShare({ share: key.shares.get(index)!, publicKeys })).toBe(false)
    }
    // One old share among new ones spoils the signature, and its owner is named.
    const mixed = { ...fresh, shares: new Map(fresh.shares).set(2, key.shares.get(2)!) }
    const quorum = who.slice(0, threshold)
    const signing = partials(frost, mixed, quorum, message)
    expectFailure(() => frost.aggregate({ publicKeys, ...signing }), 'bad_partial', [2])
  })

  it('leaves out who has left, even from the middle', () => {
    const key = dkg(frost, 4, 2)
    const { groupKey } = frost.describe({ publicKeys: key.publicKeys.get(1)! })
    const fresh = refresh(frost, key, [1, 3, 4], 2)
    expect([...frost.describe({ publicKeys: fresh.publicKeys.get(3)! }).verifyingShares.keys()]).toEqual([1, 3, 4])
    expect(verify(sign(frost, fresh, [1, 4], message), message, groupKey)).toBe(true)
    const with2 = { shares: new Map(fresh.shares).set(2, key.shares.get(2)!), publicKeys: fresh.publicKeys }
    expectFailure(() => sign(frost, with2, [1, 2], message), 'invalid_input', [2])
  })

  it('names who refreshes with a false share or a polynomial of another degree', () => {
    const key = dkg(frost, 4, 3)
    const rounds = refreshRounds(frost, [1, 2, 3, 4], 3)
    const other = refreshRounds(frost, [1, 2, 3, 4], 3)
    const second = new Map(rounds.second).set(2, other.second.get(2)!).set(4, other.second.get(4)!)
    for (const own of [1, 3]) {
      expectFailure(() => refreshed(frost, key, { ...rounds, second }, own), 'bad_package', [2, 4])
    }
    const longer = frost.refreshPart1({ index: 3, participants: 4, threshold: 4 })
    const first = new Map(rounds.first).set(3, longer)
    for (const own of [1, 2, 4]) {
      const { secret } = first.get(own)!
      const packages = from(first, own, (one) => one.package)
      expectFailure(() => frost.refreshPart2({ secret, packages }), 'bad_package', [3])
    }
  })

  it('refuses to refresh a share that is not this key’s, or to another threshold', () => {
    const [key, other] = [dkg(frost, 3, 2), dkg(frost, 3, 2)]
    const rounds = refreshRounds(frost, [1, 2, 3], 2)
    const wrongShare = { ...key, shares: other.shares }
    expectFailure(() => refreshed(frost, wrongShare, rounds, 1), 'invalid_input')
    expectFailure(() => refreshed(frost, key, refreshRounds(frost, [1, 2, 3], 3), 1), 'invalid_input')
    const swapped = { ...key, shares: new Map(key.shares).set(1, key.shares.get(2)!) }
    expectFailure(() => refreshed(frost, swapped, rounds, 1), 'invalid_input')
  })

  it('repairs a lost share to exactly what it was', () => {
    const key = dkg(frost, 5, 3)
    const publicKeys = key.publicKeys.get(1)!
    for (const helpers of [
      [1, 2, 4],
      [2, 3, 4, 5],
    ]) {
      const lost = [1, 3, 5].find((index) => !helpers.includes(index))!
      expect(repair(frost, key, helpers, lost, publicKeys)).toEqual(key.shares.get(lost))
    }
  })

  it('does not accept a share that a lying helper repaired', () => {
    const key = dkg(frost, 3, 2)
    const lying = { ...key, shares: new Map(key.shares).set(2, dkg(frost, 3, 2).shares.get(2)!) }
    expectFailure(() => repair(frost, lying, [1, 2], 3, key.publicKeys.get(1)!), 'bad_package')
    const share = key.shares.get(1)!
    for (const [helpers, lost] of [
      [[1], 3],
      [[2, 3], 1],
      [[1, 1], 3],
      [[1, 2], 2],
      [[1, 2], 0],
    ] as const) {
      expectFailure(() => frost.repairPart1({ share, helpers, lost }), 'invalid_input')
    }
  })
})
