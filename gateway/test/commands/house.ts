import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Refusal } from '@quorate/shared/errors'
import { UserId, type KeyId } from '@quorate/shared/wire/ids'
import type { Skeleton } from '@quorate/shared/wire/keygen'
import type { Reservation } from '@quorate/shared/wire/routes/keygen'
import type { SigningStatus } from '@quorate/shared/wire/routes/signing'
import pino from 'pino'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { createCoordinator } from '../../src/commands/coordinator.ts'
import type { Coordinator, Limits } from '../../src/commands/ports.ts'
import type { KeyRecord } from '../../src/engine/ports.ts'
import { createEvents } from '../../src/events.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Store } from '../../src/store/store.ts'
import { FakeEnclaves, sealRegistration } from '../fake-enclaves.ts'
import { keyRecord, requestFor, skeletonFor, type GrantTerms } from '../key-record.ts'

/*
 * The gateway behind its HTTP: commands, engine, and a store on the disk, before fake enclaves. A busy machine may be slow, so that
 * no deadline here is near; a test that is about one calls `stopTime`, and lets it pass.
 */

/** Longer than any test may take. ms */
export const EVER = 600_000
export const users = ['alice', 'bob', 'carol']

let folder: string
export let store: Store
export let enclaves: FakeEnclaves
export let coordinator: Coordinator
/** The lines of the log. */
export let logged: string[]

/** Each test of a file that calls it has a house of its own, and leaves no fault in its log. */
export function inFreshHouses(): void {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-commands-'))
    logged = []
    enclaves = await FakeEnclaves.start()
    await startGateway()
  })
  afterEach(async () => {
    await stopGateway()
    vi.useRealTimers()
    rmSync(folder, { recursive: true, force: true })
    expect(logged.filter((line) => line.includes('"fault"'))).toEqual([])
  })
}

/** From here on time passes when the test says so. What was timed before goes on by the real clock. */
export const stopTime = (): void => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })

async function startCoordinator(store: Store, limits: Partial<Limits>, name = 'gateway'): Promise<Coordinator> {
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) })
  const started = createCoordinator({
    name,
    store,
    enclaves,
    clock: () => Date.now(),
    events: createEvents(log, new Registry()),
    limits: { roundTimeoutMs: EVER, ...limits },
  })
  await started.start()
  return started
}

const openHandle = () => openStore({ path: join(folder, 'gateway.db'), storageKey: new Uint8Array(32).fill(7) })

export async function startGateway(limits: Partial<Limits> = {}): Promise<void> {
  store = await openHandle()
  coordinator = await startCoordinator(store, limits)
}

export type Second = Readonly<{ store: Store; coordinator: Coordinator; close: () => Promise<void> }>

/** One more gateway over the same database and enclaves. A deaf one hears no more of others' changes than another process would. */
export async function startSecond(name = 'second', deaf = false): Promise<Second> {
  const store = await openHandle()
  if (deaf) store.moved = () => () => {}
  const coordinator = await startCoordinator(store, {}, name)
  const close = async () => {
    await coordinator.close()
    await store.close()
  }
  return { store, coordinator, close }
}

export async function stopGateway(): Promise<void> {
  await coordinator.close()
  await store.close()
}

/** What a restart of the gateway is to its sessions: the memory is gone, the disk is not. */
export async function restartGateway(limits: Partial<Limits> = {}): Promise<void> {
  await stopGateway()
  await startGateway(limits)
}

export async function reserve(
  participants = users,
  ttl = 60,
  keyId?: KeyId,
): Promise<{ reservation: Reservation; skeleton: Skeleton }> {
  const reservation = await coordinator.reserve({
    scheme: 'frost-secp256k1-tr',
    threshold: 2,
    participants: participants.map((user) => UserId.parse(user)),
    ttl,
    keyId,
  })
  const enclaveIds = reservation.slots.map(({ enclaveId }) => enclaveId)
  const skeleton = await skeletonFor({ keyId: reservation.keyId, users: participants, enclaves: enclaveIds })
  return { reservation, skeleton: { ...skeleton, expiresAt: reservation.expiresAt } }
}
export const initsFor = ({ enclaves: hosts }: Reservation, sealed = 'aW5pdA') =>
  hosts.map(({ enclaveId }) => ({ enclaveId, sealed }))

/** A keygen that waits for its participants. */
export async function begin(): Promise<{ reservation: Reservation; skeleton: Skeleton; keyId: KeyId }> {
  const { reservation, skeleton } = await reserve()
  await coordinator.init(reservation.keyId, { skeleton, sealed: initsFor(reservation) })
  return { reservation, skeleton, keyId: reservation.keyId }
}
export const register = (keyId: KeyId, index: number, grant?: GrantTerms) =>
  coordinator.register(keyId, { userId: UserId.parse(users[index - 1]), sealed: sealRegistration(index, grant) })
export const ended = (keyId: KeyId) => coordinator.follow.keygen.wait(keyId, { ms: EVER })
export const code = (expected: string) => expect.objectContaining({ code: expected }) as Refusal

type Key = { record: KeyRecord; digest: string }

/** Puts a key into the store as a keygen would have. */
export async function storedKey(grants: Record<string, GrantTerms> = {}): Promise<Key> {
  const key = await keyRecord({ grants })
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
export const sealedItems = ['c2VhbGVk']
export const finished = ({ signingId }: SigningStatus) => coordinator.follow.signing.wait(signingId, { ms: EVER })

/** A signing that waits for approvals. */
export async function ask(key: Key, asker = 1, more: Parameters<typeof requestFor>[2] = {}) {
  const request = await requestFor(key, asker, more)
  return { request, status: await coordinator.requestSigning({ request, sealedItems }) }
}
