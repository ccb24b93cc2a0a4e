import { describe, expect, it } from 'vitest'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { AttestedIdentity } from '@quorate/shared/wire/identity'
import type { Skeleton } from '@quorate/shared/wire/keygen'
import type { Certificate } from '@quorate/shared/wire/certificate'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { exportKey, importKey, Quorate, type Key } from '../src/index.ts'
import { certify, createFleet, hostOf } from './fleet.ts'
import { fleet, gateway, refusedAs, sentTo, wish, withOwnGateway } from './lying-gateway.ts'
import { makeKey, people } from './people.ts'
import { wordsOf } from './refreshing.ts'

type Status = RouteReply<'getKeygen'>

withOwnGateway()

describe('an enclave that is not what it should be', () => {
  /** Reserving must fail as untrusted, and nothing sealed may have left. */
  const expectUntrusted = async () => {
    await expect(people(fleet, gateway).alice.reserveKey(wish)).rejects.toMatchObject(refusedAs('attestation.invalid'))
    expect(sentTo('initKeygen')).toEqual([])
  }

  it('is refused when a genuine document comes with another key', async () => {
    const own = await fleet.stranger('enclave-1')
    gateway.lies.getAttestation = (honest: AttestedIdentity) =>
      honest.identity.enclaveId === 'enclave-1' ? { ...honest, identity: own.identity } : honest
    gateway.lies.reserveKeygen = (honest: RouteReply<'reserveKeygen'>) => ({
      ...honest,
      enclaves: honest.enclaves.map((e) => (e.enclaveId === 'enclave-1' ? own.identity : e)),
    })
    await expectUntrusted()
  })

  it('is refused when it proves itself, but another was reserved', async () => {
    const own = await fleet.stranger('enclave-1')
    gateway.lies.reserveKeygen = (honest: RouteReply<'reserveKeygen'>) => ({
      ...honest,
      enclaves: honest.enclaves.map((e) => (e.enclaveId === 'enclave-1' ? own.identity : e)),
    })
    await expectUntrusted()
  })

  it('is refused when its document answers another nonce', async () => {
    gateway.lies.getAttestation = () => fleet.attest(fleet.enclaves[0]!, '11'.repeat(32))
    await expectUntrusted()
  })

  it('is refused when it runs another image', async () => {
    gateway.lies.getAttestation = (_honest: unknown, { params, query }) =>
      fleet.attest(
        fleet.enclaves.find((e) => e.identity.enclaveId === params.enclaveId)!,
        query.get('nonce')!,
        { firstPcr: 9 },
      )
    await expectUntrusted()
  })

  it('is refused when it runs in debug mode', async () => {
    gateway.lies.getAttestation = (_honest: unknown, { params, query }) =>
      fleet.attest(
        fleet.enclaves.find((e) => e.identity.enclaveId === params.enclaveId)!,
        query.get('nonce')!,
        { firstPcr: 0 },
      )
    await expectUntrusted()
  })

  it('is refused under another root', async () => {
    const other = await createFleet(1)
    gateway.lies.getAttestation = (_honest: unknown, { params, query }) =>
      other.attest(
        fleet.enclaves.find((e) => e.identity.enclaveId === params.enclaveId)!,
        query.get('nonce')!,
      )
    await expectUntrusted()
  })

  it('is refused when another enclave answers in its name', async () => {
    gateway.lies.getAttestation = (_honest: unknown, { query }) => fleet.attest(fleet.enclaves[0]!, query.get('nonce')!)
    const quorate = new Quorate({ gateway: gateway.url, trust: fleet.trust })
    await expect(quorate.attest('enclave-2')).rejects.toMatchObject(refusedAs('attestation.invalid'))
  })

  it('is asked again once its proof is too old, and not before', async () => {
    let now = Date.now()
    const { alice } = people(fleet, gateway, { now: () => now, rememberAttestation: 1_000 })
    await alice.reserveKey(wish)
    await alice.reserveKey(wish)
    expect(sentTo('getAttestation')).toHaveLength(3)
    now += 1_000
    await alice.reserveKey(wish)
    expect(sentTo('getAttestation')).toHaveLength(6)
  })
})

