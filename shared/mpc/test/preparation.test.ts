import { describe, expect, it } from 'vitest'
import { readModule } from '../src/load.ts'
import { bindMpc, type KeyTweak } from '../src/index.ts'
import { createCall, type Preparation } from '../src/instance.ts'
import { expectFailure } from './failing.ts'
import { nonces, publicKey, pubkeysOf, signed, signers } from './musig.ts'
import { watched } from './watched.ts'

/*
 * What public keys add up to is found out once, and put back into the module's memory before each call that is about these keys.
 */
const module = await readModule()
const POINT = publicKey(signers(1).get(1)!)
/** Draws randomness, so that it can be seen when it is called. */
const DRAWS = (3 << 8) | 2
const KEY_AGG = (3 << 8) | 1
const PREPARE = (3 << 8) | 13
const none = new Uint8Array(0)

/** KeyAgg's arguments, of a key that is not prepared. */
const sumOf = (key: Uint8Array) => [new Map([[1, key]]), 0, new Map()] as const

describe('a call that others follow', () => {
  const counted = () => {
    let drawn = 0
    const random = (into: Uint8Array) => {
      drawn += 1
      into.fill(1)
    }
    return { call: createCall(module, { random }), drawn: () => drawn }
  }
  const drawing = (key = POINT): Preparation => ({ operation: DRAWS, items: [none, key, none, 0, none, none] })
  const sum = sumOf(POINT)

  it('is made once, and other preparations by themselves', () => {
    const { call, drawn } = counted()
    const [one, other] = [drawing(), drawing()]
    const before = call(KEY_AGG, sum)
    for (const after of [one, one, other, one, other]) expect(call(KEY_AGG, sum, after)).toEqual(before)
    expect(drawn()).toBe(2)
    expect(call(KEY_AGG, sum)).toEqual(before)
  })

  it('fails as it would alone, each time, and is found no more where it is not named', () => {
    const { call, drawn } = counted()
    const bad = drawing(new Uint8Array(33))
    expectFailure(() => call(KEY_AGG, sum, bad), 'invalid_input')
    expectFailure(() => call(KEY_AGG, sum, bad), 'invalid_input')
    expect(drawn()).toBe(0)
    const keys: Preparation = { operation: PREPARE, items: [new Map([[1, POINT]]), 0] }
    const prepared = [new Map(), 0, new Map()] as const
    expect(call(KEY_AGG, prepared, keys)).toEqual(call(KEY_AGG, sum))
    expectFailure(() => call(KEY_AGG, prepared), 'invalid_input')
  })

  it('costs the call a trap, and no other', () => {
    let broken = true
    const random = (into: Uint8Array) => {
      if (broken) throw new Error('no entropy')
      into.fill(1)
    }
    const call = createCall(module, { random })
    const after = drawing()
    expectFailure(() => call(KEY_AGG, sum, after), 'trapped')
    broken = false
    expect(call(KEY_AGG, sum, after)).toEqual(call(KEY_AGG, sum))
  })
})

describe('the keys of MuSig2', () => {
  const tweaks: KeyTweak[][] = [
    [],
    [{ kind: 'taproot', tweak: none }],
    [{ kind: 'plain', tweak: new Uint8Array(32).fill(7) }],
  ]

  it('are added up once for all items and rounds, whatever their tweaks, by whoever signs', () => {
    const inner = createCall(module)
    const preparations = new Set<Preparation>()
    const { musig2 } = bindMpc((operation, items, after) => {
      if (after !== undefined) preparations.add(after)
      return inner(operation, items, after)
    })
    const secretKeys = signers(3)
    const session = () => ({ pubkeys: pubkeysOf(secretKeys), sorted: true, message: new Uint8Array(32) })
    for (const some of tweaks) {
      const all = signed(musig2, secretKeys, { ...session(), tweaks: some })
      expect(musig2.partialSigVerify({ ...all, index: 1, psig: all.psigs.get(1)! })).toBe(true)
      expect(musig2.partialSigAgg(all)).toHaveLength(64)
    }
    expect(preparations.size).toBe(1)
    musig2.keyAgg({ ...session(), sorted: false })
    musig2.keyAgg({ ...session(), pubkeys: new Map([...session().pubkeys].slice(1)) })
    expect(preparations.size).toBe(3)
  })

  it('are those of the call, whatever was prepared before, and whatever becomes of the bytes', () => {
    const { mpc } = watched()
    const alone = (key: Uint8Array) => mpc.musig2.keyAgg({ pubkeys: new Map([[1, key]]) })
    const call = createCall(module)
    const keys = [...pubkeysOf(signers(40)).values()]
    const bytes = new Uint8Array(33)
    // More of them than stay prepared, and again the first ones.
    for (const key of [...keys, ...keys]) {
      bytes.set(key)
      expect([alone(bytes)]).toEqual(call(KEY_AGG, sumOf(key)))
    }
  })

  it('name who brought none each time', () => {
    const { mpc } = watched()
    const pubkeys = pubkeysOf(signers(3)).set(2, new Uint8Array(33))
    expectFailure(() => mpc.musig2.keyAgg({ pubkeys }), 'bad_package', [2])
    expectFailure(() => mpc.musig2.keyAgg({ pubkeys }), 'bad_package', [2])
  })

  it('are kept, as many as there may be, and nothing that is secret with them', () => {
    const { mpc, seen, leavesNothing } = watched()
    const { musig2 } = mpc
    const secretKeys = signers(100)
    const secretKey = secretKeys.get(1)!
    const session = { pubkeys: pubkeysOf(secretKeys), sorted: true, message: new Uint8Array(32) }
    const few = signers(2)
    musig2.keyAgg({ pubkeys: pubkeysOf(few) })
    const usual = seen.ended.length
    const { secnonces } = nonces(musig2, few, { ...session, pubkeys: pubkeysOf(few) })
    // What is left in memory now is what is put back before other calls. Memory that had to grow would not be kept.
    musig2.keyAgg(session)
    expect(seen.ended.length).toBe(usual)
    for (const secret of [...few.values(), secnonces.get(1)!.slice(0, 32)])
      expect(seen.ended.includes(secret)).toBe(false)
    const { secnonce } = leavesNothing(
      () => musig2.nonceGen({ ...session, secretKey, extraIn: none }),
      (made) => [secretKey, made.secnonce.slice(0, 32)],
    )
    musig2.keyAgg(session)
    for (const secret of [secretKey, secnonce.slice(0, 32)]) expect(seen.ended.includes(secret)).toBe(false)
  })
})
