import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { refusals, type RefusalCode } from '@quorate/shared/errors'
import { signBody } from '@quorate/shared/seal/sign'
import type { AttestedIdentity } from '@quorate/shared/wire/identity'
import type { Certificate, Skeleton } from '@quorate/shared/wire/keygen'
import type { RouteReply } from '@quorate/shared/wire/routes'
import { authSigner } from '../src/keygen/registration.ts'
import { Quorate, type Key } from '../src/index.ts'
import { certify, createEnclave, createFleet, hostOf, sealSignatures, type Fleet } from './fleet.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { makeKey, people } from './people.ts'

let fleet: Fleet
let gateway: Gateway
beforeAll(async () => {
  fleet = await createFleet()
})
beforeEach(async () => {
  gateway = await startGateway(fleet)
})
afterEach(() => gateway.close())

const participants = ['alice', 'bob', 'carol']
const wish = { scheme: 'frost-secp256k1-tr', threshold: 2, participants } as const
const refusedAs = (code: RefusalCode, culprits: number[] = []) => ({ code, by: 'client', culprits })
const sentTo = (route: string) => gateway.asked.filter((asked) => asked.route === route)
type Signings = RouteReply<'getSigning'>
type Status = RouteReply<'getKeygen'>

describe('an enclave that is not what it should be', () => {
  /** Reserving must fail as untrusted, and nothing sealed may have left. */
  const expectUntrusted = async () => {
    await expect(people(fleet, gateway).alice.reserveKey(wish)).rejects.toMatchObject(refusedAs('attestation.invalid'))
    expect(sentTo('initKeygen')).toEqual([])
  }

  it('is refused when a genuine document comes with another key', async () => {
    const own = await createEnclave(fleet.mpc, 'enclave-1')
    gateway.lies.getAttestation = (honest: AttestedIdentity) =>
      honest.identity.enclaveId === 'enclave-1' ? { ...honest, identity: own.identity } : honest
    gateway.lies.reserveKeygen = (honest: RouteReply<'reserveKeygen'>) => ({
      ...honest,
      enclaves: honest.enclaves.map((e) => (e.enclaveId === 'enclave-1' ? own.identity : e)),
    })
    await expectUntrusted()
  })

  it('is refused when it proves itself, but another was reserved', async () => {
    const own = await createEnclave(fleet.mpc, 'enclave-1')
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
    gateway.lies.getAttestation = (_honest: unknown, { id, query }) =>
      fleet.attest(
        fleet.enclaves.find((e) => e.identity.enclaveId === id)!,
        query.get('nonce')!,
        { firstPcr: 9 },
      )
    await expectUntrusted()
  })

  it('is refused when it runs in debug mode', async () => {
    gateway.lies.getAttestation = (_honest: unknown, { id, query }) =>
      fleet.attest(
        fleet.enclaves.find((e) => e.identity.enclaveId === id)!,
        query.get('nonce')!,
        { firstPcr: 0 },
      )
    await expectUntrusted()
  })

  it('is refused under another root', async () => {
    const other = await createFleet(1)
    gateway.lies.getAttestation = (_honest: unknown, { id, query }) =>
      other.attest(
        fleet.enclaves.find((e) => e.identity.enclaveId === id)!,
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
      'a standing consent',
      {
        consent: {
          kind: 'standing',
          grant: { askers: ['mallory'], content: ['bytes'], until: 9e12, limit: { count: 9, seconds: 1 } },
        },
      },
    ],
  ])('refuses a receipt for %s, though its host signed it', async (_name, change) => {
    const { alice, bob } = people(fleet, gateway)
    const keygen = await alice.reserveKey(wish)
    gateway.lies.register = async ({ receipt }: RouteReply<'register'>) => ({
      receipt: await signBody(hostOf(fleet, keygen.skeleton, 2).signer, 'registration-receipt', {
        ...receipt.body,
        ...change,
      }),
    })
    await expect(bob.participate(keygen.invitation('bob'))).rejects.toMatchObject(refusedAs('receipt.invalid', [2]))
  })

  it('refuses a receipt that another host signed', async () => {
    const { alice, bob } = people(fleet, gateway)
    const keygen = await alice.reserveKey(wish)
    gateway.lies.register = async ({ receipt }: RouteReply<'register'>) => ({
      receipt: await signBody(hostOf(fleet, keygen.skeleton, 1).signer, 'registration-receipt', receipt.body),
    })
    await expect(bob.participate(keygen.invitation('bob'))).rejects.toMatchObject(refusedAs('receipt.invalid', [2]))
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

  it('is refused when a host has not signed it, and the host is named', async () => {
    const change = ({ body, signatures }: Certificate) =>
      Promise.resolve({ body, signatures: [signatures[0], signatures[2], signatures[2]] })
    await expect(shown(change)).rejects.toMatchObject(refusedAs('certificate.invalid', [2]))
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
      const receipt = await signBody(hostOf(fleet, skeleton, 1).signer, 'registration-receipt', swapped)
      const roster = { skeleton, registrations: [receipt, ...registrations.slice(1)] }
      return certify(fleet, { ...body, roster })
    }
    await expect(shown(change)).rejects.toMatchObject(refusedAs('keygen.roster_mismatch', [1]))
  })

  it("is refused when somebody else's registration was not accepted by that person's host", async () => {
    const change = async ({ body }: Certificate) => {
      const { skeleton, registrations } = body.roster
      const swapped = { ...registrations[1]!.body, authKey: '33'.repeat(32) as never }
      const receipt = await signBody(hostOf(fleet, skeleton, 1).signer, 'registration-receipt', swapped)
      const roster = { skeleton, registrations: [registrations[0]!, receipt, registrations[2]!] }
      return certify(fleet, { ...body, roster })
    }
    await expect(shown(change)).rejects.toMatchObject(refusedAs('keygen.roster_mismatch', [2]))
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

describe('what a signing is said to be', () => {
  it('is refused when a request was signed by nobody of the key', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    await alice.requestSignature(key, 'honest')
    const mallory = await authSigner(new Uint8Array(32), key.keyId)
    const forge = async (status: Signings) => ({
      ...status,
      request: await signBody(mallory, 'request', status.request.body),
    })
    gateway.lies.listSignings = async ({ signings }: { signings: Signings[] }) => ({
      signings: await Promise.all(signings.map(forge)),
    })
    await expect(bob.pendingSignings(key)).rejects.toMatchObject(refusedAs('signing.request_invalid'))
  })

  it('is refused when the items shown are of another signing', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const other = await alice.requestSignature(key, 'harmless')
    const signing = await alice.requestSignature(key, 'everything I own')
    const { sealedItems } = await other.status()
    gateway.lies.getSigning = (honest: Signings) => ({ ...honest, sealedItems })
    await expect(bob.signing(key, signing.signingId)).rejects.toMatchObject(refusedAs('seal.invalid'))
  })

  it('is left out of what waits when its items are not what it says, and the others are not', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const [garbled, lying, sound] = await Promise.all(['a', 'b', 'c'].map((text) => alice.requestSignature(key, text)))
    const { sealedItems } = await lying!.status()
    gateway.lies.listSignings = ({ signings }: { signings: Signings[] }) => ({
      signings: signings.map((one) => {
        if (one.signingId === garbled!.signingId) return { ...one, sealedItems }
        return one.signingId === lying!.signingId ? { ...one, sealedItems: [...sealedItems, ...sealedItems] } : one
      }),
    })
    const pending = await bob.pendingSignings(key)
    expect(pending.map(({ signingId }) => signingId)).toEqual([sound!.signingId])
  })

  it('is refused when another signing is shown in its place', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const other = await alice.requestSignature(key, 'one')
    const signing = await alice.requestSignature(key, 'two')
    const replayed = await other.status()
    gateway.lies.getSigning = () => replayed
    await expect(bob.signing(key, signing.signingId)).rejects.toMatchObject(refusedAs('reply.mismatch'))
    gateway.lies.getSigning = () => ({ ...replayed, signingId: signing.signingId })
    await expect(bob.signing(key, signing.signingId)).rejects.toMatchObject(refusedAs('reply.mismatch'))
  })

  it('is not approved after it has expired', async () => {
    let now = Date.now()
    const clock = people(fleet, gateway, { now: () => now })
    const keygen = await clock.alice.reserveKey(wish)
    for (const one of [clock.bob, clock.carol]) await one.participate(keygen.invitation(one.userId))
    const key = await keygen.completed()
    const signing = await clock.alice.requestSignature(key, 'soon over', { expiresIn: 10_000 })
    now += 10_000
    await expect(clock.bob.approve(signing)).rejects.toMatchObject(refusedAs('consent.expired'))
    expect(await clock.bob.pendingSignings(key)).toEqual([])
  })
})

describe('a signature', () => {
  /** What alice is told when the gateway shows her another end of the signing than the one that was. */
  const shown = async (change: (honest: Signings, key: Key, other: Signings) => unknown) => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signings = await Promise.all(['one', 'two'].map((text) => alice.requestSignature(key, text)))
    for (const signing of signings) await bob.approve(signing)
    const other = await signings[1]!.status()
    gateway.lies.getSigning = (honest: Signings) => change(honest, key, other)
    return signings[0]!.completed()
  }

  it('is refused when it does not verify, though it is sealed as it should be', async () => {
    const forge = (honest: Signings, key: Key) => {
      const { secret } = gateway.keygens.get(key.keyId)!
      return { ...honest, results: sealSignatures(secret!, honest.signingId, [new Uint8Array(64).fill(1)]) }
    }
    await expect(shown(forge)).rejects.toMatchObject(refusedAs('signature.invalid'))
  })

  it('is refused when a host says that it was another image when it signed', async () => {
    const lie = async (honest: Signings) => ({
      ...honest,
      receipts: await Promise.all(
        honest.receipts.map(({ body }, at) => {
          const measurements = at === 1 ? { ...body.measurements, '2': '00'.repeat(48) } : body.measurements
          return signBody(fleet.enclaves[body.index - 1]!.signer, 'signing-receipt', { ...body, measurements })
        }),
      ),
    })
    await expect(shown(lie)).rejects.toMatchObject(refusedAs('receipt.invalid', [2]))
  })

  it('is refused when it is missing', async () => {
    await expect(shown((honest) => ({ ...honest, results: null }))).rejects.toMatchObject(
      refusedAs('signature.invalid'),
    )
    await expect(shown((honest) => ({ ...honest, results: [] }))).rejects.toMatchObject(refusedAs('signature.invalid'))
  })

  it('is refused when it is sealed for another signing', async () => {
    await expect(shown((honest, _key, { results }) => ({ ...honest, results }))).rejects.toMatchObject(
      refusedAs('seal.invalid'),
    )
  })

  it('is refused when the end of another signing is shown in its place', async () => {
    await expect(shown((_honest, _key, other) => other)).rejects.toMatchObject(refusedAs('reply.mismatch'))
    await expect(shown(({ signingId }, _key, other) => ({ ...other, signingId }))).rejects.toMatchObject(
      refusedAs('reply.mismatch'),
    )
  })

  it.each<[string, (receipts: Signings['receipts'], other: Signings['receipts']) => unknown, number[]]>([
    ['missing', () => [], []],
    ['fewer than the threshold', ([first]) => [first], []],
    ['twice the same', ([first]) => [first, first], []],
    ['of another signing', (_own, other) => other, [1]],
    ['forged', ([first, second]) => [first, { ...second, signature: first!.signature }], [2]],
    ['changed', ([first, second]) => [first, { ...second, body: { ...second!.body, signedAt: 0 } }], [2]],
  ])('is refused when its receipts are %s', async (_name, change, culprits) => {
    const lie = (honest: Signings, _key: Key, other: Signings) => ({
      ...honest,
      receipts: change(honest.receipts, other.receipts),
    })
    await expect(shown(lie)).rejects.toMatchObject(refusedAs('receipt.invalid', culprits))
  })
})

