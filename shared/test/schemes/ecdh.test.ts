import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadMpc, MpcError } from '../../mpc/src/index.ts'
import { schemeOf } from '../../src/schemes/cryptography.ts'
import { readEcdhResult } from '../../src/schemes/ecdh.ts'
import type { UseInput } from '../../src/schemes/scheme.ts'
import { factsOf, schemeNames } from '../../src/schemes/table.ts'
import { get, makeKey, quorumsOf, refreshKey, useOf, type Key } from './run.ts'

const mpc = await loadMpc()
const names = schemeNames.filter((name) => factsOf(name).uses.ecdh !== undefined)

describe.each(names)('ECDH with shares of %s', (name) => {
  const scheme = schemeOf(mpc, name)
  const ecdh = scheme.use.ecdh!
  const peerSecret = secp256k1.utils.randomSecretKey()
  const peer = secp256k1.getPublicKey(peerSecret, true)

  const held = (of: UseInput) => {
    const step = ecdh.begin({ ...of, index: 1, share: new Uint8Array(0) })
    if (!('toAll' in step)) throw new Error('no round one')
    return step
  }
  function partialsOf(key: Key, quorum: readonly number[], of: UseInput): Map<number, Uint8Array> {
    const all = new Map(quorum.map((index) => [index, held(of).toAll]))
    return new Map(
      quorum.map((index) => {
        const { share } = get(key.made, index)
        const step = held(of).held.go(all, { ...of, index, share: share.slice() })
        if (!('done' in step)) throw new Error('not done')
        return [index, step.done]
      }),
    )
  }
  const nothing = (quorum: readonly number[]) => new Map(quorum.map((index) => [index, new Uint8Array(0)]))
  const join = (key: Key, quorum: readonly number[], of: UseInput) =>
    ecdh.join(of, nothing(quorum), partialsOf(key, quorum, of))
  /** What the peer computes with the key's public half (even Y, as BIP-340 lifts it): the x coordinate. */
  const xOfPeer = (of: UseInput) => secp256k1.getSharedSecret(peerSecret, Uint8Array.of(2, ...of.publicKey)).slice(1)
  const failure = (act: () => unknown) => {
    try {
      act()
    } catch (error) {
      if (error instanceof MpcError) return { code: error.code, culprits: [...error.culprits] }
      throw error
    }
    return null
  }

  it.each([
    [3, 2],
    [5, 3],
  ])('gives every quorum of %i with threshold %i the peer’s point, also after a refresh', (participants, threshold) => {
    let key = makeKey(scheme, participants, threshold)
    for (let epoch = 0; epoch < 2; epoch += 1) {
      const of = useOf(scheme, key, peer)
      for (const quorum of quorumsOf(key)) {
        const result = join(key, quorum, of)
        expect(readEcdhResult(result)!.point.slice(1)).toEqual(xOfPeer(of))
        expect(ecdh.verify(of, result)).toBe(true)
        expect(result.length).toBeLessThanOrEqual(factsOf(name).uses.ecdh!)
      }
      key = refreshKey(scheme, key)
    }
  })

  it('names all who send another partial, whatever is wrong with it', () => {
    const key = makeKey(scheme, 3, 2)
    const of = useOf(scheme, key, peer)
    const good = partialsOf(key, [1, 2, 3], of)
    const other = { ...of, message: secp256k1.getPublicKey(secp256k1.utils.randomSecretKey(), true) }
    const later = { ...of, session: new Uint8Array(32).fill(8) }
    const wrongs: Uint8Array[] = [
      get(good, 1),
      get(good, 2).slice(0, -1),
      Uint8Array.of(...get(good, 2), 0),
      new Uint8Array(97),
      get(partialsOf(key, [1, 2, 3], other), 2),
      get(partialsOf(key, [1, 2, 3], later), 2),
      get(partialsOf(key, [1, 2], of), 2),
    ]
    for (const wrong of wrongs) {
      const partials = new Map([...good, [2, wrong]])
      expect(failure(() => ecdh.join(of, nothing([1, 2, 3]), partials))).toEqual({ code: 'bad_partial', culprits: [2] })
      const both = new Map([...partials, [3, new Uint8Array(97)]])
      const { culprits } = failure(() => ecdh.join(of, nothing([1, 2, 3]), both))!
      expect(culprits).toContain(2)
    }
    expect(failure(() => ecdh.join(of, nothing([1]), new Map([[1, get(good, 1)]])))?.code).toBe('invalid_input')
  })

  it('verifies no result that has one bit changed, or is of another session, peer or key', () => {
    const key = makeKey(scheme, 3, 2)
    const of = useOf(scheme, key, peer)
    const result = join(key, [1, 3], of)
    fc.assert(
      fc.property(fc.nat(result.length * 8 - 1), (bit) => {
        const changed = result.slice()
        changed[bit >> 3]! ^= 1 << (bit & 7)
        expect(ecdh.verify(of, changed)).toBe(false)
      }),
      { numRuns: 40 },
    )
    expect(ecdh.verify({ ...of, session: new Uint8Array(32) }, result)).toBe(false)
    expect(ecdh.verify({ ...of, message: secp256k1.Point.BASE.toBytes(true) }, result)).toBe(false)
    expect(ecdh.verify(useOf(scheme, makeKey(scheme, 3, 2), peer), result)).toBe(false)
    for (const wrong of [result.slice(0, 33), result.slice(0, -1), Uint8Array.of(...result, 0), new Uint8Array(0)])
      expect(ecdh.verify(of, wrong)).toBe(false)
  })

  it('takes points of the curve only', () => {
    expect(ecdh.takes(peer)).toBe(true)
    const beside = Uint8Array.from([2, ...new Uint8Array(31), 5])
    for (const wrong of [beside, new Uint8Array(33), peer.slice(1), secp256k1.getPublicKey(peerSecret, false)])
      expect(ecdh.takes(wrong)).toBe(false)
  })

  it('answers once with what it holds', () => {
    const key = makeKey(scheme, 3, 2)
    const of = useOf(scheme, key, peer)
    const { held: once } = held(of)
    const go = () => once.go(nothing([1, 2]), { ...of, index: 1, share: get(key.made, 1).share })
    expect('done' in go()).toBe(true)
    expect(go).toThrow('nonce')
  })
})
