import type { Key } from '@quorate/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import { atEveryWrite, makeKey, signed, startCrashFleet, type CrashFleet } from './support/crash-fleet.ts'
import { hitsIn, onBothSides, sides, signingSteps } from './support/crash-plan.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'
import { shownTo, valuesOf } from './support/together.ts'

/*
 * Several keys asked for in one call, and approved in one call by each person, of real processes that are killed at every step. All three sign with
 * each key.
 */
const long = 240_000
let crashing: CrashFleet
let keys: Key[]
let calls = 0

beforeAll(async () => {
  crashing = await startCrashFleet()
  keys = []
  for (const scheme of ['frost-secp256k1-tr', 'musig2'] as const)
    keys.push(await makeKey(crashing.people, null, { scheme, threshold: 3 }))
}, long)

afterAll(() => crashing.close(), long)

/** Something for each key. */
async function signTogether(): Promise<void> {
  calls += 1
  const { people } = crashing
  const wishes = keys.map((key, at) => ({ key, what: `call ${calls}, key ${at}` }))
  const signings = valuesOf(await people.alice.requestSignatures(wishes, { expiresIn: 120_000 }))
  for (const name of ['bob', 'carol'] as const)
    valuesOf(await people[name].decideTogether(await shownTo(people, name, signings)))
  await Promise.all(signings.map((signing, at) => signed(signing, wishes[at]!.what)))
}

it('are signed with', { timeout: long }, signTogether)

describe('a gateway', { timeout: long }, () => {
  it.each(sides)('has all keys sign, killed right %s each of its writes', async (when) => {
    const places = await atEveryWrite(crashing, when, signTogether)
    const states = ['collecting_participants', 'generating_nonces', 'completed'].map((state) => `signing ${state}`)
    expect(places).toEqual(expect.arrayContaining(states))
    // Of each key: the request, each word, the last with the attempt that follows from it, and the end.
    expect(places.length).toBeGreaterThanOrEqual(4 * keys.length)
  })
})

describe('an enclave', { timeout: long }, () => {
  /** The first call and the one after it: of the other key where there is one, since hosts of FROST's may have committed ahead. */
  const cases = onBothSides(signingSteps).flatMap((plan) => [1, 2].map((nth) => ({ ...plan, nth })))

  it.each(cases)('has all keys sign, killed right $when $step ($nth)', async ({ step, when, nth }) => {
    crashing.lay({ step, when, nth })
    await signTogether()
    expect(await crashing.lift()).toMatchObject({ step, when })
  })
})

it('has spent no nonce twice, and nothing is left half open', { timeout: long }, async () => {
  const { fleet, state } = crashing
  await fleet.stop()
  const { spent } = expectNoncesOnce(enclaveLog(fleet))
  expect(spent).toBeGreaterThanOrEqual(3 * keys.length * calls)
  expect(hitsIn(state).length).toBeGreaterThanOrEqual(16 + 2 * signingSteps.length * keys.length)
  expect((await remainsOf(fleet)).open).toEqual([])
})
