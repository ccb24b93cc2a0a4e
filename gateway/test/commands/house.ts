import { schnorr } from '@noble/curves/secp256k1.js'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Refusal } from '@quorate/shared/errors'
import { decideAll } from '@quorate/shared/consent/decisions'
import { digestOf } from '@quorate/shared/crypto/sign'
import { fromHex } from '@quorate/shared/wire/bytes'
import { UserId, type KeyId, type SigningId } from '@quorate/shared/wire/ids'
import type { Item } from '@quorate/shared/wire/content'
import type { SigningRequest } from '@quorate/shared/wire/signing'
import type { Reservation } from '@quorate/shared/wire/routes/keygen'
import type { RefreshStatus } from '@quorate/shared/wire/routes/refresh'
import type { Decision } from '@quorate/shared/wire/consent'
import type { SigningProgress } from '@quorate/shared/wire/routes/signing'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { enrol, runDkg, type MadeKey } from '../../../shared/party/test/ceremony.js'
import { agree } from '../../../shared/party/test/epoch-change.js'
import type { Host } from '../../../shared/party/test/host.js'
import * as people from '../../../shared/party/test/people.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { createCoordinator } from '../../src/commands/coordinator.ts'
import type { Coordinator, Limits } from '../../src/commands/ports.ts'
import { createLog } from '../../src/log.ts'
import { LogLine } from '@quorate/shared/log-line'
import { noRelays } from '../../src/nostr/allowed.ts'
import type { NostrPorts } from '../../src/nostr/bunkers.ts'
import { createNostrEvents } from '../../src/nostr/nostr-events.ts'
import { createEvents } from '../../src/events.ts'
import { makeDatabase } from '../../src/store/make-database.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Store } from '../../src/store/store.ts'
import { PartiesAsEnclaves } from '../parties.ts'

/*
 * The gateway behind its HTTP: commands, engine, and a store on the disk, before parties in this process. A busy machine may be slow, so that
 * no deadline here is near; a test that is about one calls `stopTime`, and lets it pass.
 */

/** Longer than any test may take. ms */
export const EVER = 600_000
export const users = ['alice', 'bob', 'carol']

export let folder: string
export let store: Store
export let enclaves: PartiesAsEnclaves
export let coordinator: Coordinator
/** The lines of the log. */
export let logged: string[]

/** How its gateways reach relays: no relay, when a test says nothing. */
export let nostr: Partial<NostrPorts> = {}
export const reachRelays = (by: Partial<NostrPorts>): void => {
  nostr = by
}

/** Each test of a file that calls it has a house of its own, and leaves no fault in its log. */
export function inFreshHouses(): void {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-commands-'))
    logged = []
    enclaves = await PartiesAsEnclaves.start()
    await startGateway()
  })
  afterEach(async () => {
    await stopGateway()
    vi.useRealTimers()
    rmSync(folder, { recursive: true, force: true })
    nostr = {}
    expect(logged.filter((line) => line.includes('gateway.fault'))).toEqual([])
  })
}

/** From here on time passes when the test says so. What was timed before goes on by the real clock. */
export const stopTime = (): void => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })

async function startCoordinator(store: Store, limits: Partial<Limits>, name = 'gateway'): Promise<Coordinator> {
  const log = createLog('debug', {
    write: (line: string) => void logged.push(JSON.stringify(LogLine.parse(JSON.parse(line)))),
  })
  const started = createCoordinator({
    name,
    store,
    enclaves,
    clock: () => Date.now(),
    events: createEvents(log, new Registry()),
    limits: { roundTimeoutMs: EVER, ...limits },
    nostr: { allowed: noRelays, events: createNostrEvents(log, new Registry()), ...nostr },
  })
  await started.start()
  return started
}

async function openHandle(): Promise<Store> {
  const [path, storageKey] = [join(folder, 'gateway.db'), new Uint8Array(32).fill(7)]
  if (!existsSync(path)) await makeDatabase(path, storageKey)
  return openStore({ path, storageKey })
}

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

type Plan = people.Plan<Host>

const content = ['bytes', 'nostr-event'] as const
const draw = (options: people.PlanOptions<Host>) => people.draw(enclaves.group, { content: [...content], ...options })

export async function reserve(
  participants = users,
  ttl = 60,
  wished?: KeyId,
  holder = 'somebody',
  more: people.PlanOptions<Host> = {},
): Promise<{ reservation: Reservation; plan: Plan }> {
  const wish = {
    scheme: more.scheme ?? ('frost-secp256k1-tr' as const),
    threshold: more.threshold ?? 2,
    participants: participants.map((user) => UserId.parse(user)),
    ttl,
    keyId: wished,
  }
  const reservation = await coordinator.reserve(wish, holder)
  const { keyId, slots, expiresAt } = reservation
  const hosts = slots.map(({ enclaveId }) => enclaves.host(enclaveId))
  return { reservation, plan: await draw({ keyId, users: participants, hosts, expiresAt, ...more }) }
}

