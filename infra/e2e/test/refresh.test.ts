import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import {
  exportKey,
  importKey,
  Quorate,
  signatureProof,
  verifyProof,
  type Key,
  type SignatureResult,
} from '@quorate/client'
import { fromHex } from '@quorate/shared/wire/bytes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, makeKey, patience, sign, startCrashFleet, type CrashFleet } from './support/crash-fleet.ts'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'
import { planReached } from './support/plan-reached.ts'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

const long = 120_000
let crashing: CrashFleet

beforeAll(async () => {
  crashing = await startCrashFleet()
}, long)

afterAll(() => crashing.close(), long)

const hostOf = ({ certificate }: Key, index: number): string =>
  certificate.body.roster.skeleton.participants[index - 1]!.host.identity.enclaveId

/** Does it while the host of this index is stuck: it takes what it is sent, and answers nothing. */
async function without<T>(key: Key, index: number, act: () => Promise<T>): Promise<T> {
  const { fleet } = crashing
  fleet.pause(hostOf(key, index))
  try {
    return await act()
  } finally {
    fleet.resume(hostOf(key, index))
    await fleet.ready()
  }
}

describe('a key that is refreshed', { timeout: long }, () => {
  let old: Key
  let key: Key
  let before: SignatureResult

  it('is the same key, of which everybody has a new share', async () => {
    const { people } = crashing
    old = await makeKey(people)
    before = await sign(people, old, 'before')
    key = await people.alice.refreshKey(old, { timeout: patience })
    expect(key).toMatchObject({ keyId: old.keyId, groupKey: old.groupKey, participants: old.participants })
    expect(key.certificate.body).toMatchObject({ epoch: 1, previous: old.digest })
    expect(key.certificate.body.publicKeys).not.toBe(old.certificate.body.publicKeys)
  })

  it('signs nothing for who asks under the old certificate, and says what to do', async () => {
    const asked = crashing.people.alice.requestSignature(old, 'with the old shares')
    await expect(asked).rejects.toMatchObject({
      code: 'epoch.stale',
      message: expect.stringContaining('update') as string,
    })
  })

  it('signs for all who have brought theirs up to date, and verifies under the same public key', async () => {
    const { people, fleet } = crashing
    const bobs = await people.bob.update(old)
    expect(bobs.digest).toBe(key.digest)
    expect((await new Quorate({ gateway: fleet.url, trust: fleet.trust }).latest(old)).digest).toBe(key.digest)
    expect((await people.bob.update(bobs)).digest).toBe(key.digest)
    const signing = await people.alice.requestSignature(key, 'with the new shares')
    const [request] = await people.bob.pendingSignings(bobs, { wait: 5_000 })
    await people.bob.approve(request!)
    const { signatures } = await signing.completed({ timeout: patience })
    expect(schnorr.verify(signatures[0]!, hashOfBytes('with the new shares'), fromHex(old.groupKey))).toBe(true)
  })

  it('still proves what it signed at an earlier epoch, also from a file', async () => {
    const { people } = crashing
    const twice = await people.bob.refreshKey(key, { timeout: patience })
    expect(twice.certificate.body).toMatchObject({ epoch: 2, previous: key.digest })
    const kept = await importKey(exportKey(await people.carol.update(old)))
    expect(kept.digest).toBe(twice.digest)
    await verifyProof(kept, signatureProof(before), crashing.fleet.trust)
    await expect(verifyProof(old, signatureProof(await sign(people, twice, 'at epoch two')))).rejects.toMatchObject({
      code: 'epoch.stale',
    })
    key = twice
  })

  it('is refreshed by its participants only, and from its present epoch', async () => {
    const { people, fleet } = crashing
    const stranger = new Quorate({ gateway: fleet.url, trust: fleet.trust }).participant('alice', {
      seed: new Uint8Array(32),
    })
    await expect(stranger.refreshKey(key)).rejects.toMatchObject({ code: 'participant.unknown' })
    await expect(people.alice.refreshKey(old)).rejects.toMatchObject({ code: 'epoch.stale' })
  })

  it('may be one of Ed25519', async () => {
    const { people } = crashing
    const { alice, bob, carol } = people
    const wish = { scheme: 'frost-ed25519', threshold: 2, participants: ['alice', 'bob', 'carol'] } as const
    const keygen = await alice.reserveKey(wish)
    for (const one of [bob, carol]) await one.participate(keygen.invitation(one.userId))
    const made = await keygen.completed({ timeout: patience })
    const next = await carol.refreshKey(made, { timeout: patience })
    const { signatures } = await (await ask(people, next, 'hello')).completed({ timeout: patience })
    expect(ed25519.verify(signatures[0]!, hashOfBytes('hello'), fromHex(made.groupKey))).toBe(true)
  })
})

