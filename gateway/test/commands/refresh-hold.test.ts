import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import { RefreshId } from '@quorate/shared/wire/ids'
import { describe, expect, it, vi } from 'vitest'
import type { KeyRecord } from '../../src/engine/ports.ts'
import { decisionFor, hostSigner } from '../key-record.ts'
import { ask, code, coordinator, enclaves, EVER, finished, inFreshHouses, restartGateway } from './house.ts'
import { stopTime, storedKey, store } from './house.ts'

inFreshHouses()

const refreshId = RefreshId.parse('ee'.repeat(16))
const held = 600_000
type Key = Awaited<ReturnType<typeof storedKey>>

/** What all hosts certify as the next epoch of a key. */
async function nextOf({ record, digest }: Key): Promise<KeyRecord> {
  const body = { ...record.certificate.body, epoch: 1, previous: digest as never }
  const { participants } = body.roster.skeleton
  const sign = async (enclaveId: string) => (await signBody(await hostSigner(enclaveId), 'certificate', body)).signature
  const signatures = await Promise.all(participants.map(({ host }) => sign(host.identity.enclaveId)))
  return { certificate: { body, signatures }, shares: record.shares, asker: 3 }
}

function wordsOf({ certificate: { body } }: KeyRecord) {
  const { keyId, participants } = body.roster.skeleton
  const version = { keyId, certificateDigest: digestOf('certificate', body), epoch: body.epoch }
  return Promise.all(
    participants.map(async ({ index, host }) =>
      signBody(await hostSigner(host.identity.enclaveId), 'prepared', { ...version, index, word: '77'.repeat(32) }),
    ),
  )
}

/** A refresh at carol's wish that all hosts have prepared, as the gateway finds it when it starts. The hosts then never answer. */
async function prepared(key: Key) {
  const next = await nextOf(key)
  const { skeleton } = key.record.certificate.body.roster
  const { keyId, participants } = skeleton
  const body = { refreshId, keyId, certificateDigest: key.digest, epoch: 0, asker: 3, askedAt: 1, expiresAt: 9e12 }
  const given = { certificate: next.certificate, prepared: await wordsOf(next), until: null }
  const stage = { name: 'asking', round: 'hold', turn: 5, given, said: {}, tries: {}, quorum: [1, 2, 3] }
  const seats = participants.map(({ index, host }) => ({ index, host: host.identity.enclaveId }))
  const state = { id: refreshId, keyId, seats, attempt: 1, own: { request: { body, signature: '' }, away: [] }, stage }
  await store.save({
    ...{ kind: 'refresh', id: refreshId, keyId, expected: 0, state, ended: false, expiresAt: 9e12, durable: true },
    key: { step: 'certified', record: next },
  })
  const hanging = enclaves.ids().map((id) => enclaves.hang(id, 'refresh.install'))
  await restartGateway()
  return { next, asked: () => Promise.all(hanging.map(({ asked }) => asked())) }
}

const stateNow = async () => (await coordinator.follow.refresh.status(refreshId)).state

describe('a refresh that all hosts have prepared', () => {
  it('lets an open signing finish under the certificate still in force, and is installed then', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const { next, asked } = await prepared(key)
    expect(await stateNow()).toBe('holding')
    expect(enclaves.count('refresh.install')).toBe(0)
    expect(await coordinator.key(status.keyId)).toEqual(key.record.certificate)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await finished(status)).state).toBe('completed')
    await asked()
    expect(await stateNow()).toBe('installing')
    expect(await coordinator.key(status.keyId)).toEqual(next.certificate)
  })

  it('waits for ten minutes at most, and then ends what is open, with the name of who asked for it', async () => {
    const key = await storedKey()
    const { status } = await ask(key, 1, { expiresAt: Date.now() + EVER + held })
    stopTime()
    const { asked } = await prepared(key)
    vi.advanceTimersByTime(held - 1)
    expect(await stateNow()).toBe('holding')
    const other = await ask(key, 2, { expiresAt: Date.now() + EVER })
    vi.advanceTimersByTime(2)
    const failure = { code: 'epoch.stale', culprits: [3] }
    for (const open of [status, other.status]) expect(await finished(open)).toMatchObject({ state: 'failed', failure })
    await asked()
    await expect(ask(key)).rejects.toEqual(code('epoch.stale'))
  })

  it('is installed at once when nothing is open', async () => {
    const key = await storedKey()
    const { asked } = await prepared(key)
    await asked()
    expect(await stateNow()).toBe('installing')
  })
})

describe('a signing whose hosts are at the next epoch', () => {
  it('ends with the name of who asked for it', async () => {
    const key = await storedKey()
    const next = await nextOf(key)
    const { keyId } = key.record.certificate.body.roster.skeleton
    const { request, status } = await ask(key)
    const write = { kind: 'another', id: refreshId, keyId, state: {}, ended: true, expiresAt: 9e12, durable: true }
    await store.save({ ...write, expected: 0, key: { step: 'certified', record: next } })
    await store.save({ ...write, expected: 1, key: { step: 'installing', epoch: 1 } })
    await restartGateway()
    for (const id of enclaves.ids()) enclaves.fault(id, 'signing.commit', 'epoch.stale')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect(await finished(status)).toMatchObject({ failure: { code: 'epoch.stale', culprits: [3] } })
    expect(digestOf('certificate', next.certificate.body)).not.toBe(key.digest)
  })
})
