import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Quorate, type Key } from '@quorate/client'
import { startFleet, type Fleet } from '@quorate/local/fleet/fleet'
import { startRelay } from '@quorate/nostr-lab/relay/embedded'
import type { Measurements } from '@quorate/shared/wire/measurements'
import { verifyBody } from '@quorate/shared/crypto/sign'
import { ManifestStatus, type Manifest } from '@quorate/shared/wire/manifest'
import { ManifestReport } from '@quorate/shared/wire/routes/manifest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { untilWritten } from '../../local/test/support/log-watch.js'
import { noticed, until } from '../../../shared/test/noticing.js'
import { pollUntil } from '../../../shared/test/poll.js'
import type { People } from '../src/people.ts'
import { makeKey, sign } from './support/crash-fleet.ts'
import { connectProgram, type Program } from './support/program.ts'
import { keyOf, makeManifest, releaseSigners } from './support/release-keys.ts'

/*
 * A fleet moves from one image to the next, enclave by enclave. Its people sign at every step, and so does a program that connected to a
 * bunker before. The steps build on each other.
 */
const delaySeconds = 5
const release = { keys: releaseSigners.map(keyOf), quorum: 2, delaySeconds, leastSerial: 1 }
const folder = mkdtempSync(join(tmpdir(), 'quorate-upgrade-'))
const manifestPath = join(folder, 'manifest.json')
const whole = 180_000

let fleet: Fleet
let first: Measurements
let next: Measurements
let people: People
let key: Key
let relay: Awaited<ReturnType<typeof startRelay>>
let program: Program
/** The enclaves of Alice's, Bob's and Carol's shares. Alice asks, so that with Carol's away there is one quorum left. */
let ofAlice: string
let ofBob: string
let ofCarol: string

beforeAll(async () => {
  relay = await startRelay()
  const source = fileURLToPath(new URL('./support/next-enclave.ts', import.meta.url))
  fleet = await startFleet({
    ...{ port: 0, state: join(folder, 'state'), rateLimit: 1_000_000, release },
    sources: { next: source },
    onEvent: noticed,
    gatewayEnv: { QUORATE_MANIFEST: manifestPath, QUORATE_RELAYS: relay.url },
  })
  const [running] = fleet.trust.measurements
  if (running === undefined || fleet.next === null) throw new Error('the fleet has no two images')
  first = running
  next = fleet.next
  people = peopleWho([first, next])
  key = await makeKey(people)
  const hosts = key.certificate.body.roster.skeleton.participants.map(({ host }) => host.identity.enclaveId)
  ;[ofAlice = '', ofBob = '', ofCarol = ''] = hosts
  program = await connectProgram(people, relay.url)
}, whole)
afterAll(async () => {
  await program.close()
  await fleet.stop()
  await relay.close()
  rmSync(folder, { recursive: true, force: true })
}, whole)

const names = ['alice', 'bob', 'carol']
const seeds = { alice: randomBytes(32), bob: randomBytes(32), carol: randomBytes(32) }

/** The same people, with a trust file of these images. */
function peopleWho(measurements: Measurements[], attempts = 14): People {
  const trust = { roots: fleet.trust.roots, measurements }
  const quorate = new Quorate({ gateway: fleet.url, trust, retry: { attempts, pause: 100 } })
  const person = (name: keyof typeof seeds) => quorate.participant(name, { seed: seeds[name] })
  return { alice: person('alice'), bob: person('bob'), carol: person('carol') }
}

const get = async (path: string): Promise<unknown> => (await fetch(`${fleet.url}/api/v1${path}`)).json()
const report = async () => ManifestReport.parse(await get('/manifest'))

const logPath = () => join(fleet.state, 'logs', 'gateway.log')
type Line = Readonly<{ event: string; enclaveId?: string; left?: number }>
/** Whole lines only: the last one may not be written to its end. */
const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
/** Waits until the gateway has logged it. */
const logged = (holds: (lines: Line[]) => boolean) => untilWritten(logPath(), (text) => holds(linesOf(text)))

