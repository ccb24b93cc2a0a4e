import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Key } from '@quorate/client'
import { toHex } from '@quorate/shared/wire/bytes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../../shared/test/noticing.js'
import { ask, forgetStock, makeKey, sign, signed, startCrashFleet, type CrashFleet } from './support/crash-fleet.ts'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'
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

const next = () => `signature ${(made += 1)}`
const sides = ['before', 'after'] as const
const each = (methods: readonly string[]) => methods.flatMap((step) => sides.map((when) => ({ step, when })))

/** The attempts in which nonces were made for this signing. */
const attemptsOf = (signingId: string): number[] => {
  const log = enclaveLog(crashing.fleet)
  return [
    ...new Set(
      log.flatMap((one) => (one.event === 'nonce.committed' && one.signingId === signingId ? [one.attempt] : [])),
    ),
  ]
}

/** Kills the gateway while one enclave stands still at the step that was planned; then lets that enclave go on. */
async function killGatewayMeanwhile(): Promise<void> {
  const { fleet, state } = crashing
  const { place } = await planReached(state)
  const before = fleet.pidOf('gateway')
  fleet.kill('gateway')
  await until(() => ![before, undefined].includes(fleet.pidOf('gateway')), 'the gateway to be started again')
  fleet.resume(place)
  await fleet.ready()
}

describe('a gateway that comes back', { timeout: long }, () => {
  it.each(each(['keygen.init', 'keygen.register', 'keygen.round1', 'keygen.round2', 'keygen.round3']))(
    'goes on with a keygen that it left while an enclave stood $when $step',
    async (plan) => {
      crashing.lay({ ...plan, signal: 'SIGSTOP' })
      const [made] = await Promise.all([makeKey(crashing.people), killGatewayMeanwhile()])
      key = made
      await sign(crashing.people, key, next())
    },
  )

  it.each(each(['signing.commit', 'signing.partial', 'signing.aggregate']))(
    'goes on with a signing that it left while an enclave stood $when $step',
    async (plan) => {
      await forgetStock(crashing, plan.step)
      crashing.lay({ ...plan, signal: 'SIGSTOP' })
      const [{ request }] = await Promise.all([sign(crashing.people, key, next()), killGatewayMeanwhile()])
      expect(attemptsOf(request.body.signingId)).toEqual([1])
    },
  )

  it('goes on with a keygen when everything was killed with it', async () => {
    const { fleet, people } = crashing
    crashing.lay({ step: 'keygen.round3', when: 'after', signal: 'SIGSTOP' })
    const made = makeKey(people)
    await planReached(crashing.state)
    await crashing.crash('gateway', 'kms', ...fleet.enclaveIds)
    await made
  })

  it('ends a signing when everything was killed with it, since nobody knows the epoch, and the next one works', async () => {
    const { fleet, people } = crashing
    crashing.lay({ step: 'signing.partial', when: 'after', signal: 'SIGSTOP' })
    const signing = sign(people, key, 'never signed')
    const ended = expect(signing).rejects.toMatchObject({ code: 'epoch.unproven', retry: 'new_session' })
    await planReached(crashing.state)
    await crashing.crash('gateway', 'kms', ...fleet.enclaveIds)
    await ended
    await sign(people, key, next())
  })

  it('finishes all of many signings, killed three times among them', async () => {
    const { people } = crashing
    const signings = Array.from({ length: 12 }, () => sign(people, key, next()))
    for (const nth of [4, 7, 7]) {
      crashing.lay({ step: 'write', when: 'after', nth })
      await planReached(crashing.state)
    }
    const results = await Promise.all(signings)
    await crashing.lift()
    expect(new Set(results.map(({ signatures }) => toHex(signatures[0]!))).size).toBe(signings.length)
  })

  it('still knows, after it was asked to end, what waits for an approval', async () => {
    const { fleet, people } = crashing
    const text = next()
    const waiting = await ask(people, key, text, { approvers: [] })
    fleet.kill('gateway', 'SIGTERM')
    const [pending] = await people.carol.pendingSignings(key, { wait: 10_000 })
    expect(pending?.signingId).toBe(waiting.signingId)
    await people.carol.approve(pending!)
    await signed(waiting, text)
    await fleet.ready()
  })

  it('gives no second signature from a copy of its database that was taken in the midst of the first', async () => {
    const { fleet, people, state } = crashing
    const [text, copy] = [next(), join(state, 'copy')]
    crashing.lay({ step: 'write', place: 'signing generating_nonces', when: 'after', signal: 'SIGSTOP' })
    const signing = ask(people, key, text)
    await planReached(state)
    cpSync(join(state, 'gateway'), copy, { recursive: true })
    fleet.resume('gateway')
    const first = await signed(await signing, text)
    await sign(people, key, next())

    crashing.lay({ step: 'open', when: 'before', signal: 'SIGSTOP' })
    fleet.kill('gateway')
    await planReached(state)
    rmSync(join(state, 'gateway'), { recursive: true })
    cpSync(copy, join(state, 'gateway'), { recursive: true })
    fleet.resume('gateway')
    await fleet.ready()

    const second = await signed(await signing, text)
    const [before, after] = [first, second].map(({ signatures }) => toHex(signatures[0]!))
    expect(after).toBe(before)
    await sign(people, key, next())
  })

  it('answers a repeated request as before, and refuses another body under its Idempotency-Key', async () => {
    const { fleet } = crashing
    const reserve = (threshold: number) =>
      fetch(`${fleet.url}/api/v1/keygen/reserve`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'the-same-for-both' },
        body: JSON.stringify({ scheme: 'frost-secp256k1-tr', threshold, participants: ['alice', 'bob', 'carol'] }),
      })
    crashing.lay({ step: 'write', place: 'reply reserveKeygen /api/v1/keygen/reserve', when: 'after' })
    await expect(reserve(2)).rejects.toThrow()
    expect(await crashing.lift()).not.toBeNull()
    const [again, other, once] = [await reserve(2), await reserve(3), await reserve(2)]
    expect([again.status, other.status]).toEqual([200, 409])
    expect(await other.json()).toMatchObject({ code: 'request.idempotency_conflict' })
    expect(await again.json()).toEqual(await once.json())
  })

  it('has had no nonce spent twice, and leaves nothing half open', async () => {
    const { fleet } = crashing
    await fleet.stop()
    const { spent } = expectNoncesOnce(enclaveLog(fleet))
    expect(spent).toBeGreaterThanOrEqual(2 * made)
    const { open } = await remainsOf(fleet)
    expect(open.filter((state) => state !== 'reserved')).toEqual([])
  })
})
