import type { Key } from '@quorate/client'
import { toHex } from '@quorate/shared/wire/bytes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, makeKey, signed, startCrashFleet, type CrashFleet } from './support/crash-fleet.ts'
import { enclaveLog } from '../src/traces.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'

const long = 120_000
let crashing: CrashFleet
let key: Key

beforeAll(async () => {
  crashing = await startCrashFleet()
  key = await makeKey(crashing.people)
}, long)

afterAll(() => crashing.close(), long)

/** What the enclaves say, in their logs, that they have given receipts for. */
const confirmed = (signingId: string) =>
  enclaveLog(crashing.fleet).flatMap((logged) =>
    logged.event === 'signing.confirmed' && logged.signingId === signingId ? [logged] : [],
  )

describe('a connection that is cut when the answer is on its way', { timeout: long }, () => {
  it.each([
    ['signing.partial', 1, 2],
    ['signing.partial', 2, 2],
    ['signing.aggregate', 1, 1],
    ['signing.aggregate', 2, 1],
  ] as const)('to %s (%i) gives one signature, by attempt %i, and no second one later', async (step, nth, attempt) => {
    const { people } = crashing
    crashing.lay({ step, when: 'after', nth, signal: 'cut' })
    const text = `cut after ${step} ${nth}`
    const approvers = [people.bob, people.carol]
    const signing = await ask(people, key, text, { approvers })
    const { signatures, receipts } = await signed(signing, text)
    expect(await crashing.lift()).toMatchObject({ step, when: 'after' })
    expect(receipts.map(({ body }) => body.attempt)).toEqual([attempt, attempt])
    expect(new Set(receipts.map(({ body }) => body.packageDigest)).size).toBe(1)
    // Every receipt that any enclave ever gave for this request is for this one signature.
    const all = confirmed(signing.signingId)
    expect(new Set(all.map(({ index }) => index)).size).toBe(2)
    expect([...new Set(all.map(({ resultDigest }) => resultDigest))]).toEqual([receipts[0]!.body.resultDigest])
    const again = await signing.completed()
    expect(again.signatures.map(toHex)).toEqual(signatures.map(toHex))
  })

  it('has no nonce spent twice', () => {
    expect(expectNoncesOnce(enclaveLog(crashing.fleet)).spent).toBeGreaterThanOrEqual(12)
  })
})
