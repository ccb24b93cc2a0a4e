import type { Key } from '@quorate/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ask,
  forgetStock,
  makeKey,
  patience,
  refreshKey,
  sign,
  startCrashFleet,
  type CrashFleet,
} from './support/crash-fleet.ts'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'
import { sides, signingSteps } from './support/crash-plan.ts'
import { planReached } from './support/plan-reached.ts'

const long = 240_000
let crashing: CrashFleet
let key: Key
let made = 0

beforeAll(async () => {
  crashing = await startCrashFleet()
  key = await makeKey(crashing.people)
}, long)

afterAll(() => crashing.close(), long)

/** Every side of every method, for the first enclave that is asked and for the one after it. */
const cases = (methods: readonly string[], callers: number) =>
  methods.flatMap((step) =>
    sides.flatMap((when) => Array.from({ length: callers }, (_, at) => ({ step, when, nth: at + 1 }))),
  )
const dkg = cases(['keygen.init', 'keygen.register', 'keygen.round1', 'keygen.round2', 'keygen.round3'], 1)
const last = ['keygen.round1', 'keygen.round2', 'keygen.round3'].map((step) => ({
  step,
  when: 'after' as const,
  nth: 3,
}))
/** For each of the three: from the first that has agreed to the last, after which the key is one. */
const agreeing = cases(['keygen.prepare', 'keygen.install'], 3)
const signing = cases(['signing.commit', 'signing.partial', 'signing.aggregate'], 2)

/** One side of each step of a refresh, for one of the enclaves that are asked. */
const refreshing = [
  { step: 'refresh.round1', when: 'after', nth: 1 },
  { step: 'refresh.round2', when: 'before', nth: 2 },
  { step: 'refresh.round3', when: 'after', nth: 3 },
  { step: 'refresh.prepare', when: 'before', nth: 1 },
  { step: 'refresh.prepare', when: 'after', nth: 3 },
  { step: 'refresh.install', when: 'before', nth: 1 },
  { step: 'refresh.install', when: 'after', nth: 2 },
] as const

async function signOnce(): Promise<void> {
  made += 1
  await sign(crashing.people, key, `signature ${made}`)
}

describe('an enclave that is killed', { timeout: long }, () => {
  it.each([...dkg, ...last, ...agreeing])('$when $step ($nth) does not keep a key from being made', async (plan) => {
    crashing.lay(plan)
    key = await makeKey(crashing.people)
    expect(await crashing.lift()).toMatchObject({ step: plan.step, when: plan.when })
    await signOnce()
  })

  it.each(signing)('$when $step ($nth) does not keep a signature from being made', async (plan) => {
    await forgetStock(crashing, plan.step)
    crashing.lay(plan)
    await signOnce()
    expect(await crashing.lift()).toMatchObject({ step: plan.step, when: plan.when })
  })

  it.each(refreshing)('$when $step ($nth) does not keep a key from being refreshed', async (plan) => {
    crashing.lay(plan)
    const { epoch } = key.certificate.body
    key = await refreshKey(crashing.people, key)
    expect(key.certificate.body.epoch).toBe(epoch + 1)
    expect(await crashing.lift()).toMatchObject({ step: plan.step, when: plan.when })
    await signOnce()
  })

  it.each(sides)(
    '%s it has opened a share again, after all have been killed, opens it then, though people may have to ask again',
    async (when) => {
      await crashing.crash(...crashing.fleet.enclaveIds)
      crashing.lay({ step: 'key.load', when })
      const asked = await ask(crashing.people, key, `signature ${made} and a half`)
      // Who started after these words were said believes neither them nor the one host that does.
      await asked.completed({ timeout: patience }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'epoch.unproven' })
      })
      expect(await crashing.lift()).not.toBeNull()
      await signOnce()
    },
  )

  it.each(sides)('%s it has opened its root comes back as who it was', async (when) => {
    crashing.lay({ step: 'boot', when })
    await crashing.crash('enclave-0')
    expect(await crashing.lift()).not.toBeNull()
    await signOnce()
  })

  it.each(signingSteps)(
    'with all others in the midst of %s ends the signing, since nobody remembers the epoch, and the next is made',
    async (step) => {
      const { fleet, people } = crashing
      await forgetStock(crashing, step)
      crashing.lay({ step, when: 'after', signal: 'SIGSTOP' })
      const asked = await ask(people, key, `signature ${made} and a half`)
      await planReached(crashing.state)
      await crashing.crash(...fleet.enclaveIds)
      await expect(asked.completed({ timeout: patience })).rejects.toMatchObject({ code: 'epoch.unproven' })
      expect(await crashing.lift()).not.toBeNull()
      await signOnce()
    },
  )

  it('has spent no nonce twice, and nothing is left half open', async () => {
    const { fleet } = crashing
    await fleet.stop()
    const { spent } = expectNoncesOnce(enclaveLog(fleet))
    expect(spent).toBeGreaterThanOrEqual(2 * made)
    const { open, records } = await remainsOf(fleet)
    expect(open).toEqual([])
    expect(records).toBeGreaterThanOrEqual(2 * made)
  })
})
