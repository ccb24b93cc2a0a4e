import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { refusals, type RefusalCode } from '@quorate/shared/errors'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { exportKey, importKey, type Key } from '../src/index.ts'
import { certify, createFleet, type Fleet } from './fleet.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { makeKey } from './people.ts'
import { wordsOf } from './refreshing.ts'

let fleet: Fleet
let gateway: Gateway
beforeAll(async () => {
  fleet = await createFleet()
})
beforeEach(async () => {
  gateway = await startGateway(fleet)
})
afterEach(() => gateway.close())

type Status = RouteReply<'getRefresh'>
type Certificates = RouteReply<'listCertificates'>
type Epoch = Certificates['epochs'][number]
type Words = Epoch['installed']
const refusedAs = (code: RefusalCode, culprits: number[] = []) => ({ code, by: 'client', culprits })
/** What the hosts say when they have prepared under another word. */
const saidAnew = async (of: Certificate): Promise<Words> => (await wordsOf(fleet, of, '88')).installed

describe('a refresh', () => {
  it('gives the same key at its next epoch, to who asked and to who follows', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const next = await alice.refreshKey(key)
    expect(next).toMatchObject({ keyId: key.keyId, groupKey: key.groupKey, earlier: [key.certificate] })
    // Nobody may refresh a key alone twice a day.
    const twice = await bob.refreshKey(await bob.update(key))
    const bobs = await bob.update(key)
    expect(bobs).toEqual(twice)
    expect(await importKey(exportKey(bobs))).toEqual(twice)
    expect(await bob.update(bobs)).toEqual(bobs)
    const signing = await alice.requestSignature(twice, 'hello')
    await bob.approve(await bob.signing(bobs, signing.signingId))
    expect((await signing.completed()).signatures).toHaveLength(1)
  })

  /** What alice is told when the gateway shows her another outcome than there was. */
  const shown = async (change: (honest: Status, key: Key) => Promise<Partial<Status>> | Partial<Status>) => {
    const { alice, key } = await makeKey(fleet, gateway)
    gateway.lies.getRefresh = async (honest: Status) => ({ ...honest, ...(await change(honest, key)) })
    return alice.refreshKey(key)
  }
  /** A next epoch that all hosts signed, prepared and installed, and that is none of this key. */
  const foreign = (change: (of: Certificate['body']) => Partial<Certificate['body']>) =>
    shown(async (honest, key) => {
      const certificate = await certify(fleet, { ...honest.certificate!.body, ...change(key.certificate.body) })
      return { certificate, ...(await wordsOf(fleet, certificate)) }
    })

  it.each<[string, (of: Certificate['body']) => Partial<Certificate['body']>]>([
    ['another group key', () => ({ groupKey: '11'.repeat(32) })],
    ['an epoch left out', () => ({ epoch: 2 })],
    ['another predecessor', () => ({ previous: '22'.repeat(32) as never })],
    ['shares that are not of the group key', () => ({ publicKeys: 'AAAA' })],
    [
      'another policy',
      ({ roster }) => ({
        roster: { ...roster, skeleton: { ...roster.skeleton, policy: { content: ['bytes', 'nostr-event'] } } },
      }),
    ],
  ])('is refused with %s, though all hosts signed it', async (_, change) => {
    await expect(foreign(change)).rejects.toMatchObject(refusedAs('certificate.invalid'))
  })

  it('is refused when a host has not signed its certificate', async () => {
    const change = ({ certificate }: Status) => {
      const { body, signatures } = certificate!
      return { certificate: { body, signatures: [signatures[0]!, signatures[2]!, signatures[2]!] } }
    }
    await expect(shown(change)).rejects.toMatchObject(refusedAs('certificate.invalid'))
  })

  it.each<[string, (honest: Status) => Partial<Status>]>([
    ['has not prepared', ({ prepared }) => ({ prepared: [prepared[0]!, prepared[2]!] })],
    ['has not installed', ({ installed }) => ({ installed: installed.slice(0, 2) })],
    ['is spoken for by another', ({ installed }) => ({ installed: [installed[0]!, installed[0]!, installed[2]!] })],
    ['installed over what others than these said', ({ prepared }) => ({ prepared: [...prepared].reverse() })],
  ])('is not over while a host %s, and accuses nobody', async (_, change) => {
    await expect(shown(change)).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })

  it('is not over when hosts installed over words that are not shown', async () => {
    const change = async ({ certificate }: Status) => {
      const { prepared } = await wordsOf(fleet, certificate!, '88')
      return { prepared }
    }
    await expect(shown(change)).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })

  it('is refused when the end of another is shown in its place', async () => {
    const change = () => ({ refreshId: '99'.repeat(16) as never })
    await expect(shown(change)).rejects.toMatchObject(refusedAs('reply.mismatch'))
  })

  it('says what it failed with', async () => {
    const failure = { code: 'refresh.hosts_lost' as const, culprits: [3] }
    const failed = shown(() => ({ state: 'failed', failure, certificate: null }))
    await expect(failed).rejects.toMatchObject({
      ...failure,
      by: 'gateway',
      message: refusals['refresh.hosts_lost'].title,
    })
  })
})

