import { randomBytes } from 'node:crypto'
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { exportKey, importKey, type Item, type Mode, type Participant } from '@quorate/client'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { bip341 } from '../../../shared/mpc/test/bip341.js'
import { aggregatePointOf, sortedKeys } from '../../../shared/test/bip327.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { keyInMode } from './support/bip341.ts'
import { contributedKey, long, signAll, withFleet } from './support/sdk-fleet.ts'

/*
 * Keys that sign as other keys: each mode, through the SDK, on three enclaves. The referee tweaks the key itself.
 */
const { draw } = withFleet()
const names = ['alice', 'bob', 'carol']
type People = readonly [Participant, Participant, Participant]
const drawPeople = () => draw(names) as unknown as People

/** A key whose Y is even, as all of FROST's are. */
async function frostKey(people: People) {
  const [alice, ...others] = people
  const keygen = await alice.reserveKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants: names })
  for (const one of others) await one.participate(keygen.invitation(one.userId))
  const key = await keygen.completed({ timeout: long })
  return { key, publicKey: Uint8Array.of(2, ...fromHex(key.groupKey)) }
}

/** A key of three that people bring, whose aggregate has an odd Y: there a plain tweak and an x-only one differ. */
async function musigKey(people: People) {
  const drawn = (): Uint8Array[] => {
    const ownKeys = names.map(() => schnorr.utils.randomSecretKey())
    return aggregateOf(ownKeys)[0] === 3 ? ownKeys : drawn()
  }
  const ownKeys = drawn()
  return { key: await contributedKey(people, { ownKeys }), publicKey: aggregateOf(ownKeys) }
}

const aggregateOf = (ownKeys: readonly Uint8Array[]) =>
  aggregatePointOf(sortedKeys(ownKeys.map((one) => secp256k1.getPublicKey(one, true))))

const scalar = () => toHex(schnorr.utils.randomSecretKey())

const modes = (): Mode[] => {
  const tweak = scalar()
  return [
    { kind: 'plain' },
    { kind: 'taproot', merkleRoot: '' },
    { kind: 'taproot', merkleRoot: toHex(randomBytes(32)) },
    { kind: 'tweak', xonly: false, tweak },
    { kind: 'tweak', xonly: true, tweak },
  ]
}

const bytesIn = (mode: Mode): Item => ({ content: { type: 'bytes', bytes: 'ab' }, mode })

describe.each([
  ['FROST', frostKey, 4],
  ['MuSig2', musigKey, 5],
])('a key of %s', (_, makeKey, distinct) => {
  it('signs in each mode under the key that BIP-327 and BIP-341 make of it', { timeout: long }, async () => {
    const people = drawPeople()
    const { key, publicKey } = await makeKey(people)
    const items = modes().map(bytesIn)
    const { signatures, publicKeys } = await signAll(key, people, items)
    const expected = items.map(({ mode }) => toHex(keyInMode(publicKey, mode)))
    expect(publicKeys).toEqual(expected)
    expect(new Set(expected).size).toBe(distinct)
    for (const [at, signature] of signatures.entries())
      expect(schnorr.verify(signature, hashOfBytes(Uint8Array.of(0xab)), fromHex(publicKeys[at]!))).toBe(true)
  })

  it('refuses a tweak that cannot be read, and says of which item', { timeout: long }, async () => {
    const people = drawPeople()
    const { key } = await makeKey(people)
    const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
    for (const mode of [
      ...['00'.repeat(32), order, 'ff'.repeat(32), '01'.repeat(31), ''].map((tweak) => ({
        ...{ kind: 'tweak', xonly: false },
        tweak,
      })),
      { kind: 'taproot', merkleRoot: '01'.repeat(31) },
      { kind: 'none' },
      null,
    ]) {
      const asked = people[0].requestSignature(key, [bytesIn({ kind: 'plain' }), bytesIn(mode as Mode)])
      await expect(asked).rejects.toMatchObject({ code: 'tweak.invalid', by: 'client' })
      await expect(asked).rejects.toMatchObject({ issues: [expect.stringContaining('item 2 of 2: mode')] })
    }
  })
})

