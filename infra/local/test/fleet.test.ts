import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Quorate, type Key, type QuorateError } from '@quorate/client'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { drawSeeds, names, peopleAt } from '../src/demo/steps/make-key.ts'
import type { FleetEvent } from '../src/fleet/events.ts'
import { startFleet, type Fleet } from '../src/fleet/fleet.ts'
import { noticed, until } from '../../../shared/test/noticing.js'
import { pollUntil } from '../../../shared/test/poll.js'

const patience = 90_000
const seeds = drawSeeds()
const folder = mkdtempSync(join(tmpdir(), 'quorate-fleet-'))
const state = join(folder, 'state')
const events: FleetEvent[] = []
const onEvent = (event: FleetEvent) => {
  events.push(event)
  noticed()
}
let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ port: 0, state, onEvent })
}, patience)

afterAll(async () => {
  await fleet.stop()
  rmSync(folder, { recursive: true, force: true })
}, patience)

const trustFile = () => TrustPolicy.parse(JSON.parse(readFileSync(join(state, 'trust.json'), 'utf8')))

async function identities(): Promise<string[]> {
  const quorate = new Quorate({ gateway: fleet.url, trust: trustFile() })
  const attested = await Promise.all(fleet.enclaveIds.map((id) => quorate.attest(id)))
  return attested.map(({ identity }) => JSON.stringify(identity))
}

const isAlive = (pid: number | undefined): boolean => {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}

async function comesBack(name: string, before: number | undefined): Promise<void> {
  await until(() => ![undefined, before].includes(fleet.pidOf(name)), `${name} to be started again`)
  await fleet.ready()
}

async function makeKey(): Promise<Key> {
  const { alice, bob, carol } = peopleAt(fleet, seeds)
  const wish = { scheme: 'frost-secp256k1-tr', threshold: 2, participants: names } as const
  const keygen = await alice.reserveKey(wish)
  await Promise.all([bob, carol].map((one) => one.participate(keygen.invitation(one.userId))))
  return keygen.completed({ timeout: 30_000 })
}

/** Throws unless a signature appears and verifies. */
async function sign(key: Key, message: string): Promise<void> {
  const { alice, bob } = peopleAt(fleet, seeds)
  const signing = await alice.requestSignature(key, message)
  await bob.approve(await bob.signing(key, signing.signingId))
  await signing.completed({ timeout: 30_000 })
}

describe('a fleet', () => {
  it('writes a trust file under which all of its enclaves attest, as they do under no other measurements', async () => {
    expect(trustFile()).toEqual(fleet.trust)
    expect(new Set(await identities()).size).toBe(3)
    const measurements = [{ '0': '0'.repeat(95) + '1' }]
    const wary = new Quorate({ gateway: fleet.url, trust: { ...fleet.trust, measurements } })
    await expect(wary.attest('enclave-0')).rejects.toMatchObject({ code: 'attestation.invalid', by: 'client' })
  })

  it('has a refusal in the log under the id that the error names', async () => {
    const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust })
    const error = await quorate.attest('enclave-9').then(
      () => null,
      (reason: unknown) => reason as QuorateError,
    )
    expect(error?.requestId).toMatch(/^[0-9a-f-]{36}$/)
    const line = () =>
      readFileSync(join(state, 'logs', 'gateway.log'), 'utf8')
        .split('\n')
        .find((one) => one.includes(error!.requestId!))
    await pollUntil(() => line() !== undefined)
    expect(JSON.parse(line()!)).toMatchObject({ event: 'request.refused', route: 'getAttestation', status: 404 })
  })

  it('keeps its state to its owner', () => {
    for (const path of ['.', 'hypervisor', 'kms', 'gateway', 'logs'])
      expect(statSync(join(state, path)).mode & 0o777).toBe(0o700)
    for (const path of ['gateway/storage.key', 'hypervisor/development-chain.json', 'trust.json', 'logs/gateway.log'])
      expect(statSync(join(state, path)).mode & 0o777).toBe(0o600)
  })

  it('starts what is killed again, and an enclave comes back as who it was', { timeout: patience }, async () => {
    const before = await identities()
    for (const name of ['enclave-1', 'kms', 'gateway']) {
      const pid = fleet.pidOf(name)
      fleet.kill(name)
      await comesBack(name, pid)
      expect(events).toContainEqual(expect.objectContaining({ type: 'exited', name, signal: 'SIGKILL' }))
    }
    expect(await identities()).toEqual(before)
  })

  it('pauses and resumes an enclave', { timeout: patience }, async () => {
    const quorate = new Quorate({ gateway: fleet.url, trust: fleet.trust, retry: { attempts: 1, pause: 0 } })
    fleet.pause('enclave-2')
    await expect(quorate.attest('enclave-2')).rejects.toMatchObject({ by: 'gateway' })
    fleet.resume('enclave-2')
    await fleet.ready()
    expect((await quorate.attest('enclave-2')).identity.enclaveId).toBe('enclave-2')
  })

  it('refuses to start twice on one state folder', async () => {
    await expect(startFleet({ port: 0, state })).rejects.toThrow(/a fleet runs on .* already \(pid \d+\).*STATE=/)
    expect(isAlive(fleet.pidOf('gateway'))).toBe(true)
  })

  it('says what to do when its port is taken', { timeout: patience }, async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    })
    const other = join(folder, 'other')
    await expect(startFleet({ port, state: other })).rejects.toThrow(
      new RegExp(`port ${port} .*PORT=${port + 1} make fleet`),
    )
    server.close()
  })

  it(
    'ends with all its processes within five seconds, also paused ones, and starts again as what it was',
    { timeout: patience },
    async () => {
      const before = await identities()
      const key = await makeKey()
      await sign(key, 'before')
      const pids = fleet.names.map((name) => fleet.pidOf(name))
      expect(pids.every(isAlive)).toBe(true)

      fleet.pause('enclave-0')
      // Four seconds after it was asked, what has not ended is killed. Here they never pass: all end because they are asked.
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      await fleet.stop().finally(() => vi.useRealTimers())
      expect(pids.some(isAlive)).toBe(false)

      const port = Number(new URL(fleet.url).port)
      fleet = await startFleet({ port, state, onEvent })
      expect(await identities()).toEqual(before)
      await sign(key, 'after')
    },
  )
})