describe('an answer', () => {
  const answers: [string, string, number, string, RefusalCode][] = [
    ['that is no JSON', '<html>', 200, 'text/html', 'reply.invalid'],
    ['that is empty', '', 200, 'application/json', 'reply.invalid'],
    ['of another form', '{"enclaves":[{"enclaveId":"../x"}]}', 200, 'application/json', 'reply.invalid'],
    ['with a field too many', '{"enclaves":[],"__proto__":{"a":1},"b":2}', 200, 'application/json', 'reply.invalid'],
    ['that is an error page', '<h1>Not found</h1>', 404, 'text/html', 'reply.invalid'],
    [
      'with a code that does not exist',
      '{"type":"","title":"","status":400,"code":"made.up","retry":"never"}',
      400,
      'application/problem+json',
      'reply.invalid',
    ],
    ['of a proxy without its gateway', 'Bad Gateway', 502, 'text/plain', 'gateway.unavailable'],
  ]
  it.each(answers)('%s is refused', async (_name, raw, status, type, code) => {
    gateway.faults.push(() => ({ raw, status, type }))
    const quorate = new Quorate({ gateway: gateway.url, trust: fleet.trust, retry: { attempts: 1, pause: 1 } })
    await expect(quorate.enclaves()).rejects.toMatchObject(refusedAs(code))
  })

  it('that refuses keeps its code and culprits, and is known as the word of the gateway', async () => {
    gateway.faults.push(() => ({ problem: 'keygen.no_enclaves', culprits: [2] }))
    const { alice } = people(fleet, gateway, { retry: { attempts: 1, pause: 1 } })
    await expect(alice.reserveKey(wish)).rejects.toMatchObject({
      code: 'keygen.no_enclaves',
      by: 'gateway',
      culprits: [2],
      retry: 'same_request',
      message: refusals['keygen.no_enclaves'].title,
    })
  })

  it('that asks to come again is followed by the same request under the same Idempotency-Key', async () => {
    gateway.faults.push(
      () => ({ problem: 'gateway.draining' }),
      () => ({ raw: '', status: 503, type: 'text/plain' }),
    )
    await people(fleet, gateway).alice.reserveKey(wish)
    const tries = sentTo('reserveKeygen')
    expect(tries).toHaveLength(3)
    expect(new Set(tries.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    expect(tries[0]!.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('that refuses for good is not asked for again', async () => {
    gateway.faults.push(() => ({ problem: 'request.invalid' }))
    await expect(people(fleet, gateway).alice.reserveKey(wish)).rejects.toMatchObject({ code: 'request.invalid' })
    expect(sentTo('reserveKeygen')).toHaveLength(1)
  })

  it('that no longer takes the token is followed by a new proof, once', async () => {
    const { keygen } = await makeKey(fleet, gateway)
    const proofs = sentTo('openSession').length
    gateway.faults.push(() => ({ problem: 'request.unauthorized' }))
    await keygen.status()
    expect(sentTo('openSession')).toHaveLength(proofs + 1)
    gateway.faults.push(
      () => ({ problem: 'request.unauthorized' }),
      () => undefined,
      () => ({ problem: 'request.unauthorized' }),
    )
    await expect(keygen.status()).rejects.toMatchObject({ code: 'request.unauthorized', by: 'gateway' })
  })

  it('that never comes is given up', async () => {
    await gateway.close()
    const { alice } = people(fleet, gateway)
    await expect(alice.reserveKey(wish)).rejects.toMatchObject(refusedAs('gateway.unavailable'))
  })
})

describe('waiting', () => {
  it('ends with a code when the time is over, and can go on', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'slowly')
    await expect(signing.completed({ timeout: 30 })).rejects.toMatchObject(refusedAs('wait.timeout'))
    await bob.approve(signing)
    await signing.completed({ timeout: 5_000 })
  })

  it('stops at once when it is aborted', async () => {
    const { alice, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'never mind')
    const stop = new AbortController()
    const waiting = signing.completed({ signal: stop.signal })
    const reason = new Error('enough')
    setTimeout(() => stop.abort(reason), 20)
    await expect(waiting).rejects.toBe(reason)
  })

  it('asks a gateway that does not wait no more than five times a second', async () => {
    const { alice, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'hot')
    const raw = JSON.stringify(await signing.status())
    gateway.faults.push(...Array.from({ length: 50 }, () => () => ({ raw, status: 200, type: 'application/json' })))
    const before = sentTo('getSigning').length
    await expect(signing.completed({ timeout: 500 })).rejects.toMatchObject({ code: 'wait.timeout' })
    expect(sentTo('getSigning').length - before).toBeLessThan(5)
  })
})
