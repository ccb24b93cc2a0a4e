import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { schnorr } from '@noble/curves/secp256k1.js'
import { Quorate, type GrantTerms, type Key, type Participant } from '@quorate/client'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { fromHex } from '@quorate/shared/wire/bytes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

/*
 * The largest keys there are, on three enclaves, while another process takes a core. Names are as long as names may be.
 */
const long = 300_000
const state = mkdtempSync(join(tmpdir(), 'quorate-large-'))
let fleet: Fleet
let busy: ChildProcess

beforeAll(async () => {
  fleet = await startFleet({ port: 0, state, rateLimit: 1_000_000 })
  busy = spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' })
}, long)

afterAll(async () => {
  busy.kill('SIGKILL')
  await fleet.stop()
  rmSync(state, { recursive: true, force: true })
}, long)

/** 64 characters, each of three bytes but for the last two. */
const namesOf = (count: number) => Array.from({ length: count }, (_, at) => `${'森'.repeat(61)}${at + 100}`)
const names = namesOf(32)

async function makeKey(
  threshold: number,
  grant: GrantTerms | null = null,
  { scheme, participants }: Readonly<{ scheme: Key['scheme']; participants: string[] }> = {
    scheme: 'frost-secp256k1-tr',
    participants: names,
  },
): Promise<{ key: Key; people: Participant[] }> {
  const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
  const people = participants.map((name) => quorate.participant(name, { seed: randomBytes(32) }))
  const [first, ...others] = people as [Participant, ...Participant[]]
  const keygen = await first.reserveKey({ scheme, threshold, participants, grant })
  await Promise.all(others.map((one) => one.participate(keygen.invitation(one.userId), { grant })))
  return { key: await keygen.completed({ timeout: long }), people }
}

/** The first asks, and so many others approve as are needed. */
async function sign(key: Key, people: readonly Participant[], text: string): Promise<Uint8Array> {
  const signing = await people[0]!.requestSignature(key, text)
  const approvers = people.slice(1, key.threshold)
  await Promise.all(approvers.map(async (one) => one.approve(await one.signing(key, signing.signingId))))
  const { signatures, receipts } = await signing.completed({ timeout: long })
  expect(receipts).toHaveLength(key.threshold)
  return signatures[0]!
}

/** How many seats each enclave has. */
const spreadOf = ({ certificate }: Key): number[] => {
  const ids = certificate.body.roster.skeleton.participants.map(({ host }) => host.identity.enclaveId)
  return fleet.enclaveIds.map((id) => ids.filter((one) => one === id).length).sort((a, b) => b - a)
}

describe('a key of 32 people on three busy enclaves', { timeout: long }, () => {
  it('of whom 20 sign is made, signs, is refreshed, and signs again', async () => {
    const { key, people } = await makeKey(20)
    expect(spreadOf(key)).toEqual([11, 11, 10])
    const of = fromHex(key.groupKey)
    expect(schnorr.verify(await sign(key, people, 'twenty'), hashOfBytes('twenty'), of)).toBe(true)
    const next = await people[0]!.refreshKey(key, { timeout: long })
    expect(schnorr.verify(await sign(next, people, 'renewed'), hashOfBytes('renewed'), of)).toBe(true)
  })

  /** Every message is as long as it may be: 100 items in a request of 960 KB, consents of 200 KB. */
  it('of whom all 32 sign is made, and signs by standing grants', async () => {
    const limit = { count: 100, per: 3_600_000 }
    const grant = { askers: names, content: ['bytes' as const], limit, expiresAt: Date.now() + 86_400_000 }
    const { key, people } = await makeKey(32, grant)
    const texts = Array.from({ length: 100 }, (_, at) => `${at} ${'x'.repeat(3_500)}`)
    const signing = await people[0]!.requestSignature(key, texts)
    const { signatures, receipts } = await signing.completed({ timeout: long })
    expect(receipts).toHaveLength(32)
    const isGood = (text: string, at: number) =>
      schnorr.verify(signatures[at]!, hashOfBytes(text), fromHex(key.groupKey))
    expect(texts.map(isGood)).toEqual(texts.map(() => true))
  })
})

describe('a key of MuSig2 of 100 people on three busy enclaves', { timeout: long }, () => {
  /** The batch: 3,000 partials, each of a sum of 100 nonces, by hosts with 33 or 34 shares each. */
  it('is made, and all of them sign with it by standing grants, one item and a batch of 30', async () => {
    const participants = namesOf(100)
    const limit = { count: 100, per: 3_600_000 }
    const askers = participants.slice(0, 1)
    const grant = { askers, content: ['bytes' as const], limit, expiresAt: Date.now() + 86_400_000 }
    const { key, people } = await makeKey(100, grant, { scheme: 'musig2', participants })
    expect(spreadOf(key)).toEqual([34, 33, 33])
    const signing = await people[0]!.requestSignature(key, 'a hundred')
    const { signatures, receipts } = await signing.completed({ timeout: long })
    expect(receipts).toHaveLength(100)
    expect(schnorr.verify(signatures[0]!, hashOfBytes('a hundred'), fromHex(key.groupKey))).toBe(true)
    const texts = Array.from({ length: 30 }, (_, at) => `a hundred, ${at}`)
    const batch = await (await people[0]!.requestSignature(key, texts)).completed({ timeout: long })
    const isGood = (text: string, at: number) =>
      schnorr.verify(batch.signatures[at]!, hashOfBytes(text), fromHex(key.groupKey))
    expect(texts.map(isGood)).toEqual(texts.map(() => true))
  })
})