/** Puts a manifest where the gateway looks, and waits until it has offered it to all. */
async function publish(manifest: Manifest): Promise<ManifestReport> {
  const before = linesOf(readFileSync(logPath(), 'utf8'))
  writeFileSync(`${manifestPath}.draft`, JSON.stringify(manifest))
  renameSync(`${manifestPath}.draft`, manifestPath)
  await logged((lines) => {
    const since = lines.slice(before.length)
    const isRead = since.findIndex(({ event }) => event === 'manifest.read')
    const answers = since
      .slice(isRead)
      .filter(({ event }) => event === 'manifest.taken' || event === 'manifest.refused')
    return isRead >= 0 && fleet.enclaveIds.every((id) => answers.some(({ enclaveId }) => enclaveId === id))
  })
  const now = await report()
  expect(now.manifest).toEqual(manifest)
  return now
}

/** Waits until each enclave says so, by its own clock. */
async function inForce(serial: number): Promise<void> {
  const nonce = randomBytes(32).toString('hex')
  for (const id of fleet.enclaveIds)
    await pollUntil(async () => {
      const status = ManifestStatus.safeParse(await get(`/enclaves/${id}/manifest?nonce=${nonce}`))
      return status.data?.body.inForce?.serial === serial
    })
}

async function move(enclaveId: string, to: 'first' | 'next'): Promise<void> {
  const before = fleet.pidOf(enclaveId)
  await fleet.move(enclaveId, to)
  await until(() => ![before, undefined].includes(fleet.pidOf(enclaveId)), `${enclaveId} to be started again`)
}

/** Moves it, and waits until its gateway has asked it to open its root. */
async function moveAndBoot(enclaveId: string, to: 'first' | 'next'): Promise<void> {
  const before = linesOf(readFileSync(logPath(), 'utf8')).length
  await move(enclaveId, to)
  const booted = ['enclave.ready', 'enclave.retired', 'enclave.not_ready']
  await logged((lines) =>
    lines.slice(before).some((line) => line.enclaveId === enclaveId && booted.includes(line.event)),
  )
}

/** Waits until the others have told it, in its present life, of all keys in use. Only then may the next one go. */
const recalled = (enclaveId: string) =>
  logged((lines) => {
    const own = lines.filter((line) => line.enclaveId === enclaveId)
    const life = own.slice(own.findLastIndex(({ event }) => event === 'enclave.ready'))
    return life.some(({ event, left }) => event === 'enclave.recalled' && left === 0)
  })

async function stateOf(enclaveId: string): Promise<string | undefined> {
  const { enclaves } = (await get('/enclaves')) as { enclaves: { enclaveId: string; state: string }[] }
  return enclaves.find((one) => one.enclaveId === enclaveId)?.state
}

/** Both quorums with Alice sign: every enclave of the key is in one of them. The program has one of them sign for it. */
async function everybodySigns(text: string): Promise<void> {
  await sign(people, key, `${text}, with Bob`, { approvers: [people.bob] })
  await sign(people, key, `${text}, with Carol`, { approvers: [people.carol] })
  await program.signs(text)
}

const imagesOf = (quorate: Quorate) =>
  Promise.all(fleet.enclaveIds.map(async (id) => (await quorate.attest(id)).document.pcrs['0']))
const trusting = (...measurements: Measurements[]) =>
  new Quorate({ gateway: fleet.url, trust: { roots: fleet.trust.roots, measurements } })

