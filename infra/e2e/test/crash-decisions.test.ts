import { schnorr } from '@noble/curves/secp256k1.js'
import type { Decision, Key, Participant } from '@quorate/client'
import { fromHex } from '@quorate/shared/wire/bytes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import { atEveryWrite, makeKey, patience, startCrashFleet, type CrashFleet } from './support/crash-fleet.ts'
import { hitsIn, onBothSides, sides, signingSteps } from './support/crash-plan.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'

/*
 * A batch of which each item has another quorum, and one has none, on real processes that are killed at every step. `y` is yes and `n` no.
 */
const long = 240_000
let crashing: CrashFleet
let key: Key
let batches = 0

beforeAll(async () => {
  crashing = await startCrashFleet()
  key = await makeKey(crashing.people)
}, long)

afterAll(() => crashing.close(), long)

const decisions = (word: string): Decision[] => Array.from(word, (letter) => (letter === 'y' ? 'approve' : 'reject'))

/** Alice asks for four items. Bob wants the first two, carol the third, and nobody else the last. */
async function signBatch(): Promise<void> {
  batches += 1
  const texts = [0, 1, 2, 3].map((at) => `batch ${batches}, item ${at}`)
  const { alice, bob, carol } = crashing.people
  const signing = await alice.requestSignature(key, texts, { expiresIn: 120_000 })
  const say = async (one: Participant, word: string) =>
    one.decide(await one.signing(key, signing.signingId), decisions(word))
  await say(bob, 'yynn')
  await say(carol, 'nnyn')
  const { items } = await signing.completed({ timeout: patience })
  const ends = items.map((item, at) =>
    item.refused === null
      ? item.signature !== null && schnorr.verify(item.signature, hashOfBytes(texts[at]!), fromHex(key.groupKey))
      : item.refused,
  )
  expect(ends).toEqual([true, true, true, 'signing.rejected'])
}

it('is signed as far as people want it', { timeout: long }, signBatch)

describe('a gateway', { timeout: long }, () => {
  it.each(sides)('has the batch signed, killed right %s each of its writes', async (when) => {
    const places = await atEveryWrite(crashing, when, signBatch)
    const states = ['collecting_participants', 'generating_nonces', 'completed'].map((state) => `signing ${state}`)
    expect(places).toEqual(expect.arrayContaining(states))
    // The request, each word, the last with the attempt that follows from it, and the end.
    expect(places.length).toBeGreaterThanOrEqual(4)
  })
})

describe('an enclave', { timeout: long }, () => {
  it.each(onBothSides(signingSteps))('has the batch signed, killed right $when $step', async ({ step, when }) => {
    crashing.lay({ step, when })
    await signBatch()
    expect(await crashing.lift()).toMatchObject({ step, when })
  })
})

it('has spent no nonce twice, and nothing is left half open', { timeout: long }, async () => {
  const { fleet, state } = crashing
  await fleet.stop()
  const { spent } = expectNoncesOnce(enclaveLog(fleet))
  // Two nonces for each of the three items that are signed.
  expect(spent).toBeGreaterThanOrEqual(6 * batches)
  expect(hitsIn(state).length).toBeGreaterThan(13)
  expect((await remainsOf(fleet)).open).toEqual([])
})
