import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Quorate, type Key, type Participant } from '@quorate/client'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startGateway, type Gateway } from './support/gateway.ts'
import type { Instance } from './support/instance.ts'
import { makeEnclaveImage, type EnclaveImage } from './support/production.ts'
import { openRegion, type Region } from './support/region.ts'

const tools = inject('tools')
const profile = { emulatedTscKhz: inject('emulatedTscKhz') }
const names = ['alice', 'bob', 'carol'] as const
const patience = { timeout: 90_000 }

/** Runs it, and tells how long it took. */
async function timed<T>(what: string, act: () => Promise<T>): Promise<T> {
  const since = performance.now()
  const result = await act()
  process.stderr.write(`${what}: ${((performance.now() - since) / 1000).toFixed(2)} s\n`)
  return result
}

describe.skipIf(tools === null)('three Nitro machines that run the image as it ships', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-ceremony-'))
  const closing: (() => Promise<void>)[] = []
  let region: Region
  let image: EnclaveImage
  let instances: readonly Instance[]
  let gateway: Gateway
  let quorate: Quorate
  let people: Readonly<Record<(typeof names)[number], Participant>>
  let key: Key

  beforeAll(async () => {
    region = await openRegion(folder, tools ?? '', ['enclave-0', 'enclave-1', 'enclave-2'])
    closing.push(region.close)
    instances = region.instances
    image = await makeEnclaveImage(region.configure(), join(folder, 'image'), profile)
    process.stderr.write(`the image: ${(image.size / 1e6).toFixed(1)} MB\n`)
    region.admit([{ pcrs: image.registers, until: null }])
    await timed('from power to hello, three at once', () =>
      Promise.all(instances.map((instance) => instance.boot(image.eif))),
    )
    gateway = await startGateway(join(folder, 'gateway'), instances)
    closing.push(gateway.stop)
    await timed('from the gateway’s start to three open roots', gateway.ready)
    const trust = { roots: [region.chain.rootPem], measurements: [image.registers] }
    quorate = new Quorate({ gateway: gateway.url, trust })
    const person = (name: string) => quorate.participant(name, { seed: randomBytes(32) })
    people = { alice: person('alice'), bob: person('bob'), carol: person('carol') }
  })
  afterAll(async () => {
    for (const close of closing.toReversed()) await close()
    rmSync(folder, { recursive: true })
  })

  /** Alice asks and one other approves; OpenSSL is the referee. */
  async function sign(text: string, approver: Participant): Promise<void> {
    const signature = await timed(`a signature, by alice and ${approver.userId}`, async () => {
      const signing = await people.alice.requestSignature(key, { type: 'raw', bytes: toHex(Buffer.from(text)) })
      await approver.approve(await approver.signing(key, signing.signingId))
      return (await signing.completed(patience)).signatures[0] ?? new Uint8Array()
    })
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), fromHex(key.groupKey)])
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    expect(verify(null, Buffer.from(text), publicKey, signature)).toBe(true)
    expect(verify(null, Buffer.from(`${text}.`), publicKey, signature)).toBe(false)
  }

  /** Whose machine holds this person's share. */
  const hostOf = (name: string): Instance => {
    const { participants } = key.certificate.body.roster.skeleton
    const host = participants.find(({ userId }) => userId === name)?.host.identity.enclaveId
    const instance = instances.find(({ enclaveId }) => enclaveId === host)
    if (instance === undefined) throw new Error(`nobody hosts ${name}`)
    return instance
  }

  it('attest to the SDK as the image that was measured here', async () => {
    for (const { enclaveId } of instances) {
      const { identity, document } = await quorate.attest(enclaveId)
      expect(identity.enclaveId).toBe(enclaveId)
      expect(document.pcrs).toMatchObject(image.registers)
    }
  })

  it('make a 2-of-3 key with a share in each of them', async () => {
    const wish = { scheme: 'frost-ed25519', threshold: 2, participants: names, content: ['raw'] } as const
    key = await timed('a key, three people and three machines', async () => {
      const keygen = await people.alice.reserveKey(wish)
      for (const one of [people.bob, people.carol]) await one.participate(keygen.invitation(one.userId))
      return keygen.completed(patience)
    })
    expect(new Set(names.map(hostOf)).size).toBe(3)
  })

  it('sign together', () => sign('from two machines', people.bob))

  it('sign without the one that lost its power', async () => {
    await hostOf('carol').kill()
    await sign('from the machines that are left', people.bob)
  })

  it('take it back as who it was, from the root that the gateway kept, and sign with it', async () => {
    const lost = hostOf('carol')
    await timed('from power to hello, one', () => lost.boot(image.eif))
    await timed('from hello to an open root', gateway.ready)
    const before = key.certificate.body.roster.skeleton.participants.find(({ userId }) => userId === 'carol')?.host
    expect((await quorate.attest(lost.enclaveId)).identity).toEqual(before?.identity)
    await hostOf('bob').kill()
    await sign('with the machine that came back', people.carol)
  })
})