describe('the present epoch of a key', () => {
  const updated = async (change: (honest: Certificates, key: Key) => unknown, refreshed = 1) => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    let latest = key
    for (let times = 0; times < refreshed; times += 1) latest = await (times % 2 === 0 ? alice : bob).refreshKey(latest)
    gateway.lies.listCertificates = (honest: Certificates) => change(honest, key)
    return { latest, update: bob.update(refreshed === 0 ? key : latest), from: (of: Key) => bob.update(of), key }
  }

  /** What bob is told, who has heard of none of so many refreshes. */
  const behind = async (change: (honest: Epoch[]) => Epoch[] | Promise<Epoch[]>, refreshed = 1) => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    let latest = key
    for (let times = 0; times < refreshed; times += 1) latest = await (times % 2 === 0 ? alice : bob).refreshKey(latest)
    gateway.lies.listCertificates = async ({ epochs, ...honest }: Certificates) => ({
      ...honest,
      epochs: await change(epochs),
    })
    return bob.update(key)
  }

  it('is not one that came before the one that is known', async () => {
    const { update } = await updated((honest, key) => ({
      ...honest,
      epochs: [{ ...honest.epochs[0]!, certificate: key.certificate }],
    }))
    await expect(update).rejects.toMatchObject(refusedAs('certificate.invalid'))
    const { update: nothing } = await updated((honest) => ({ ...honest, epochs: [] }))
    await expect(nothing).rejects.toMatchObject(refusedAs('reply.mismatch'))
  })

  it('is not one on another branch of its history', async () => {
    const { update } = await updated(async (honest) => {
      const { body } = honest.epochs.at(-1)!.certificate
      const fork = await certify(fleet, { ...body, transcript: '44'.repeat(32) as never })
      return { ...honest, epochs: [{ ...honest.epochs[0]!, certificate: fork }] }
    })
    await expect(update).rejects.toMatchObject(refusedAs('certificate.invalid'))
  })

  it('is reached over every epoch before it', async () => {
    const { from, key } = await updated(
      (honest) => ({
        ...honest,
        epochs: honest.epochs.filter(({ certificate }) => certificate.body.epoch !== 1),
      }),
      2,
    )
    await expect(from(key)).rejects.toMatchObject(refusedAs('certificate.invalid'))
  })

  it.each<[string, (said: Words, of: Certificate) => Words | Promise<Words>]>([
    ['nobody', () => []],
    ['not every host', (said) => said.slice(0, 2)],
    ['one host in the place of another', (said) => [said[0]!, said[0]!, said[2]!]],
    ['hosts of other words than these', async (said, of) => [...said.slice(0, 2), (await saidAnew(of))[2]!]],
  ])('is none that %s says to have installed', async (_, change) => {
    const shown = behind(async ([own, next]) => [
      own!,
      { ...next!, installed: await change(next!.installed, next!.certificate) },
    ])
    await expect(shown).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })

  it('is not proved by what hosts said of another epoch', async () => {
    const shown = behind(([own, next, last]) => [own!, { ...next!, installed: last!.installed }, last!], 2)
    await expect(shown).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })

  it('is not brought back from a file whose history does not hold together', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const twice = await bob.refreshKey(await alice.refreshKey(key))
    const file = JSON.parse(exportKey(twice)) as { earlier: Certificate[] }
    const broken = JSON.stringify({ ...file, earlier: [file.earlier[1], file.earlier[0]] })
    await expect(importKey(broken)).rejects.toMatchObject({ code: 'certificate.invalid' })
  })
})