export const initsFor = (plan: Plan) =>
  [...new Set(plan.hosts.values())].map((host) => ({
    enclaveId: host.identity.enclaveId,
    sealed: people.sealFor(host, people.initFor(plan, host)),
  }))

/** A keygen that waits for its participants. `more`: what else its plan is drawn with. */
export async function begin(
  more?: people.PlanOptions<Host>,
): Promise<{ reservation: Reservation; plan: Plan; keyId: KeyId }> {
  const { reservation, plan } = await reserve(users, 60, undefined, 'somebody', more)
  await coordinator.init(reservation.keyId, { skeleton: plan.skeleton, sealed: initsFor(plan) })
  return { reservation, plan, keyId: reservation.keyId }
}

/** What this participant sends to register. It is sealed anew each time. */
export async function registrationOf(plan: Plan, index: number, terms?: people.GrantTerms) {
  const grant = terms === undefined ? null : await people.grantFor(plan, index, terms)
  const sealed = people.sealFor(plan.hosts.get(index)!, await people.registrationFor(plan, index, grant))
  return { userId: UserId.parse(users[index - 1]), sealed }
}
export const register = async (plan: Plan, index: number, terms?: people.GrantTerms) =>
  coordinator.register(plan.skeleton.keyId, await registrationOf(plan, index, terms))
export const ended = (keyId: KeyId) => coordinator.follow.keygen.wait(keyId, { ms: EVER })
export const code = (expected: string) => expect.objectContaining({ code: expected }) as Refusal

/** A key as these hosts have made it: its people, and what the gateway keeps. */
export type Key = Pick<MadeKey<Host>, 'plan' | 'certificate' | 'digest'>

/** Puts a key into the store as a keygen would have. */
export async function storedKey(
  grants: Record<string, people.GrantTerms> = {},
  more: people.PlanOptions<Host> = {},
): Promise<Key> {
  await enclaves.acquaint()
  const plan = await draw({ users, ...more })
  const byIndex = new Map(Object.entries(grants).map(([user, terms]) => [users.indexOf(user) + 1, terms]))
  const key = await agree(await runDkg(plan, await enrol(plan, byIndex)))
  const shares = [...key.sealedShares].map(([index, sealed]) => ({ index, sealed }))
  const { certificate, prepared, installed } = key
  const { keyId } = plan.skeleton
  await store.save({
    kind: 'keygen',
    id: keyId,
    keyId,
    expected: 0,
    state: { phase: { name: 'completed' } },
    ended: true,
    expiresAt: 9e12,
    durable: true,
    key: { step: 'made', record: { certificate, shares, prepared, installed } },
  })
  return key
}

type Wish = Readonly<{ items?: Item[]; expiresAt?: number; signingId?: SigningId }>
export type Asked = Readonly<{ request: SigningRequest; sealedItems: string[] }>

/** A request by this participant, now, for a signature of "hello" when nothing else is said. */
export async function requestFor(key: Key, asker: number, wish: Wish = {}): Promise<Asked> {
  const now = Date.now()
  const { items = [people.bytesItem('hello')], expiresAt = now + 60_000, signingId } = wish
  const { epoch } = key.certificate.body
  const asked = await people.ask(key.plan, key, asker, items, expiresAt, (body) => ({
    ...body,
    epoch,
    askedAt: now,
    signingId: signingId ?? body.signingId,
  }))
  return { request: asked.request, sealedItems: asked.sealedItems }
}

/** What this participant says of a request, now. */
export const decisionFor = (
  { plan }: Key,
  { body }: SigningRequest,
  index: number,
  decision: Decision | readonly Decision[] = 'approve',
) => {
  const decisions = typeof decision === 'string' ? decideAll(body.items, decision) : decision
  return people.approve(plan, index, digestOf('request', body), Date.now() + 60_000, decisions, { givenAt: Date.now() })
}

export const finished = ({ signingId }: SigningProgress) => coordinator.follow.signing.wait(signingId, { ms: EVER })

/** The refresh, once it is in this state. */
export async function refreshIn(state: RefreshStatus['state'], from: RefreshStatus): Promise<RefreshStatus> {
  let status = from
  while (status.state !== state)
    status = await coordinator.follow.refresh.wait(status.refreshId, { after: status.version, ms: EVER })
  return status
}

/** A signing that waits for approvals. */
export async function ask(key: Key, asker = 1, wish: Wish = {}) {
  const asked = await requestFor(key, asker, wish)
  return { ...asked, status: await coordinator.requestSigning(asked) }
}

/** By @noble/curves: the one signature of a signing that has come to its end is of this text and of the group key. */
export function isSigned({ plan, certificate }: Key, { signingId, results }: SigningProgress, text = 'hello'): boolean {
  const sealed = (results ?? []).flatMap((result) => ('code' in result ? [] : result.sealedSignature))
  const [signature] = people.openSignatures(plan, signingId, sealed)
  if (signature === undefined || sealed.length !== 1) return false
  return schnorr.verify(signature, hashOfBytes(text), fromHex(certificate.body.groupKey))
}
