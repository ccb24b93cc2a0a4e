import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Refusal } from '@quorate/shared/errors'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { UserId, type KeyId } from '@quorate/shared/wire/ids'
import type { Consent, Skeleton } from '@quorate/shared/wire/keygen'
import type { Reservation } from '@quorate/shared/wire/routes/keygen'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'
import pino from 'pino'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCoordinator } from '../src/commands/coordinator.ts'
import type { Coordinator, Limits } from '../src/commands/ports.ts'
import { createEvents } from '../src/events.ts'
import { openStore } from '../src/store/open-store.ts'
import type { KeyRecord } from '../src/engine/ports.ts'
import type { Store } from '../src/store/store.ts'
import { FakeEnclaves, sealRegistration } from './fake-enclaves.ts'
import { decisionFor, keyRecord, requestFor, skeletonFor } from './key-record.ts'

const users = ['alice', 'bob', 'carol']
let folder: string
let store: Store
let enclaves: FakeEnclaves
let coordinator: Coordinator
let logged: string[]

const openDisk = () => openStore({ path: join(folder, 'gateway.db'), storageKey: new Uint8Array(32).fill(7) })

async function startCoordinator(limits: Partial<Limits> = {}): Promise<Coordinator> {
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) })
  const events = createEvents(log, new Registry())
  const started = createCoordinator({
    store,
    enclaves,
    clock: Date.now,
    events,
    limits: { roundTimeoutMs: 100, ...limits },
  })
  await started.start()
  return started
}

/** What a restart of the gateway is to its sessions: the memory is gone, the disk is not. */
async function restartGateway(): Promise<void> {
  await coordinator.close()
  await store.close()
  store = await openDisk()
  coordinator = await startCoordinator()
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quorate-coordinator-'))
  logged = []
  store = await openDisk()
  enclaves = await FakeEnclaves.start()
  coordinator = await startCoordinator()
})
afterEach(async () => {
  await coordinator.close()
  await store.close()
  rmSync(folder, { recursive: true, force: true })
  expect(logged.filter((line) => line.includes('"fault"'))).toEqual([])
})

async function reserve(participants = users, ttl = 60): Promise<{ reservation: Reservation; skeleton: Skeleton }> {
  const reservation = await coordinator.reserve({
    scheme: 'frost-secp256k1-tr',
    threshold: 2,
    participants: participants.map((user) => UserId.parse(user)),
    ttl,
  })
  const enclaveIds = reservation.slots.map(({ enclaveId }) => enclaveId)
  const skeleton = await skeletonFor({ keyId: reservation.keyId, users: participants, enclaves: enclaveIds })
  return { reservation, skeleton: { ...skeleton, expiresAt: reservation.expiresAt } }
}
const initsFor = ({ enclaves: hosts }: Reservation, sealed = 'aW5pdA') =>
  hosts.map(({ enclaveId }) => ({ enclaveId, sealed }))

async function begin(): Promise<{ reservation: Reservation; skeleton: Skeleton; keyId: KeyId }> {
  const { reservation, skeleton } = await reserve()
  await coordinator.init(reservation.keyId, { skeleton, sealed: initsFor(reservation) })
  return { reservation, skeleton, keyId: reservation.keyId }
}
const register = (keyId: KeyId, index: number, consent?: Consent) =>
  coordinator.register(keyId, { userId: UserId.parse(users[index - 1]), sealed: sealRegistration(index, consent) })
const ended = (keyId: KeyId) => coordinator.waitKeygen(keyId, { ms: 60_000 })
const code = (expected: string) => expect.objectContaining({ code: expected }) as Refusal