describe('a key that was made to sign in a mode', () => {
  const root = toHex(randomBytes(32))

  it(
    'does so for who names none, says it to who takes part, and is overruled by an item',
    { timeout: long },
    async () => {
      const people = drawPeople()
      const [alice, ...others] = people
      const mode: Mode = { kind: 'taproot', merkleRoot: root }
      const keygen = await alice.reserveKey({
        ...{ scheme: 'frost-secp256k1-tr', threshold: 2, participants: names, mode },
        content: ['bytes', 'nostr-event'],
      })
      // The gateway sees that there is a mode, and not which.
      expect(JSON.stringify(keygen.skeleton)).not.toContain(root)
      for (const one of others) expect((await one.participate(keygen.invitation(one.userId))).mode).toEqual(mode)
      const key = await keygen.completed({ timeout: long })
      expect(key.mode).toEqual(mode)
      expect((await importKey(exportKey(key))).mode).toEqual(mode)
      const publicKey = Uint8Array.of(2, ...fromHex(key.groupKey))
      const event = { created_at: 1, kind: 1, tags: [], content: 'gm' }
      const signing = await alice.requestSignature(key, [
        'hello',
        { content: { type: 'bytes', bytes: 'ab' } },
        bytesIn({ kind: 'plain' }),
        { type: 'nostr-event', event },
      ])
      const seen = await others[0].signing(key, signing.signingId)
      expect(seen.items.map((item) => item.mode)).toEqual([mode, mode, { kind: 'plain' }, { kind: 'plain' }])
      await others[0].approve(seen)
      const { publicKeys, signatures } = await signing.completed({ timeout: long })
      const output = toHex(keyInMode(publicKey, mode))
      expect(publicKeys).toEqual([output, output, key.groupKey, key.groupKey])
      expect(schnorr.verify(signatures[0]!, hashOfBytes('hello'), fromHex(output))).toBe(true)
      const renewed = await alice.refreshKey(key, { timeout: long })
      expect(renewed.mode).toEqual(mode)
    },
  )

  it('is refused before anything is sent when the mode cannot be read', { timeout: long }, async () => {
    const [alice] = drawPeople()
    const wish = { scheme: 'frost-secp256k1-tr', threshold: 2, participants: names } as const
    for (const mode of [
      { kind: 'taproot', merkleRoot: 'ab' },
      { kind: 'tweak', xonly: true, tweak: '00'.repeat(32) },
      null,
    ])
      await expect(alice.reserveKey({ ...wish, mode: mode as Mode })).rejects.toMatchObject({ code: 'tweak.invalid' })
    const none = alice.reserveKey({ ...wish, scheme: 'frost-ed25519', mode: { kind: 'taproot', merkleRoot: '' } })
    await expect(none).rejects.toMatchObject({ code: 'request.invalid' })
  })
})

describe('a child of the extended public key', () => {
  const modesOf = (merkleRoot: string): Mode[] => [
    { kind: 'child', path: [0, 5], merkleRoot: null },
    { kind: 'child', path: [0, 5], merkleRoot: '' },
    { kind: 'child', path: [1, 2, 2 ** 31 - 1], merkleRoot },
  ]

  it('signs for a key of MuSig2 as wallets derive it, itself and under tr()', { timeout: long }, async () => {
    const people = drawPeople()
    const { key, publicKey } = await musigKey(people)
    const items = modesOf(scalar()).map(bytesIn)
    const { signatures, publicKeys } = await signAll(key, people, items)
    expect(publicKeys).toEqual(items.map(({ mode }) => toHex(keyInMode(publicKey, mode))))
    expect(new Set(publicKeys).size).toBe(items.length)
    for (const [at, signature] of signatures.entries())
      expect(schnorr.verify(signature, hashOfBytes(Uint8Array.of(0xab)), fromHex(publicKeys[at]!))).toBe(true)
  })

  it('is no mode of a key of FROST, which has none', { timeout: long }, async () => {
    const people = drawPeople()
    const [mode] = modesOf('')
    const wish = { scheme: 'frost-secp256k1-tr', threshold: 2, participants: names } as const
    await expect(people[0].reserveKey({ ...wish, mode })).rejects.toMatchObject({ code: 'tweak.invalid' })
    const { key } = await frostKey(people)
    const asked = people[0].requestSignature(key, bytesIn(mode!))
    await expect(asked).rejects.toMatchObject({ code: 'tweak.invalid' })
  })
})

describe('a tweak that takes the key to infinity', () => {
  it('is refused, with its item, though its form is right', { timeout: long }, async () => {
    const [alice, ...others] = drawPeople()
    const secretKey = schnorr.utils.randomSecretKey()
    const isEven = secp256k1.getPublicKey(secretKey, true)[0] === 2
    const { Fn } = secp256k1.Point
    const secret = Fn.fromBytes(secretKey)
    const away = toHex(Fn.toBytes(isEven ? Fn.neg(secret) : secret))
    const keygen = await alice.dealKey({ scheme: 'frost-secp256k1-tr', threshold: 2, participants: names, secretKey })
    for (const one of others) await one.participate(keygen.invitation(one.userId), { dealtBy: 'alice' })
    const key = await keygen.completed({ timeout: long })
    for (const xonly of [true, false]) {
      const asked = alice.requestSignature(key, bytesIn({ kind: 'tweak', xonly, tweak: away }))
      await expect(asked).rejects.toMatchObject({ code: 'tweak.invalid' })
    }
  })
})

describe('BIP-341’s wallet vectors', () => {
  const spendings = bip341.keyPathSpending.flatMap((one) => one.inputSpending)

  it.each(spendings)(
    'are signed by key path with $given.internalPrivkey, dealt to three enclaves',
    { timeout: long },
    async ({ given, intermediary }) => {
      const people = drawPeople()
      const [alice, ...others] = people
      const secretKey = fromHex(given.internalPrivkey)
      const keygen = await alice.dealKey({
        ...{ scheme: 'frost-secp256k1-tr', threshold: 2, participants: names, secretKey },
        content: ['raw'],
      })
      for (const one of others) await one.participate(keygen.invitation(one.userId), { dealtBy: 'alice' })
      const key = await keygen.completed({ timeout: long })
      expect(key.groupKey).toBe(intermediary.internalPubkey)
      const content = { type: 'raw', bytes: intermediary.sigHash } as const
      const mode = { kind: 'taproot', merkleRoot: given.merkleRoot ?? '' } as const
      const { signatures, publicKeys } = await signAll(key, people, [{ content, mode }])
      const output = schnorr.getPublicKey(fromHex(intermediary.tweakedPrivkey))
      expect(publicKeys).toEqual([toHex(output)])
      expect(schnorr.verify(signatures[0]!, fromHex(intermediary.sigHash), output)).toBe(true)
    },
  )
})