describe('a reservation', () => {
  const changes: [string, (r: RouteReply<'reserveKeygen'>) => unknown][] = [
    ['of another key id', (r) => ({ ...r, keyId: '77'.repeat(16) })],
    ['of other people', (r) => ({ ...r, slots: r.slots.map((s) => ({ ...s, userId: `${s.userId}2` })) })],
    ['in another order', (r) => ({ ...r, slots: [...r.slots].reverse() })],
    ['with one participant less', (r) => ({ ...r, slots: r.slots.slice(1) })],
    ['at an enclave that is not listed', (r) => ({ ...r, enclaves: r.enclaves.slice(1) })],
    [
      'with one enclave under two names',
      (r) => ({ ...r, enclaves: r.enclaves.map((e) => ({ ...r.enclaves[0]!, enclaveId: e.enclaveId })) }),
    ],
  ]
  it.each(changes)('%s is refused', async (_name, lie) => {
    gateway.lies.reserveKeygen = lie
    await expect(people(fleet, gateway).alice.reserveKey(wish)).rejects.toMatchObject(refusedAs('reply.mismatch'))
    expect(sentTo('initKeygen')).toEqual([])
  })
})

/** A key of the same people at the same hosts, under another registration of bob's. */
async function twinOf(key: Key): Promise<Key> {
  const { body } = key.certificate
  const { skeleton, registrations } = body.roster
  const swapped = { ...registrations[1]!.body, authKey: '33'.repeat(32) as never }
  const receipt = await hostOf(fleet, skeleton, 2).keys.sign('registration-receipt', swapped)
  const roster = { skeleton, registrations: [registrations[0]!, receipt, registrations[2]!] }
  const certificate = await certify(fleet, { ...body, roster })
  return importKey(JSON.stringify({ ...(JSON.parse(exportKey(key)) as object), certificate }))
}

describe('an id that is known', () => {
  it('is drawn by who reserves, anew for each key', async () => {
    const { alice } = people(fleet, gateway)
    const keygens = [await alice.reserveKey(wish), await alice.reserveKey(wish)]
    const drawn = sentTo('reserveKeygen').map(({ body }) => (body as { keyId: string }).keyId)
    expect(new Set(drawn).size).toBe(2)
    expect(keygens.map(({ keyId }) => keyId)).toEqual(drawn)
  })

  it('stands for no other frame: an invitation to one is refused, and nothing is sent', async () => {
    const { keygen, bob } = await makeKey(fleet, gateway)
    const skeleton: Skeleton = { ...keygen.skeleton, threshold: 3 }
    gateway.lies.getSlots = (honest: object) => ({ ...honest, skeleton })
    const other = { ...keygen.invitation('bob'), skeletonDigest: digestOf('skeleton', skeleton) }
    const before = gateway.asked.length
    await expect(bob.participate(other)).rejects.toMatchObject(refusedAs('keygen.skeleton_mismatch'))
    expect(gateway.asked.length).toBe(before)
  })

  it('stands for no other frame to who brings the key from a file', async () => {
    const { keygen, key } = await makeKey(fleet, gateway)
    const { carol } = people(fleet, gateway)
    carol.know(await importKey(exportKey(key)))
    const skeleton: Skeleton = { ...keygen.skeleton, threshold: 3 }
    gateway.lies.getSlots = (honest: object) => ({ ...honest, skeleton })
    const other = { ...keygen.invitation('carol'), skeletonDigest: digestOf('skeleton', skeleton) }
    await expect(carol.participate(other)).rejects.toMatchObject(refusedAs('keygen.skeleton_mismatch'))
  })

  it('stands for no other roster', async () => {
    const { alice, key } = await makeKey(fleet, gateway)
    const twin = await twinOf(key)
    expect(() => alice.know(twin)).toThrow(expect.objectContaining(refusedAs('keygen.roster_mismatch')) as Error)
    await expect(alice.requestSignature(twin, 'x')).rejects.toMatchObject(refusedAs('keygen.roster_mismatch'))
  })
})