describe('an upgrade of a fleet from one image to the next', { timeout: whole }, () => {
  it('begins with enclaves of the first image, and the next one is refused before there is a manifest', async () => {
    await moveAndBoot(ofCarol, 'next')
    expect(await stateOf(ofCarol)).not.toBe('ready')
    await sign(people, key, 'one enclave is away')
    await program.signs('one enclave is away')
    await move(ofCarol, 'first')
    await fleet.ready()
    await recalled(ofCarol)
    await everybodySigns('nothing was lost')
  })

  it('is refused by every enclave with too few signatures, and the key signs on', async () => {
    const { enclaves } = await publish(await makeManifest(1, [first, next], releaseSigners.slice(0, 1)))
    expect(enclaves.map(({ refusal }) => refusal)).toEqual(fleet.enclaveIds.map(() => 'manifest.invalid'))
    await everybodySigns('refused')
  })

  it('is announced to owners by each enclave’s own word before it takes effect', async () => {
    const manifest = await makeManifest(1, [first, next])
    const { enclaves } = await publish(manifest)
    expect(enclaves.map(({ taken }) => taken.length)).toEqual([1, 1, 1])
    const nonce = randomBytes(32).toString('hex')
    for (const id of fleet.enclaveIds) {
      const { identity } = await trusting(first).attest(id)
      const status = (await get(`/enclaves/${id}/manifest?nonce=${nonce}`)) as {
        body: { nonce: string; coming: { serial: number } | null }
        signature: string
      }
      expect(await verifyBody(identity.signKey, 'manifest-status', status)).toBe(true)
      expect(status.body).toMatchObject({ nonce, inForce: null, coming: { serial: 1 } })
    }
  })

  it('does not open a root for the next image while the delay runs', async () => {
    const { enclaves } = await report()
    const [taken] = enclaves.find(({ enclaveId }) => enclaveId === ofCarol)?.taken ?? []
    await moveAndBoot(ofCarol, 'next')
    const state = await stateOf(ofCarol)
    // On a machine so slow that the delay is over by now, this shows nothing, and the one before it did.
    if (taken !== undefined && Date.now() < taken.effectiveAt) expect(state).not.toBe('ready')
  })

  it('goes enclave by enclave, with signing and a new key in between, and every enclave stays who it was', async () => {
    const identities = key.certificate.body.roster.skeleton.participants.map(({ host }) => host.identity.signKey)
    await inForce(1)
    for (const id of [ofCarol, ofBob, ofAlice]) {
      if (id !== ofCarol) await move(id, 'next')
      await fleet.ready()
      await recalled(id)
      await everybodySigns(`${id} has moved`)
      const mixed = await makeKey(people)
      await sign(people, mixed, 'a key of both images')
    }
    expect(new Set(await imagesOf(trusting(next)))).toEqual(new Set([next['0']]))
    const now = await Promise.all(
      fleet.enclaveIds.map(async (id) => (await trusting(next).attest(id)).identity.signKey),
    )
    expect(new Set(identities)).toEqual(new Set(now))
  })

  it('can go back while the manifest lists both, and on again', async () => {
    for (const to of ['first', 'next'] as const) {
      await move(ofAlice, to)
      await fleet.ready()
      await recalled(ofAlice)
      await everybodySigns(`to the ${to} image`)
    }
  })

  it('ends with a manifest without the first image: its enclaves are refused from then on', async () => {
    await publish(await makeManifest(3, [next]))
    await inForce(3)
    await everybodySigns('only the next image')

    // One that has opened its root in the next image's form has no other; one that has not is open, and takes part in nothing.
    await move(ofBob, 'next')
    await fleet.ready()
    await moveAndBoot(ofBob, 'first')
    expect(await stateOf(ofBob)).not.toBe('ready')
    await move(ofBob, 'next')
    await fleet.ready()
    await recalled(ofBob)
    await moveAndBoot(ofAlice, 'first')
    expect(await stateOf(ofAlice)).toBe('retired')
    await program.signs('without the retired one')
    const readiness = await fetch(`${fleet.url}/readyz`)
    expect(await readiness.json()).toMatchObject({ ready: true, enclaves: { [ofAlice]: 'retired' } })
    const { alice } = peopleWho([first, next], 1)
    await expect(
      alice.reserveKey({ scheme: 'frost-ed25519', threshold: 2, participants: names }),
    ).rejects.toMatchObject({
      code: 'keygen.no_enclaves',
    })
    await move(ofAlice, 'next')
    await fleet.ready()
    await everybodySigns('after all')
  })

  it('goes up only: the former manifest is refused when the gateway offers it again', async () => {
    const { enclaves } = await publish(await makeManifest(2, [first, next]))
    expect(enclaves.map(({ refusal }) => refusal)).toEqual(fleet.enclaveIds.map(() => 'manifest.stale'))
  })
})