describe('while a key is refreshed', { timeout: long }, () => {
  let key: Key
  beforeAll(async () => {
    key = await makeKey(crashing.people)
  }, long)

  it('it goes on signing, until all hosts are there and it is at its next epoch', async () => {
    const { people } = crashing
    const refresh = await without(key, 3, async () => {
      const asked = await people.alice.requestRefresh(key)
      await sign(people, key, 'meanwhile')
      expect(['gathering', 'refreshing']).toContain((await asked.status()).state)
      await expect(people.bob.requestRefresh(key)).rejects.toMatchObject({ code: 'session.conflict' })
      return asked
    })
    const states: string[] = []
    for await (const { state } of refresh.watch()) states.push(state)
    expect(states.at(-1)).toBe('completed')
    const next = await refresh.completed({ timeout: patience })
    await sign(people, next, 'afterwards')
    key = next
  })

  it('a signing that waits for approvals gets them and finishes, before any host installs the next epoch', async () => {
    const { people } = crashing
    const asked = await people.alice.requestSignature(key, 'just in time')
    const refresh = await people.carol.requestRefresh(key)
    for await (const { state } of refresh.watch()) if (state === 'holding') break
    await people.bob.approve(await people.bob.signing(key, asked.signingId))
    expect((await asked.completed({ timeout: patience })).signatures).toHaveLength(1)
    key = await refresh.completed({ timeout: patience })
  })

  it('hosts that stay away end the refresh by its deadline with their names, and the key signs as before', async () => {
    const { people } = crashing
    await without(key, 3, async () => {
      const refused = people.bob.refreshKey(key, { expiresIn: 5_000, timeout: patience })
      await expect(refused).rejects.toMatchObject({ code: 'refresh.hosts_lost', by: 'gateway', culprits: [3] })
      await sign(people, key, 'as before')
    })
    key = await people.bob.refreshKey(key, { timeout: patience })
    await sign(people, key, 'and refreshed in the end')
  })

  it('an epoch that all hosts have certified is the next one, though its refresh failed then', async () => {
    const { people, fleet, state } = crashing
    let key = await makeKey(people)
    crashing.lay({ step: 'refresh.prepare', when: 'before', nth: 3, signal: 'SIGSTOP' })
    const first = await people.alice.requestRefresh(key, { expiresIn: 10_000 })
    const { place } = await planReached(state)
    const { state: name, certificate } = await first.status()
    expect(name).toBe('preparing')
    await expect(first.completed({ timeout: patience })).rejects.toMatchObject({ code: 'refresh.hosts_lost' })
    fleet.resume(place)
    await fleet.ready()
    await sign(people, key, 'as before')
    key = await people.bob.refreshKey(key, { timeout: patience })
    expect(key.certificate).toEqual(certificate)
    await sign(people, key, 'at the epoch of the first')
  })
})

describe('in the end', { timeout: long }, () => {
  it('no nonce has been spent twice, and nothing is left half open', async () => {
    const { fleet } = crashing
    await fleet.stop()
    expectNoncesOnce(enclaveLog(fleet))
    expect((await remainsOf(fleet)).open).toEqual([])
  })
})