describe('an invited person', () => {
  it('refuses an invitation whose session secret is not that of the frame', async () => {
    const { alice, bob } = people(fleet, gateway)
    const keygen = await alice.reserveKey(wish)
    let genuine: RouteReply<'openSession'> | null = null
    gateway.lies.openSession = (honest: RouteReply<'openSession'>) => (genuine ??= honest)
    await keygen.status()
    const swapped = { ...keygen.invitation('bob'), sessionSecret: '11'.repeat(32) }
    await expect(bob.participate(swapped)).rejects.toMatchObject(refusedAs('invitation.invalid'))
  })

  it('refuses a frame other than the one of the invitation', async () => {
    const { alice, bob } = people(fleet, gateway)
    const keygen = await alice.reserveKey(wish)
    gateway.lies.getSlots = (honest: { skeleton: Skeleton }) => ({
      ...honest,
      skeleton: { ...honest.skeleton, threshold: 3 },
    })
    await expect(bob.participate(keygen.invitation('bob'))).rejects.toMatchObject(refusedAs('keygen.skeleton_mismatch'))
    expect(sentTo('register')).toHaveLength(1)
  })

  it('takes no part in a key of which one enclave holds a quorum, unless they say so themselves', async () => {
    const { alice, bob } = people(fleet, gateway)
    const four = { ...wish, participants: [...wish.participants, 'dave'] }
    await expect(alice.reserveKey(four)).rejects.toMatchObject(refusedAs('keygen.crowded'))
    expect(sentTo('initKeygen')).toEqual([])
    const keygen = await alice.reserveKey({ ...four, sharesPerEnclave: 2 })
    expect(keygen.skeleton.spread).toBe('quorum_in_one_host')
    const invitation = keygen.invitation('bob')
    await expect(bob.participate(invitation)).rejects.toMatchObject(refusedAs('keygen.crowded'))
    expect(sentTo('register')).toHaveLength(1)
    await bob.participate(invitation, { sharesPerEnclave: 2 })
    expect(sentTo('register')).toHaveLength(2)
  })

  it('refuses a host that does not prove itself to them, whatever it proved to others', async () => {
    const { alice, bob } = people(fleet, gateway)
    const keygen = await alice.reserveKey(wish)
    gateway.lies.getAttestation = () => fleet.attest(fleet.enclaves[1]!, '11'.repeat(32))
    await expect(bob.participate(keygen.invitation('bob'))).rejects.toMatchObject(refusedAs('attestation.invalid'))
    expect(sentTo('register')).toHaveLength(1)
  })

  it.each([
    ['another authorisation key', { authKey: '22'.repeat(32) }],
    [
      'a standing grant',
      {
        grant: {
          body: {
            skeletonDigest: '33'.repeat(32),
            index: 2,
            scope: {
              kind: 'standing',
              askers: ['mallory'],
              content: ['bytes'],
              limit: { count: 9, seconds: 1 },
            },
            decision: 'approve',
            reason: null,
            givenAt: 1,
            expiresAt: 9e12,
          },
          signature: '44'.repeat(64),
        },
      },
    ],
  ])('refuses a receipt for %s, though its host signed it', async (_name, change) => {
    const { alice, bob } = people(fleet, gateway)
    const keygen = await alice.reserveKey(wish)
    gateway.lies.register = async ({ receipt }: RouteReply<'register'>) => ({
      receipt: await hostOf(fleet, keygen.skeleton, 2).keys.sign('registration-receipt', {
        ...receipt.body,
        ...change,
      }),
    })
    await expect(bob.participate(keygen.invitation('bob'))).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })

  it('refuses a receipt that another host signed', async () => {
    const { alice, bob } = people(fleet, gateway)
    const keygen = await alice.reserveKey(wish)
    gateway.lies.register = async ({ receipt }: RouteReply<'register'>) => ({
      receipt: await hostOf(fleet, keygen.skeleton, 1).keys.sign('registration-receipt', receipt.body),
    })
    await expect(bob.participate(keygen.invitation('bob'))).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })

  it('may come again after the gateway stopped taking registrations, and accepts the key they are in', async () => {
    const { keygen, bob, key } = await makeKey(fleet, gateway)
    const again = await bob.participate(keygen.invitation('bob'))
    expect((await again.completed()).digest).toBe(key.digest)
  })
})

