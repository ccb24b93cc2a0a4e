import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { toBase64url } from '@quorate/shared/wire/bytes'
import { KeyId, UserId } from '@quorate/shared/wire/ids'
import type { Skeleton } from '@quorate/shared/wire/keygen'
import { describe, expect, it, vi } from 'vitest'
import type { GrantTerms } from '../../../shared/party/test/people.js'
import {
  begin,
  code,
  coordinator,
  enclaves,
  ended,
  inFreshHouses,
  initsFor,
  register,
  registrationOf,
  reserve,
  restartGateway,
  stopTime,
  store,
  users,
} from './house.ts'

inFreshHouses()

describe('a keygen', () => {
  it('makes a key whose certificate verifies, and keeps its shares', async () => {
    const { keyId, plan } = await begin()
    for (const index of [1, 2, 3]) await register(plan, index)
    const status = await ended(keyId)
    expect(status).toMatchObject({ state: 'completed', failure: null, slots: users.map(() => ({ registered: true })) })
    await verifyCertificate(status.certificate!)
    expect(await coordinator.key(keyId)).toEqual(status.certificate)
    expect(await coordinator.readerKey(keyId)).toBe(plan.skeleton.readerKey)
    expect((await store.loadKey(keyId))?.shares.map(({ index }) => index)).toEqual([1, 2, 3])
    expect(enclaves.introductions).toBe(1)
    expect((await store.verifyAudit()).records).toBe(2)
  })

  it('spreads participants so that no enclave holds a quorum alone', async () => {
    for (let run = 0; run < 10; run += 1) {
      const { reservation } = await reserve()
      expect(new Set(reservation.slots.map(({ enclaveId }) => enclaveId)).size).toBe(3)
    }
  })

  it('is not reserved while one enclave is away and the others would hold a quorum', async () => {
    const [first] = enclaves.ids()
    enclaves.kill(first!)
    await expect(reserve()).rejects.toEqual(code('keygen.no_enclaves'))
    enclaves.restart(first!)
    await reserve()
  })

  it('has the id that its client drew, which no other then gets, while it is made and afterwards', async () => {
    const keyId = KeyId.parse('cd'.repeat(16))
    const again = () => reserve(users, 60, keyId)
    const { reservation, plan } = await again()
    expect(reservation.keyId).toBe(keyId)
    await expect(reserve([...users, 'dave'], 60, keyId)).rejects.toEqual(code('keygen.id_taken'))
    await coordinator.init(keyId, { skeleton: plan.skeleton, sealed: initsFor(plan) })
    for (const index of [1, 2, 3]) await register(plan, index)
    await ended(keyId)
    await expect(again()).rejects.toEqual(code('keygen.id_taken'))
    await store.sweep(9e12)
    await restartGateway()
    await expect(again()).rejects.toEqual(code('keygen.id_taken'))
    expect((await reserve()).reservation.keyId).not.toBe(keyId)
  })

  it('is reserved once when its client asks again, or twice at once, until somebody makes use of it', async () => {
    const keyId = KeyId.parse('cd'.repeat(16))
    const again = async () => (await reserve(users, 60, keyId)).reservation
    const [first, second] = await Promise.all([again(), again()])
    expect(second).toEqual(first)
    await restartGateway()
    expect(await again()).toEqual(first)
    const { plan } = await reserve(users, 60, keyId)
    await coordinator.init(keyId, { skeleton: plan.skeleton, sealed: initsFor(plan) })
    await expect(again()).rejects.toEqual(code('keygen.id_taken'))
  })

  it('is not reserved when no enclave is ready', async () => {
    for (const id of enclaves.ids()) enclaves.kill(id)
    await expect(reserve()).rejects.toEqual(code('keygen.no_enclaves'))
  })

  it.each<[string, (skeleton: Skeleton) => Skeleton]>([
    ['another threshold', (s) => ({ ...s, threshold: 3 })],
    ['another scheme', (s) => ({ ...s, scheme: 'frost-ed25519' })],
    ['other participants', (s) => ({ ...s, participants: s.participants.slice(0, 2) })],
    ['a later expiry', (s) => ({ ...s, expiresAt: s.expiresAt + 1 })],
    [
      'a host of another identity',
      (s) => ({
        ...s,
        participants: s.participants.map((one, at) =>
          at > 0 ? one : { ...one, host: { ...one.host, identity: { ...one.host.identity, epoch: 2 } } },
        ),
      }),
    ],
  ])('refuses a skeleton with %s than reserved', async (_, change) => {
    const { reservation, plan } = await reserve()
    const body = { skeleton: change(plan.skeleton), sealed: initsFor(plan) }
    await expect(coordinator.init(reservation.keyId, body)).rejects.toEqual(code('keygen.skeleton_mismatch'))
    expect((await coordinator.follow.keygen.status(reservation.keyId)).state).toBe('reserved')
  })

  it('stays reserved when an enclave cannot open its init, and then takes a good one', async () => {
    const { reservation, plan } = await reserve()
    const { keyId } = reservation
    const [first, ...rest] = initsFor(plan)
    const spoilt = [{ ...first!, sealed: toBase64url(new Uint8Array(99)) }, ...rest]
    await expect(coordinator.init(keyId, { skeleton: plan.skeleton, sealed: spoilt })).rejects.toEqual(
      code('seal.invalid'),
    )
    const status = await coordinator.init(keyId, { skeleton: plan.skeleton, sealed: initsFor(plan) })
    expect(status.state).toBe('collecting_participants')
  })

  it('answers the same init and the same registration the same, and refuses others', async () => {
    const { keyId, plan } = await begin()
    const again = await coordinator.init(keyId, { skeleton: plan.skeleton, sealed: initsFor(plan) })
    expect(again.state).toBe('collecting_participants')
    const other = { ...plan.skeleton, readerKey: plan.skeleton.participants[0]!.host.identity.signKey }
    await expect(coordinator.init(keyId, { skeleton: other, sealed: initsFor(plan) })).rejects.toEqual(
      code('keygen.skeleton_mismatch'),
    )
    const sent = await registrationOf(plan, 1)
    const first = await coordinator.register(keyId, sent)
    expect(await coordinator.register(keyId, sent)).toEqual(first)
    expect(await register(plan, 1)).toEqual(first)
    const standing: GrantTerms = {
      askers: [UserId.parse('bob')],
      content: ['bytes'],
      expiresAt: 9e12,
      limit: { count: 1, seconds: 1 },
    }
    await expect(register(plan, 1, standing)).rejects.toEqual(code('keygen.slot_taken'))
    await expect(coordinator.register(keyId, { ...sent, userId: UserId.parse('mallory') })).rejects.toEqual(
      code('keygen.invitation_invalid'),
    )
    await register(plan, 2)
    await register(plan, 3)
    await ended(keyId)
    expect(await coordinator.register(keyId, sent)).toEqual(first)
  })

  it('fails with who is to blame', async () => {
    const { keyId, plan, reservation } = await begin()
    enclaves.fault(reservation.slots[0]!.enclaveId, 'keygen.round3', 'keygen.bad_package', [2])
    for (const index of [1, 2, 3]) await register(plan, index)
    expect(await ended(keyId)).toMatchObject({
      state: 'failed',
      failure: { code: 'keygen.bad_package', culprits: [2] },
      certificate: null,
    })
    await expect(coordinator.key(keyId)).rejects.toEqual(code('key.not_found'))
  })

  it('gives up a reservation that nobody makes use of', async () => {
    stopTime()
    await restartGateway({ reservedMs: 1_000 })
    const { reservation } = await reserve()
    vi.advanceTimersByTime(1_001)
    expect((await ended(reservation.keyId)).state).toBe('expired')
  })

  it('expires when not everybody registers in time', async () => {
    stopTime()
    const { reservation, plan } = await reserve(users, 60)
    const { keyId } = reservation
    await coordinator.init(keyId, { skeleton: plan.skeleton, sealed: initsFor(plan) })
    await register(plan, 1)
    vi.advanceTimersByTime(60_001)
    expect(await ended(keyId)).toMatchObject({ state: 'expired', failure: { code: 'keygen.expired', culprits: [] } })
    await expect(register(plan, 2)).rejects.toEqual(code('session.conflict'))
  })
})