describe('a keygen', () => {
  it('makes a key whose certificate verifies, and keeps its shares', async () => {
    const { keyId, skeleton } = await begin()
    for (const index of [1, 2, 3]) await register(keyId, index)
    const status = await ended(keyId)
    expect(status).toMatchObject({ state: 'completed', failure: null, slots: users.map(() => ({ registered: true })) })
    await verifyCertificate(status.certificate!)
    expect(await coordinator.key(keyId)).toEqual(status.certificate)
    expect(await coordinator.readerKey(keyId)).toBe(skeleton.readerKey)
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
    const { reservation, skeleton } = await reserve()
    const body = { skeleton: change(skeleton), sealed: initsFor(reservation) }
    await expect(coordinator.init(reservation.keyId, body)).rejects.toEqual(code('keygen.skeleton_mismatch'))
    expect((await coordinator.keygenStatus(reservation.keyId)).state).toBe('reserved')
  })

  it('stays reserved when an enclave cannot open its init, and then takes a good one', async () => {
    const { reservation, skeleton } = await reserve()
    const { keyId } = reservation
    await expect(coordinator.init(keyId, { skeleton, sealed: initsFor(reservation, 'YmFk') })).rejects.toEqual(
      code('seal.invalid'),
    )
    const status = await coordinator.init(keyId, { skeleton, sealed: initsFor(reservation) })
    expect(status.state).toBe('collecting_participants')
  })

  it('answers the same init and the same registration the same, and refuses others', async () => {
    const { keyId, skeleton, reservation } = await begin()
    const again = await coordinator.init(keyId, { skeleton, sealed: initsFor(reservation) })
    expect(again.state).toBe('collecting_participants')
    const other = { ...skeleton, readerKey: skeleton.participants[0]!.host.identity.signKey }
    await expect(coordinator.init(keyId, { skeleton: other, sealed: initsFor(reservation) })).rejects.toEqual(
      code('keygen.skeleton_mismatch'),
    )
    const first = await register(keyId, 1)
    expect(await register(keyId, 1)).toEqual(first)
    const standing: Consent = {
      kind: 'standing',
      grant: { askers: [UserId.parse('bob')], content: ['bytes'], until: 9e12, limit: { count: 1, seconds: 1 } },
    }
    await expect(register(keyId, 1, standing)).rejects.toEqual(code('keygen.slot_taken'))
    await expect(
      coordinator.register(keyId, { userId: UserId.parse('mallory'), sealed: sealRegistration(1) }),
    ).rejects.toEqual(code('keygen.invitation_invalid'))
    await register(keyId, 2)
    await register(keyId, 3)
    await ended(keyId)
    expect(await register(keyId, 1)).toEqual(first)
  })

  it('tells an enclave that restarted among registrations what it knew', async () => {
    const { keyId, reservation } = await begin()
    const [slot] = reservation.slots
    const first = await register(keyId, 1)
    enclaves.restart(slot!.enclaveId)
    expect(await register(keyId, 1)).toEqual(first)
    enclaves.restart(slot!.enclaveId)
    await register(keyId, 2)
    await register(keyId, 3)
    expect((await ended(keyId)).state).toBe('completed')
  })

  it.each(['keygen.round1', 'keygen.round2', 'keygen.round3'] as const)(
    'begins anew when an enclave restarts in %s',
    async (method) => {
      const { keyId, reservation } = await begin()
      const { enclaveId } = reservation.slots[1]!
      enclaves.fault(enclaveId, method, () => enclaves.restart(enclaveId))
      for (const index of [1, 2, 3]) await register(keyId, index)
      expect((await ended(keyId)).state).toBe('completed')
    },
  )

  it('waits for an enclave that is down, and goes on when it is ready', async () => {
    const { keyId, reservation } = await begin()
    const { enclaveId } = reservation.slots[2]!
    enclaves.fault(enclaveId, 'keygen.round2', () => enclaves.kill(enclaveId))
    for (const index of [1, 2, 3]) await register(keyId, index)
    expect((await coordinator.waitKeygen(keyId, { ms: 150 })).state).toBe('key_generation')
    enclaves.restart(enclaveId)
    expect((await ended(keyId)).state).toBe('completed')
  })

  it('retries an enclave that does not answer in time', async () => {
    const { keyId, reservation } = await begin()
    enclaves.fault(reservation.slots[0]!.enclaveId, 'keygen.round3', 'hang')
    for (const index of [1, 2, 3]) await register(keyId, index)
    expect((await ended(keyId)).state).toBe('completed')
  })

  it('goes on after a restart of the gateway in the middle', async () => {
    const { keyId, reservation } = await begin()
    await register(keyId, 1)
    await restartGateway()
    await register(keyId, 2)
    enclaves.fault(reservation.slots[0]!.enclaveId, 'keygen.round2', 'hang')
    await register(keyId, 3)
    await restartGateway()
    expect((await ended(keyId)).state).toBe('completed')
  })

  it('fails with who is to blame', async () => {
    const { keyId, reservation } = await begin()
    enclaves.fault(reservation.slots[0]!.enclaveId, 'keygen.round3', 'keygen.bad_package', [2])
    for (const index of [1, 2, 3]) await register(keyId, index)
    expect(await ended(keyId)).toMatchObject({
      state: 'failed',
      failure: { code: 'keygen.bad_package', culprits: [2] },
      certificate: null,
    })
    await expect(coordinator.key(keyId)).rejects.toEqual(code('key.not_found'))
  })

  it('gives up a reservation that nobody makes use of', async () => {
    await coordinator.close()
    coordinator = await startCoordinator({ reservedMs: 50, openKeygens: 1 })
    const { reservation } = await reserve()
    await expect(reserve()).rejects.toEqual(code('request.rate_limited'))
    expect((await ended(reservation.keyId)).state).toBe('expired')
    await reserve()
  })

  it('expires when not everybody registers in time', async () => {
    const { reservation, skeleton } = await reserve(users, 0.2)
    const { keyId } = reservation
    await coordinator.init(keyId, { skeleton, sealed: initsFor(reservation) })
    await register(keyId, 1)
    expect(await ended(keyId)).toMatchObject({ state: 'expired', failure: { code: 'keygen.expired', culprits: [] } })
    await expect(register(keyId, 2)).rejects.toEqual(code('session.conflict'))
  })
})

