import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Quorate, type Key, type Participant } from '@quorate/client'
import { ManifestStatus } from '@quorate/shared/wire/manifest'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { checkManifest, draftManifest, joinManifests } from '../src/release/manifest.ts'
import { makeReleaseKey, readReleaseKey, signManifest } from '../src/release/release-key.ts'
import { pollUntil } from '../../../shared/test/poll.js'
import { untilWritten } from '../../local/test/support/log-watch.js'
import { startGateway, type Gateway } from './support/gateway.ts'
import type { Instance } from './support/instance.ts'
import { makeEnclaveImage, type EnclaveImage } from './support/production.ts'
import { openRegion, type Region } from './support/region.ts'

const tools = inject('tools')
const profile = { emulatedTscKhz: inject('emulatedTscKhz') }
const names = ['alice', 'bob', 'carol'] as const
const patience = { timeout: 120_000 }
const delaySeconds = 20

/*
 * The runbook of an upgrade, with the release tool's own parts, over machines that run the image as it ships. The next image
 * differs by the least serial that is measured into it.
 */
describe.skipIf(tools === null)('three Nitro machines that move from one image to the next', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-nitro-upgrade-'))
  const manifestPath = join(folder, 'manifest.json')
  const closing: (() => Promise<void>)[] = []
  const releaseKeys: string[] = []
  let region: Region
  let image: EnclaveImage
  let next: EnclaveImage
  let configuration: string
  let gateway: Gateway
  let quorate: Quorate
  let people: Readonly<Record<(typeof names)[number], Participant>>
  let key: Key

  beforeAll(async () => {
    region = await openRegion(folder, tools ?? '', ['enclave-0', 'enclave-1', 'enclave-2'])
    closing.push(region.close)
    const keys = names.map((name) => makeReleaseKey(keyFile(name)))
    releaseKeys.push(...keys)
    const release = { keys, quorum: 2, delaySeconds, leastSerial: 1 }
    configuration = region.configure({ release: { ...release, leastSerial: 2 } })
    image = await makeEnclaveImage(region.configure({ release }), join(folder, 'image'), profile)
    next = await makeEnclaveImage(configuration, join(folder, 'next'), profile)
    region.admit([
      { pcrs: next.registers, until: null },
      { pcrs: image.registers, until: dayAfterTomorrow() },
    ])
    await Promise.all(region.instances.map((instance) => instance.boot(image.eif)))
    gateway = await startGateway(join(folder, 'gateway'), region.instances, { QUORATE_MANIFEST: manifestPath })
    closing.push(gateway.stop)
    await gateway.ready()
    const trust = { roots: [region.chain.rootPem], measurements: [image.registers, next.registers] }
    quorate = new Quorate({ gateway: gateway.url, trust, retry: { attempts: 14, pause: 200 } })
    const person = (name: string) => quorate.participant(name, { seed: randomBytes(32) })
    people = { alice: person('alice'), bob: person('bob'), carol: person('carol') }
    const wish = { scheme: 'frost-ed25519', threshold: 2, participants: names } as const
    const keygen = await people.alice.reserveKey(wish)
    for (const one of [people.bob, people.carol]) await one.participate(keygen.invitation(one.userId))
    key = await keygen.completed(patience)
  })
  afterAll(async () => {
    for (const close of closing.toReversed()) await close()
    rmSync(folder, { recursive: true })
  })

  const keyFile = (name: string) => join(folder, `${name}.pem`)
  const dayAfterTomorrow = () => new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)

  async function sign(text: string, approver: Participant): Promise<void> {
    const signing = await people.alice.requestSignature(key, text)
    await approver.approve(await approver.signing(key, signing.signingId))
    expect((await signing.completed(patience)).signatures).toHaveLength(1)
  }

  const instanceOf = (name: string): Instance => {
    const { participants } = key.certificate.body.roster.skeleton
    const host = participants.find(({ userId }) => userId === name)?.host.identity.enclaveId
    const instance = region.instances.find(({ enclaveId }) => enclaveId === host)
    if (instance === undefined) throw new Error(`nobody hosts ${name}`)
    return instance
  }

  /** Drafted, signed by two of three, joined, checked, and put where the gateway looks; resolves when it is in force. */
  async function release(serial: number, images: readonly EnclaveImage[]): Promise<void> {
    const draft = draftManifest(
      serial,
      images.map(({ registers }, at) => ({ label: `image-${at}`, pcrs: registers })),
    )
    const signed = names
      .slice(0, 2)
      .map((name) => ({ ...draft, signatures: [signManifest(draft.body, readReleaseKey(keyFile(name)))] }))
    const manifest = await joinManifests(signed)
    await checkManifest(manifest, configuration)
    writeFileSync(`${manifestPath}.draft`, JSON.stringify(manifest))
    renameSync(`${manifestPath}.draft`, manifestPath)
    for (const instance of region.instances) await pollUntil(async () => (await inForce(instance)) === serial)
  }

  /** By the enclave's own clock, which an emulator lets fall behind. */
  async function inForce({ enclaveId }: Instance): Promise<number | null> {
    const nonce = randomBytes(32).toString('hex')
    const answer = await fetch(`${gateway.url}/api/v1/enclaves/${enclaveId}/manifest?nonce=${nonce}`)
    const status = ManifestStatus.safeParse(await answer.json())
    return status.success ? (status.data.body.inForce?.serial ?? null) : null
  }

  it('go one by one while a manifest lists both images, and sign at every step as who they were', async () => {
    expect(new Set([image.registers['0'], next.registers['0']]).size).toBe(2)
    await sign('of the first image', people.bob)
    await release(2, [image, next])
    for (const name of ['carol', 'bob', 'alice']) {
      const instance = instanceOf(name)
      const { identity } = await quorate.attest(instance.enclaveId)
      await instance.boot(next.eif)
      await gateway.ready()
      const after = await quorate.attest(instance.enclaveId)
      expect(after.identity).toEqual(identity)
      expect(after.document.pcrs).toMatchObject(next.registers)
      await sign(`${name}’s has moved`, name === 'carol' ? people.carol : people.bob)
    }
  })

  it('refuse the first image once it is dropped: its root is of the next one, and KMS gives it nothing', async () => {
    const instance = instanceOf('carol')
    await instance.boot(next.eif)
    await gateway.ready()
    await release(3, [next])
    const refusals = (text: string) =>
      text.split('\n').filter((line) => line.includes('enclave.not_ready') && line.includes(instance.enclaveId)).length
    const before = refusals(readFileSync(gateway.log, 'utf8'))
    await instance.boot(image.eif)
    await untilWritten(gateway.log, (text) => refusals(text) > before)
    expect(await (await fetch(`${gateway.url}/readyz`)).json()).toMatchObject({
      enclaves: { [instance.enclaveId]: 'locked' },
    })
    region.admit([{ pcrs: next.registers, until: null }])
    await expect(instance.call('boot', { sealedRoot: null })).rejects.toMatchObject({ code: 'kms.denied' })
    await sign('without it', people.bob)
    await instance.boot(next.eif)
    await gateway.ready()
    await sign('with it', people.carol)
  })
})
