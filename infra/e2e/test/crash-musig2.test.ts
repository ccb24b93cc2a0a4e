import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { Quorate, type Key } from '@quorate/client'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aggregateOf, sortedKeys } from '../../../shared/test/bip327.js'
import {
  ask,
  atEveryWrite,
  makeKey,
  patience,
  sign,
  signed,
  startCrashFleet,
  type CrashFleet,
} from './support/crash-fleet.ts'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { hitsIn, onBothSides, sides, signingSteps } from './support/crash-plan.ts'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'

/*
 * Keys of MuSig2, three of three, with two sub-groups, of real processes that are killed at every step. People bring every second key; enclaves
 * draw the others. Every second signature is of a sub-group.
 */
const long = 240_000
let crashing: CrashFleet
let key: Key
let made = 0
/** How many shares have signed. */
let shares = 0

beforeAll(async () => {
  crashing = await startCrashFleet()
}, long)

afterAll(() => crashing.close(), long)

const newKey = () => schnorr.utils.randomSecretKey()

const subgroups = { pair: ['alice', 'bob'], others: ['bob', 'carol'] } as const

/** Makes a key, and holds its aggregates against BIP-327's of the keys that people brought, or that their enclaves drew. */
async function makeOne(brings: boolean): Promise<void> {
  const ownKeys = { alice: newKey(), bob: newKey(), carol: newKey() }
  const wish = { scheme: 'musig2', threshold: 3, subgroups, ...(brings ? { ownKeys } : {}) } as const
  key = await makeKey(crashing.people, null, wish)
  const drawn = key.certificate.body.roster.registrations.map(({ body }) => fromHex(body.contributed?.publicKey ?? ''))
  const brought = Object.values(ownKeys).map((one) => secp256k1.getPublicKey(one, true))
  const [a, b, c] = (brings ? brought : drawn) as [Uint8Array, Uint8Array, Uint8Array]
  const expected = [
    [a, b, c],
    [a, b],
    [b, c],
  ].map((pubkeys) => toHex(aggregateOf(sortedKeys(pubkeys))))
  expect([key, key.subgroup('pair'), key.subgroup('others')].map(({ groupKey }) => groupKey)).toEqual(expected)
}

async function signOnce(by: 'all' | 'pair' = made % 2 === 0 ? 'all' : 'pair'): Promise<void> {
  made += 1
  const { people } = crashing
  const { bob, carol } = people
  const text = `signature ${made}`
  if (by === 'all') {
    shares += 3
    await sign(people, key, text, { approvers: [bob, carol] })
    return
  }
  shares += 2
  const signing = await ask(people, key, text, { approvers: [bob], subgroup: 'pair' })
  const { signatures } = await signing.completed({ timeout: patience })
  const { groupKey } = key.subgroup('pair')
  expect(schnorr.verify(signatures[0]!, hashOfBytes(text), fromHex(groupKey))).toBe(true)
}

describe('a key of MuSig2 on three enclaves', { timeout: long }, () => {
  it.each([true, false])('of two people is made, brought: %s, and signs', async (brings) => {
    const { fleet } = crashing
    const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
    const [ann, ben] = ['ann', 'ben'].map((name) => quorate.participant(name, { seed: randomBytes(32) }))
    const keys = brings ? [newKey(), newKey()] : []
    const wish = { scheme: 'musig2', threshold: 2, participants: ['ann', 'ben'] } as const
    const keygen = await ann!.reserveKey({ ...wish, ownKey: keys[0] })
    await ben!.participate(keygen.invitation('ben'), { ownKey: keys[1] })
    const pair = await keygen.completed({ timeout: patience })
    if (brings) {
      const pubkeys = keys.map((one) => secp256k1.getPublicKey(one, true))
      expect(pair.groupKey).toBe(toHex(aggregateOf(sortedKeys(pubkeys))))
    }
    const signing = await ann!.requestSignature(pair, 'of two')
    await ben!.approve(await ben!.signing(pair, signing.signingId))
    await signed(signing, 'of two')
  })

  it.each([true, false])('of three people is made, brought: %s, and signs', async (brings) => {
    await makeOne(brings)
    await signOnce()
  })
})

describe('a gateway that is killed at every write', { timeout: long }, () => {
  it.each(sides)('makes the key, killed right %s it, and the key signs', async (when) => {
    const places = await atEveryWrite(crashing, when, (nth) => makeOne(nth % 2 === 0))
    const states = ['reserved', 'collecting_participants', 'key_generation/accept', 'key_generation/prepare']
    const expected = [...states, 'key_generation/install', 'completed'].map((state) => `keygen ${state}`)
    expect(places).toEqual(expect.arrayContaining(expected))
    await signOnce()
  })

  const cases = sides.flatMap((when) => (['all', 'pair'] as const).map((by) => ({ when, by })))
  it.each(cases)('makes the signature of $by, killed right $when it', async ({ when, by }) => {
    const places = await atEveryWrite(crashing, when, () => signOnce(by))
    const states = ['collecting_participants', 'generating_nonces', 'completed'].map((state) => `signing ${state}`)
    expect(places).toEqual(expect.arrayContaining(states))
  })
})

describe('an enclave that is killed', { timeout: long }, () => {
  const making = ['keygen.init', 'keygen.register', 'keygen.accept', 'keygen.prepare', 'keygen.install']

  it.each(onBothSides(making))('$when $step does not keep a key from being made', async ({ step, when }) => {
    for (const [nth, brings] of [true, false].entries()) {
      crashing.lay({ step, when, nth: nth + 1 })
      await makeOne(brings)
      expect(await crashing.lift()).toMatchObject({ step, when })
    }
    await signOnce()
  })

  it.each(onBothSides(signingSteps))(
    '$when $step does not keep a signature from being made',
    async ({ step, when }) => {
      crashing.lay({ step, when })
      await signOnce()
      expect(await crashing.lift()).toMatchObject({ step, when })
    },
  )
})

it('has spent no nonce twice, and nothing is left half open', { timeout: long }, async () => {
  const { fleet, state } = crashing
  await fleet.stop()
  const { spent } = expectNoncesOnce(enclaveLog(fleet))
  expect(spent).toBeGreaterThanOrEqual(shares)
  expect(hitsIn(state).length).toBeGreaterThan(30)
  const { open } = await remainsOf(fleet)
  // A reservation whose answer was lost with the gateway is held until it lapses; nothing secret hangs on it.
  expect(open.filter((one) => one !== 'reserved')).toEqual([])
})
