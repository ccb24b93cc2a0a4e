import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import {
  completeSignature,
  extractSecret,
  verifyPreSignature,
  type AdaptorTerms,
  type Item,
  type Key,
  type Mode,
} from '@quorate/client'
import { fromBase64url, toHex } from '@quorate/shared/wire/bytes'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import {
  ask,
  atEveryWrite,
  makeKey,
  patience,
  publicKeyOf,
  sign,
  startCrashFleet,
  type CrashFleet,
} from './support/crash-fleet.ts'
import { hitsIn, onBothSides, sides, signingSteps } from './support/crash-plan.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'
import { preSigned } from './support/pre-signed.ts'

/*
 * Keys of MuSig2, three of three, that were made to sign as an output key, and their pre-signatures, of real processes that are killed at every
 * step. A pre-signing for any of two points takes two nonces of each share.
 */
const long = 240_000
let crashing: CrashFleet
let key: Key
let signatures = 0
/** How many points were pre-signed for. */
let points = 0

beforeAll(async () => {
  crashing = await startCrashFleet()
  await makeOne()
}, long)

afterAll(() => crashing.close(), long)

/** The key, in a mode that nobody but its people and its enclaves can read. */
async function makeOne(): Promise<void> {
  const mode: Mode = { kind: 'taproot', merkleRoot: toHex(randomBytes(32)) }
  key = await makeKey(crashing.people, null, { scheme: 'musig2', threshold: 3, mode })
  expect(key.mode).toEqual(mode)
}

/** By whose words all sign. */
const approvers = () => [crashing.people.bob, crashing.people.carol]

async function signOnce(): Promise<void> {
  signatures += 1
  await sign(crashing.people, key, `signature ${signatures}`, { approvers: approvers() })
}

const drawn = () => schnorr.utils.randomSecretKey()
const pointOf = (secret: Uint8Array) => toHex(secp256k1.getPublicKey(secret, true))

/** Gives as many pre-signatures as there are points, of which the secret of the first is used. */
async function preSignFor(count: number): Promise<void> {
  points += count
  const secrets = Array.from({ length: count }, drawn)
  const [first, ...others] = secrets.map((one) => ({ point: pointOf(one) }))
  const adaptor: AdaptorTerms =
    others.length === 0 ? { kind: 'one', ...first! } : { kind: 'any', points: [first!, ...others] }
  const bytes = randomBytes(8)
  const wish: Item = { content: { type: 'bytes', bytes: toHex(bytes) }, mode: key.mode, adaptor }
  const signing = await ask(crashing.people, key, wish, { approvers: approvers() })
  const item = preSigned((await signing.completed({ timeout: patience })).items[0])
  expect(item.preSignatures).toHaveLength(count)
  await verifyPreSignature(key, item)
  const [secret = new Uint8Array()] = secrets
  const { signature } = await completeSignature(key, item, secret)
  expect(schnorr.verify(signature, hashOfBytes(bytes), publicKeyOf(key))).toBe(true)
  expect(await extractSecret(key, item, signature)).toEqual(secret)
}

describe('a gateway that is killed at every write', { timeout: long }, () => {
  it.each(sides)('makes the key that has a mode, killed right %s it, and it signs in that mode', async (when) => {
    const places = await atEveryWrite(crashing, when, makeOne)
    const states = ['reserved', 'collecting_participants', 'key_generation/accept', 'completed']
    expect(places).toEqual(expect.arrayContaining(states.map((state) => `keygen ${state}`)))
    await signOnce()
    await preSignFor(2)
  })

  it.each(sides)('makes the pre-signatures, killed right %s it', async (when) => {
    const places = await atEveryWrite(crashing, when, (nth) => preSignFor(1 + (nth % 2)))
    const states = ['collecting_participants', 'generating_nonces', 'completed'].map((state) => `signing ${state}`)
    expect(places).toEqual(expect.arrayContaining(states))
  })
})

describe('an enclave that is killed', { timeout: long }, () => {
  const making = ['keygen.init', 'keygen.register', 'keygen.accept', 'keygen.prepare', 'keygen.install']

  it.each(onBothSides(making))('$when $step does not keep a key with a mode from being made', async (plan) => {
    crashing.lay(plan)
    await makeOne()
    expect(await crashing.lift()).toMatchObject(plan)
    await signOnce()
  })

  const cases = onBothSides(signingSteps).flatMap((plan) => [1, 2].map((count) => ({ ...plan, count })))
  it.each(cases)(
    '$when $step does not keep a pre-signature for each of $count from being made',
    async ({ count, ...plan }) => {
      crashing.lay(plan)
      await preSignFor(count)
      expect(await crashing.lift()).toMatchObject(plan)
    },
  )
})

/** Bytes of the public half of a nonce (BIP-327's pubnonce). */
const PUBNONCE = 66

/** The nonces that a commitment stands for, in hex. */
function noncesIn(commitment: string): string[] {
  const bytes = fromBase64url(commitment)
  expect(bytes.length % PUBNONCE).toBe(0)
  const count = bytes.length / PUBNONCE
  return Array.from({ length: count }, (_, nth) => toHex(bytes.slice(nth * PUBNONCE, (nth + 1) * PUBNONCE)))
}

it('has drawn each nonce for one point, spent none twice, and left nothing half open', { timeout: long }, async () => {
  const { fleet, state } = crashing
  await fleet.stop()
  const log = enclaveLog(fleet)
  expectNoncesOnce(log)
  const nonces = log.flatMap((one) => (one.event === 'nonce.committed' ? noncesIn(one.commitment) : []))
  expect(new Set(nonces).size).toBe(nonces.length)
  expect(nonces.length).toBeGreaterThanOrEqual(3 * (signatures + points))
  expect(hitsIn(state).length).toBeGreaterThan(40)
  const { open } = await remainsOf(fleet)
  // A reservation whose answer was lost with the gateway is held until it lapses; nothing secret hangs on it.
  expect(open.filter((one) => one !== 'reserved')).toEqual([])
})