type Key = { record: KeyRecord; digest: string }

/** Puts a key into the store as a keygen would have. */
async function storedKey(consents: Record<string, Consent> = {}): Promise<Key> {
  const key = await keyRecord({ consents })
  const { skeleton } = key.record.certificate.body.roster
  const state = { phase: { name: 'completed' } } as never
  const { keyId } = skeleton
  const id = keyId
  await store.save({
    kind: 'keygen',
    id,
    keyId,
    expected: 0,
    state,
    ended: true,
    expiresAt: 9e12,
    durable: true,
    key: { step: 'made', record: key.record },
  })
  return key
}
const sealedItems = ['c2VhbGVk']
const finished = ({ signingId }: SigningStatus) => coordinator.waitSigning(signingId, { ms: 60_000 })

async function ask(key: Key, asker = 1, more: Parameters<typeof requestFor>[2] = {}) {
  const request = await requestFor(key, asker, more)
  return { request, status: await coordinator.requestSigning({ request, sealedItems }) }
}

describe('a signing', () => {
  it('collects approvals, signs, and gives signatures with a receipt by each host of the quorum', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    expect(status).toMatchObject({ state: 'collecting_participants', version: 1, attempt: 0 })
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    const done = await finished(status)
    expect(done).toMatchObject({
      state: 'completed',
      attempt: 1,
      quorum: [1, 2],
      results: [{ sealedSignature: 'c2lnbmF0dXJl' }],
    })
    expect(done.receipts.map(({ body }) => body.index)).toEqual([1, 2])
    expect((await store.verifyAudit()).records).toBe(2)
    expect(enclaves.count('key.load')).toBe(2)
    expect(enclaves.calls.some(({ enclaveId }) => enclaveId === 'enclave-2')).toBe(false)
  })

  it('starts at once when a standing grant covers it, and not when it does not', async () => {
    const grant = {
      askers: [UserId.parse('alice')],
      content: ['bytes' as const],
      until: 9e12,
      limit: { count: 9, seconds: 9 },
    }
    const key = await storedKey({ carol: { kind: 'standing', grant } })
    const { status } = await ask(key)
    expect(status).toMatchObject({ state: 'generating_nonces', quorum: [1, 3] })
    expect((await ask(key, 2)).status.state).toBe('collecting_participants')
    const nostr = { items: [{ type: 'nostr-event' as const, digest: (await ask(key)).request.body.items[0]!.digest }] }
    expect((await ask(key, 1, nostr)).status.state).toBe('collecting_participants')
  })

  it('waits for a host that is behind the epoch in force', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-1', 'signing.commit', 'epoch.stale')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2 })
  })

  it('answers the same request the same, and refuses another under its id', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    expect(await coordinator.requestSigning({ request, sealedItems })).toEqual(status)
    await expect(coordinator.requestSigning({ request, sealedItems: ['b3RoZXI'] })).rejects.toEqual(
      code('session.conflict'),
    )
    const other = await requestFor(key, 2, { signingId: request.body.signingId })
    await expect(coordinator.requestSigning({ request: other, sealedItems })).rejects.toEqual(code('session.conflict'))
    expect(await coordinator.openSignings(request.body.keyId)).toHaveLength(1)
  })

  it('begins one session when the same request comes many times at once', async () => {
    const key = await storedKey()
    const request = await requestFor(key, 1)
    const many = Array.from({ length: 5 }, () => coordinator.requestSigning({ request, sealedItems }))
    const settled = await Promise.allSettled(many)
    expect(settled.map(({ status }) => status)).toEqual(many.map(() => 'fulfilled'))
    expect(await store.openSessions()).toHaveLength(1)
  })

  it('sheds what plainly fails', async () => {
    const key = await storedKey()
    const request = await requestFor(key, 1)
    const forged = { ...request, signature: '00'.repeat(64) }
    await expect(coordinator.requestSigning({ request: forged, sealedItems })).rejects.toEqual(
      code('signing.request_invalid'),
    )
    const late = await requestFor(key, 1, { expiresAt: Date.now() - 1 })
    await expect(coordinator.requestSigning({ request: late, sealedItems })).rejects.toEqual(code('consent.expired'))
    const far = await requestFor(key, 1, { expiresAt: 8e15 })
    await expect(coordinator.requestSigning({ request: far, sealedItems })).rejects.toEqual(code('request.invalid'))
    const { status } = await ask(key)
    const wrong = await decisionFor(key, request, 2)
    await expect(coordinator.approve(status.signingId, wrong)).rejects.toEqual(code('consent.invalid'))
    await expect(coordinator.signingStatus('ff'.repeat(16) as never)).rejects.toEqual(code('request.not_found'))
  })

  it.each(['signing.commit', 'signing.partial', 'signing.aggregate', 'signing.confirm'] as const)(
    'takes another quorum when a host is lost in %s, and the next signing avoids that host',
    async (method) => {
      const key = await storedKey()
      const { request, status } = await ask(key)
      enclaves.fault('enclave-0', method, () => enclaves.kill('enclave-0'))
      await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
      await coordinator.approve(status.signingId, await decisionFor(key, request, 3))
      expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [2, 3] })
      const next = await ask(key)
      await coordinator.approve(next.status.signingId, await decisionFor(key, next.request, 2))
      await coordinator.approve(next.status.signingId, await decisionFor(key, next.request, 3))
      expect(await finished(next.status)).toMatchObject({ state: 'completed', attempt: 1, quorum: [2, 3] })
    },
  )

  it.each(['signing.partial', 'signing.aggregate', 'signing.confirm'] as const)(
    'takes fresh nonces when a host restarts in %s',
    async (method) => {
      const key = await storedKey()
      const { request, status } = await ask(key)
      enclaves.fault('enclave-0', method, () => enclaves.restart('enclave-0'))
      await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
      expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 2] })
      expect(enclaves.count('key.load', 'enclave-0')).toBe(2)
    },
  )

  it('waits while too few enclaves are there, and goes on when one is ready', async () => {
    const key = await storedKey()
    enclaves.kill('enclave-1')
    const { request, status } = await ask(key)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await coordinator.waitSigning(status.signingId, { ms: 100 })).state).toBe('collecting_participants')
    enclaves.restart('enclave-1')
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 1 })
  })

  it('tries a host again that was too slow, when there is no other', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-1', 'signing.partial', 'hang')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 2] })
  })

  it('asks a host that was stuck for nothing but a hello until it answers one', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-1', 'signing.commit', 'hang')
    for (let hellos = 0; hellos < 2; hellos += 1) enclaves.fault('enclave-1', 'hello', 'enclave.timeout')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 2] })
    const asked = enclaves.calls.filter((call) => call.enclaveId === 'enclave-1').map(({ method }) => method)
    expect(asked.slice(asked.indexOf('signing.commit'), asked.lastIndexOf('hello') + 1)).toEqual([
      'signing.commit',
      'hello',
      'hello',
      'hello',
    ])
  })

  it.each(['signing.commit', 'signing.partial', 'signing.aggregate', 'signing.confirm'] as const)(
    'goes on after the gateway restarted in %s, and no nonce signs twice',
    async (method) => {
      const key = await storedKey()
      const { request, status } = await ask(key)
      enclaves.fault('enclave-0', method, 'hang')
      await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
      await new Promise((resolve) => setTimeout(resolve, 30))
      await restartGateway()
      expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 1 })
    },
  )

  it('stays in its attempt when a restarted gateway reaches the hosts only after a while', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-1', 'signing.partial', 'hang')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await new Promise((resolve) => setTimeout(resolve, 30))
    for (const id of ['enclave-0', 'enclave-1']) enclaves.kill(id)
    await coordinator.close()
    await store.close()
    store = await openDisk()
    const restarted = startCoordinator({ roundTimeoutMs: 5_000 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    for (const id of ['enclave-0', 'enclave-1']) enclaves.reach(id)
    coordinator = await restarted
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 1 })
  })

  it('begins another attempt when a restarted gateway does not reach one of its hosts', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-1', 'signing.partial', 'hang')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await new Promise((resolve) => setTimeout(resolve, 30))
    enclaves.kill('enclave-1')
    await restartGateway()
    await coordinator.approve(status.signingId, await decisionFor(key, request, 3))
    expect(await finished(status)).toMatchObject({ state: 'completed', attempt: 2, quorum: [1, 3] })
  })

  it('ends when someone whose share is needed rejects', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2, 'reject'))
    expect((await coordinator.signingStatus(status.signingId)).state).toBe('collecting_participants')
    await expect(coordinator.approve(status.signingId, await decisionFor(key, request, 2, 'approve'))).rejects.toEqual(
      code('session.conflict'),
    )
    await coordinator.approve(status.signingId, await decisionFor(key, request, 3, 'reject'))
    expect(await finished(status)).toMatchObject({
      state: 'failed',
      failure: { code: 'signing.rejected', culprits: [2, 3] },
    })
  })

  it('goes on without a cheat, and names it when it cannot', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    enclaves.fault('enclave-0', 'signing.aggregate', 'signing.bad_partial', [2])
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await coordinator.waitSigning(status.signingId, { ms: 100 })).state).toBe('collecting_participants')
    enclaves.fault('enclave-0', 'signing.aggregate', 'signing.bad_partial', [3])
    await coordinator.approve(status.signingId, await decisionFor(key, request, 3))
    expect(await finished(status)).toMatchObject({
      state: 'failed',
      failure: { code: 'signing.bad_partial', culprits: [3] },
    })
  })

  it('expires when not enough approve in time', async () => {
    const key = await storedKey()
    const { status } = await ask(key, 1, { expiresAt: Date.now() + 150 })
    expect(await finished(status)).toMatchObject({
      state: 'expired',
      failure: { code: 'signing.expired', culprits: [] },
    })
    expect(await coordinator.openSignings(status.keyId)).toEqual([])
  })

  it('expires after a restart of the gateway, too', async () => {
    const key = await storedKey()
    const { status } = await ask(key, 1, { expiresAt: Date.now() + 150 })
    await restartGateway()
    expect(await finished(status)).toMatchObject({ state: 'expired' })
  })
})