describe('a certificate', () => {
  /** What alice is told when the gateway shows her another certificate than the one that was made. */
  const shown = async (change: (honest: Certificate) => Promise<unknown>) => {
    const { keygen } = await makeKey(fleet, gateway)
    gateway.lies.getKeygen = async (honest: Status) => ({
      ...honest,
      certificate: await change(structuredClone(honest.certificate!)),
    })
    return keygen.completed()
  }

  it('is refused when a host has not signed it, and accuses nobody', async () => {
    const change = ({ body, signatures }: Certificate) =>
      Promise.resolve({ body, signatures: [signatures[0], signatures[2], signatures[2]] })
    await expect(shown(change)).rejects.toMatchObject(refusedAs('certificate.invalid'))
  })

  it('is refused for another frame, though all hosts signed it', async () => {
    const other = await makeKey(fleet, gateway)
    await expect(shown(() => Promise.resolve(other.key.certificate))).rejects.toMatchObject(
      refusedAs('keygen.skeleton_mismatch'),
    )
  })

  it('is refused when the own registration is not in it, though all hosts signed it', async () => {
    const change = async ({ body }: Certificate) => {
      const { skeleton, registrations } = body.roster
      const swapped = { ...registrations[0]!.body, authKey: '33'.repeat(32) as never }
      const receipt = await hostOf(fleet, skeleton, 1).keys.sign('registration-receipt', swapped)
      const roster = { skeleton, registrations: [receipt, ...registrations.slice(1)] }
      return certify(fleet, { ...body, roster })
    }
    await expect(shown(change)).rejects.toMatchObject(refusedAs('keygen.roster_mismatch'))
  })

  it("is refused when somebody else's registration was not accepted by that person's host", async () => {
    const change = async ({ body }: Certificate) => {
      const { skeleton, registrations } = body.roster
      const swapped = { ...registrations[1]!.body, authKey: '33'.repeat(32) as never }
      const receipt = await hostOf(fleet, skeleton, 1).keys.sign('registration-receipt', swapped)
      const roster = { skeleton, registrations: [registrations[0]!, receipt, registrations[2]!] }
      return certify(fleet, { ...body, roster })
    }
    await expect(shown(change)).rejects.toMatchObject(refusedAs('keygen.roster_mismatch'))
  })

  it('is refused when its group key is not that of its shares', async () => {
    const change = ({ body }: Certificate) => certify(fleet, { ...body, groupKey: '44'.repeat(32) })
    await expect(shown(change)).rejects.toMatchObject(refusedAs('certificate.invalid'))
  })

  it('is refused when the shares have another threshold', async () => {
    const other = await makeKey(fleet, gateway, { threshold: 3 })
    const { groupKey, publicKeys } = other.key.certificate.body
    const change = ({ body }: Certificate) => certify(fleet, { ...body, groupKey, publicKeys })
    await expect(shown(change)).rejects.toMatchObject(refusedAs('certificate.invalid'))
  })

  it.each<[string, (said: Status['installed'], other: Status['installed']) => Status['installed']]>([
    ['that a host has not installed', (said) => said.slice(0, 2)],
    ['that nobody has installed', () => []],
    ['with a word of one host for another', ([one, , three]) => [one!, one!, three!]],
    ['with words about another certificate of its people', (_, other) => other],
    ['with words over different preparations', ([one, two], other) => [one!, two!, other[2]!]],
  ])('%s is refused, and accuses nobody', async (_name, change) => {
    const { keygen, key } = await makeKey(fleet, gateway)
    const rival = await certify(fleet, { ...key.certificate.body, transcript: '55'.repeat(32) as never })
    const words = await wordsOf(fleet, _name.includes('preparations') ? key.certificate : rival)
    gateway.lies.getKeygen = (honest: Status) => ({ ...honest, installed: change(honest.installed, words.installed) })
    await expect(keygen.completed()).rejects.toMatchObject({ ...refusedAs('receipt.invalid'), culprits: [] })
  })

  it('of another attempt, which all hosts have signed too, is none that they have installed', async () => {
    const { keygen, key } = await makeKey(fleet, gateway)
    const rival = await certify(fleet, { ...key.certificate.body, transcript: '55'.repeat(32) as never })
    gateway.lies.getKeygen = (honest: Status) => ({ ...honest, certificate: rival })
    await expect(keygen.completed()).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })

  it('is refused when one of its hosts no longer proves itself', async () => {
    const { alice, bob, carol } = people(fleet, gateway, { rememberAttestation: 0 })
    const keygen = await alice.reserveKey(wish)
    await Promise.all([bob, carol].map((one) => one.participate(keygen.invitation(one.userId))))
    gateway.lies.getAttestation = () => fleet.attest(fleet.enclaves[1]!, '11'.repeat(32))
    await expect(keygen.completed()).rejects.toMatchObject(refusedAs('attestation.invalid'))
  })

  it('of a keygen that failed names who is to blame', async () => {
    const { keygen } = await makeKey(fleet, gateway)
    const failure = { code: 'keygen.equivocation', culprits: [3] }
    gateway.lies.getKeygen = (honest: Status) => ({ ...honest, state: 'failed', failure, certificate: null })
    await expect(keygen.completed()).rejects.toMatchObject({ ...failure, by: 'gateway' })
  })
})
