import { LogLine } from '@quorate/shared/log-line'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { schnorr } from '@noble/curves/secp256k1.js'
import {
  Quorate,
  type GrantTerms,
  type Key,
  type Participant,
  type Signable,
  type SignatureResult,
  type Signing,
} from '@quorate/client'
import type { FleetEvent } from '@quorate/local/fleet/events'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { fromHex } from '@quorate/shared/wire/bytes'
import { expect } from 'vitest'
import { noticed, until } from '../../../../shared/test/noticing.js'
import { untilWritten } from '../../../local/test/support/log-watch.js'
import { askForRefresh, joinKey, peopleBy, reserveKey, type People, type Wish } from '../../src/people.ts'
import { keyInMode } from './bip341.ts'
import { dropPlan, layPlan, readPlan, type CrashPlan, type Hit } from './crash-plan.ts'
import { hashOfBytes } from '../../../../shared/test/bytes-hash.js'

const source = (name: string) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))

type Options = Readonly<{
  roundTimeoutMs?: number
  /** Laid before anything is started. */
  plan?: CrashPlan
}>

/** How long anything may take that has to come to an end by itself, ms. */
export const patience = 45_000

/** Real processes that crash where a plan says, and three people who use them through the SDK. */
export type CrashFleet = Readonly<{
  fleet: Fleet
  state: string
  people: People
  lay: (plan: Partial<CrashPlan> & Pick<CrashPlan, 'step'>) => void
  /** Takes the plan away, waits until what it stopped is back, and gives the hit; null when the step was not reached. */
  lift: () => Promise<Hit | null>
  /** SIGKILL; resolves when it has been started again and everything is ready. */
  crash: (...processes: string[]) => Promise<void>
  close: () => Promise<void>
}>

export async function startCrashFleet({ roundTimeoutMs = 2_000, plan }: Options = {}): Promise<CrashFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-crash-'))
  const state = join(folder, 'state')
  if (plan) layPlan(state, plan)
  const namesByPid = new Map<number, string>()
  const endedAt = new Map<number, number>()
  const onEvent = (event: FleetEvent) => {
    if (event.type === 'started') namesByPid.set(event.pid, event.name)
    if (event.type === 'exited')
      for (const [pid, name] of namesByPid) if (name === event.name && !endedAt.has(pid)) endedAt.set(pid, Date.now())
    noticed()
  }
  const fleet = await startFleet({
    ...{ port: 0, state, rateLimit: 1_000_000 },
    sources: { gateway: source('crashing-gateway'), enclave: source('crashing-enclave') },
    onEvent,
    gatewayEnv: { QUORATE_ROUND_TIMEOUT_MS: String(roundTimeoutMs) },
  })
  const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust, retry: { attempts: 14, pause: 100 } })
  const people = peopleBy((name) => quorate.participant(name, { seed: randomBytes(32) }))

  /** Waits until what had these pids is back in its place, and its gateway has heard that it is. */
  const replaced = async (pids: readonly number[]) => {
    const names = pids.map((pid) => namesByPid.get(pid) ?? '')
    const isBack = (name: string) => ![undefined, ...pids].includes(fleet.pidOf(name))
    await until(() => pids.every((pid) => endedAt.has(pid)) && names.every(isBack), `${names.join()} to be back`)
    for (const [at, name] of names.entries())
      if (name.startsWith('enclave-'))
        await untilWritten(join(state, 'logs', 'gateway.log'), (log) => readyAt(log, name) >= endedAt.get(pids[at]!)!)
    await fleet.ready()
  }
  return {
    fleet,
    state,
    people,
    lay: (wanted) => {
      // A signal tells the supervisor that the next death is no sign of trouble: what dies is started again at once.
      for (const name of fleet.names) fleet.kill(name, 'SIGCONT')
      layPlan(state, { when: 'before', nth: 1, signal: 'SIGKILL', ...wanted })
    },
    lift: async () => {
      const lives = readPlan(state)?.signal === 'cut'
      const hit = dropPlan(state)
      if (hit && !lives) await replaced([hit.pid])
      return hit
    },
    crash: async (...processes) => {
      const pids = processes.flatMap((name) => fleet.pidOf(name) ?? [])
      for (const name of processes) fleet.kill(name)
      await replaced(pids)
    },
    close: async () => {
      await fleet.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Before a plan for `signing.commit`: a gateway that has just been started has no commitments ahead, so that hosts are asked for them. */
export async function forgetStock({ crash }: CrashFleet, step: string): Promise<void> {
  if (step === 'signing.commit') await crash('gateway')
}

/** When the gateway last found this enclave ready, by its log; 0 when it never did. */
function readyAt(log: string, enclaveId: string): number {
  const line = log.split('\n').findLast((one) => one.includes(`"${enclaveId}","event":"enclave.ready"`))
  return line === undefined ? 0 : Date.parse(LogLine.parse(JSON.parse(line)).time)
}

/** Does it again and again, with the gateway killed at its first write, at its second, …, until a run meets no crash. Gives where it died. */
export async function atEveryWrite(
  { lay, lift }: Pick<CrashFleet, 'lay' | 'lift'>,
  when: CrashPlan['when'],
  act: (nth: number) => Promise<void>,
): Promise<string[]> {
  const places: string[] = []
  for (let nth = 1; ; nth += 1) {
    lay({ step: 'write', when, nth })
    await act(nth)
    const hit = await lift()
    if (hit === null) return places
    places.push(hit.place)
  }
}

/** The key at its next epoch. */
export async function refreshKey(people: People, key: Key): Promise<Key> {
  const refresh = await askForRefresh(people, key)
  return refresh.completed({ timeout: patience })
}

/** A 2-of-3 key unless said otherwise, its certificate verified by the SDK. */
export async function makeKey(people: People, grant: GrantTerms | null = null, more: Partial<Wish> = {}): Promise<Key> {
  const wish = { scheme: 'frost-secp256k1-tr', grant, ...more } as const
  const keygen = await reserveKey(people, wish)
  await joinKey(people, keygen, wish)
  return keygen.completed({ timeout: patience })
}

type Asked = Readonly<{ expiresIn?: number; approvers?: readonly Participant[]; subgroup?: string }>

/** Alice asks, and the others approve: Bob alone unless said otherwise, so that no other quorum than these two is possible. */
export async function ask(people: People, key: Key, what: Signable, asked: Asked = {}): Promise<Signing> {
  const { expiresIn = 120_000, approvers = [people.bob], subgroup } = asked
  const signing = await people.alice.requestSignature(key, what, { expiresIn, subgroup })
  for (const one of approvers) await one.approve(await one.signing(key, signing.signingId))
  return signing
}

/** The key (32 bytes) that signs in the mode of this one, where that takes no more than its X. */
export const publicKeyOf = ({ groupKey, mode }: Key): Uint8Array =>
  keyInMode(Uint8Array.of(2, ...fromHex(groupKey)), mode)

/** Waits for the signature, in the mode of the key, and has it checked by the SDK and by @noble/curves. */
export async function signed(signing: Signing, text: string): Promise<SignatureResult> {
  const result = await signing.completed({ timeout: patience })
  const [signature = new Uint8Array()] = result.signatures
  expect(schnorr.verify(signature, hashOfBytes(text), publicKeyOf(signing.key))).toBe(true)
  return result
}

export const sign = async (people: People, key: Key, text: string, asked: Asked = {}): Promise<SignatureResult> =>
  signed(await ask(people, key, text, asked), text)