describe('waiting', () => {
  it('ends with the next version, at the end of its time, on abort, or when the gateway closes', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const { signingId, version } = status
    const next = coordinator.waitSigning(signingId, { after: version, ms: 5_000 })
    await coordinator.approve(signingId, await decisionFor(key, request, 2))
    expect((await next).version).toBeGreaterThan(version)
    const other = (await ask(key)).status
    expect(await coordinator.waitSigning(other.signingId, { ms: 20 })).toEqual(other)
    const aborting = new AbortController()
    const aborted = coordinator.waitSigning(other.signingId, { ms: 5_000, signal: aborting.signal })
    aborting.abort()
    expect(await aborted).toEqual(other)
    const closing = coordinator.waitSigning(other.signingId, { ms: 5_000 })
    await new Promise((resolve) => setTimeout(resolve, 5))
    await coordinator.close()
    expect(await closing).toEqual(other)
    await expect(coordinator.waitSigning(other.signingId, { ms: 5_000 })).rejects.toEqual(code('gateway.draining'))
  })

  it('for signings of a key ends when one appears', async () => {
    const key = await storedKey()
    const { keyId } = key.record.certificate.body.roster.skeleton
    const appearing = coordinator.waitSignings(keyId, { ms: 5_000 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    const { status } = await ask(key)
    expect(await appearing).toEqual([status])
  })

  it('by watching does not harm the session when the watcher fails', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    coordinator.watch('signing', status.signingId, () => {
      throw new Error('a secret')
    })
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await finished(status)).state).toBe('completed')
    expect(logged.some((line) => line.includes('"fault"'))).toBe(true)
    expect(logged.some((line) => line.includes('a secret'))).toBe(false)
    logged = []
  })

  it('by watching sees what was saved, once and in order', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const seen: [number, string][] = []
    const stop = coordinator.watch('signing', status.signingId, ({ version, state }) => seen.push([version, state]))
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await finished(status)
    stop()
    expect(seen).toEqual([
      [2, 'generating_nonces'],
      [3, 'completed'],
    ])
  })
})

