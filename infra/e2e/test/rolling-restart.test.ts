import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Quorate, type GrantTerms, type Key, type Signing } from '@quorate/client'
import { LogLine } from '@quorate/shared/log-line'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ageKey } from '../../../gateway/test/age-key.js'
import { untilWritten } from '../../local/test/support/log-watch.js'
import type { People } from '../src/people.ts'
import { ask, makeKey, signed, startCrashFleet, type CrashFleet } from './support/crash-fleet.ts'

const long = 180_000
const DAY = 86_400_000
let crashing: CrashFleet

const grant = (): GrantTerms => ({
  ...{ askers: ['alice'], content: ['bytes'] },
  expiresAt: Date.now() + 600_000,
  limit: { count: 100, per: 600_000 },
})

beforeAll(async () => {
  crashing = await startCrashFleet()
}, long)
afterAll(() => crashing.close(), long)

const seeds = { alice: randomBytes(32), bob: randomBytes(32), carol: randomBytes(32) }

/** The three as programs that have just begun: one that runs names lives of hosts that it heard of some seconds ago. */
function people(): People {
  const { url: gateway, trust } = crashing.fleet
  const quorate = new Quorate({ gateway, trust, retry: { attempts: 14, pause: 100 } })
  const person = (name: keyof typeof seeds) => quorate.participant(name, { seed: seeds[name] })
  return { alice: person('alice'), bob: person('bob'), carol: person('carol') }
}

const logPath = () => join(crashing.state, 'logs', 'gateway.log')
const linesOf = (log: string) =>
  log.split('\n').flatMap((line) => (line.startsWith('{') ? [LogLine.parse(JSON.parse(line))] : []))

const recallsOf = (log: string, enclaveId: string) =>
  linesOf(log).filter((line) => line.event === 'enclave.recalled' && line.enclaveId === enclaveId)
const lastRecall = (enclaveId: string) => recallsOf(readFileSync(logPath(), 'utf8'), enclaveId).at(-1)

/** How often this enclave has heard of all keys in use. */
const recalls = (log: string, enclaveId: string): number =>
  recallsOf(log, enclaveId).filter(({ left }) => left === 0).length

/** Every enclave is killed and comes back before the next one goes. Nobody asks for anything meanwhile. */
async function restartOneAfterTheOther(): Promise<void> {
  for (const enclaveId of crashing.fleet.enclaveIds) {
    const before = recalls(readFileSync(logPath(), 'utf8'), enclaveId)
    await crashing.crash(enclaveId)
    await untilWritten(logPath(), (log) => recalls(log, enclaveId) > before)
  }
}

const age = ({ keyId }: Key, ms: number): void => ageKey(crashing.fleet.database, keyId, ms)

/** Alice asks alone; grants do the rest. Gives how many attempts it took. */
async function signByGrant(key: Key, text: string): Promise<number> {
  const signing = await ask(people(), key, text, { approvers: [] })
  await signed(signing, text)
  return (await signing.status()).attempt
}

/** Waits until so many attempts have been given up, and none is under way. */
async function untilTried(signing: Signing, attempts: number): Promise<void> {
  for await (const { attempt, state, failure } of signing.watch()) {
    expect(failure).toBeNull()
    if (attempt >= attempts && state === 'collecting_participants') return
  }
}

describe('hosts that restart one after the other', { timeout: long }, () => {
  it('leave a key in use as it was: a signing by grants needs no word that nobody has asked for', async () => {
    const key = await makeKey(people(), grant())
    expect(await signByGrant(key, 'before')).toBe(1)
    await restartOneAfterTheOther()
    expect(await signByGrant(key, 'after')).toBe(1)
    await restartOneAfterTheOther()
    expect(await signByGrant(key, 'after that')).toBe(1)
    expect(readFileSync(logPath(), 'utf8')).not.toContain('epoch.unproven')
  })

  it('forget a key that was not used for a day: its next signing waits for a second person’s word, once', async () => {
    const [used, unused] = [await makeKey(people(), grant()), await makeKey(people(), grant())]
    age(used, DAY - 3_600_000)
    age(unused, DAY + 1)
    await restartOneAfterTheOther()
    for (const enclaveId of crashing.fleet.enclaveIds)
      expect(lastRecall(enclaveId)).toMatchObject({ settled: 2, left: 0 })
    expect(await signByGrant(used, 'used')).toBe(1)
    const signing = await ask(people(), unused, 'unused', { approvers: [] })
    // No pair of its hosts knows the epoch. The signing has not failed: it waits for one more person's word.
    await untilTried(signing, 2)
    const { bob } = people()
    await bob.approve(await bob.signing(unused, signing.signingId))
    await signed(signing, 'unused')
    // Carol's host may have had no part in that, and her grant rests until its window is over. With her word it hears of the epoch.
    const another = await ask(people(), unused, 'with the third', { approvers: [] })
    const { carol } = people()
    await carol.approve(await carol.signing(unused, another.signingId))
    await signed(another, 'with the third')
    // From then on it is in use, as the other two are.
    await restartOneAfterTheOther()
    for (const enclaveId of crashing.fleet.enclaveIds)
      expect(lastRecall(enclaveId)).toMatchObject({ settled: 3, left: 0 })
  })
})