describe('a store that fails', () => {
  it('refuses what it cannot keep, does not act on it, and goes on when it works again', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const save = store.save.bind(store)
    let failing = true
    store.save = (change) => (failing ? Promise.reject(new Refusal('store.failed')) : save(change))
    const approval = await decisionFor(key, request, 2)
    await expect(coordinator.approve(status.signingId, approval)).rejects.toEqual(code('store.failed'))
    expect(enclaves.count('signing.commit')).toBe(0)
    failing = false
    await coordinator.approve(status.signingId, approval)
    expect((await finished(status)).state).toBe('completed')
  })

  it('at the save that nobody waits for costs time and nothing else', async () => {
    const key = await storedKey()
    const save = store.save.bind(store)
    let saves = 0
    store.save = (change) => {
      saves += 1
      return saves === 3 ? Promise.reject(new Refusal('store.failed')) : save(change)
    }
    const { request, status } = await ask(key)
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    expect((await finished(status)).state).toBe('completed')
    expect(saves).toBe(4)
  })

  it('that another gateway wrote to gives its state to both', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const second = await startCoordinator()
    await second.approve(status.signingId, await decisionFor(key, request, 3, 'reject'))
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2, 'reject'))
    expect(await finished(status)).toMatchObject({ state: 'failed', failure: { culprits: [2, 3] } })
    await second.close()
  })
})
