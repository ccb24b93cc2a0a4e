import { schnorr } from '@noble/curves/secp256k1.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { randomBytes } from '@noble/hashes/utils.js'
import type { Mpc } from '@quorate/shared/mpc'
import { digestOf } from '@quorate/shared/crypto/sign'
import { makeOf } from '@quorate/shared/schemes/cryptography'
import type { DealtKey } from '@quorate/shared/schemes/scheme'
import { defaultScheme, factsOf, makesBy, schemeNames, type SchemeName } from '@quorate/shared/schemes/table'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { fromBase64url, fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { Init } from '@quorate/shared/wire/keygen'
import { describe, expect, it } from 'vitest'
import { keyPackage } from '../../../mpc/test/encoding.js'
import { hashOfBytes } from '../../../test/bytes-hash.js'
import { acceptAll, certifyAll, enrol, makeKey, sign, type MadeKey } from '../../test/ceremony.ts'
import { agree } from '../../test/epoch-change.ts'
import { introduceAll, startHosts, type Host } from '../../test/host.ts'
import {
  approve,
  ask,
  bytesItem,
  dealtFor,
  draw,
  initFor,
  openSignatures,
  prove,
  registrationFor,
  sealFor,
  type Plan,
  type PlanOptions,
} from '../../test/people.ts'
import { refresh } from '../../test/refresh.ts'
import { expectRefusal } from '../../test/refused.ts'
import { openInit, wipeEnrolment } from './enrolment.ts'

const group = await startHosts()
await introduceAll(group.members)
const { mpc } = group
const [first] = group.members as [Host]

const publicKeyOf = (scheme: SchemeName, secretKey: Uint8Array) =>
  toHex(factsOf(scheme).verification === 'ed25519' ? ed25519.getPublicKey(secretKey) : schnorr.getPublicKey(secretKey))
const verifies = (scheme: SchemeName, signature: Uint8Array, publicKey: string) =>
  (factsOf(scheme).verification === 'ed25519' ? ed25519 : schnorr).verify(
    signature,
    hashOfBytes('hello'),
    fromHex(publicKey),
  )

async function signs(key: MadeKey): Promise<Uint8Array> {
  const soon = group.clock.now + 60_000
  const { epoch } = key.certificate.body
  const asked = await ask(key.plan, key, 1, [bytesItem('hello')], soon, (body) => ({ ...body, epoch }))
  const { sealedSignatures } = await sign(key, asked, [await approve(key.plan, 3, asked.requestDigest, soon)], [1, 3])
  return openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)[0]!
}

const dealt = (options: PlanOptions<Host> = {}) => draw<Host>(group, { secretKey: randomBytes(32), ...options })
const begin = (plan: Plan<Host>, init: Init = initFor(plan, first)) =>
  first.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(first, init) })

/** Whose dealers split keys of FROST. */
const hasDealer = (scheme: SchemeName): scheme is SchemeName & Parameters<Mpc['frost']>[0] => makesBy(scheme, 'deal')

describe.each(schemeNames.filter(hasDealer))('a dealt key of %s', (scheme) => {
  it('signs under the public key that its secret had, also after a refresh', async () => {
    const secretKey = randomBytes(32)
    const publicKey = publicKeyOf(scheme, secretKey)
    const key = await makeKey(group, { scheme, secretKey })
    expect(key.certificate.body.groupKey).toBe(publicKey)
    expect(verifies(scheme, await signs(key), publicKey)).toBe(true)
    const refreshed = await refresh(group, key)
    expect(refreshed.certificate.body.publicKeys).not.toBe(key.certificate.body.publicKeys)
    expect(verifies(scheme, await signs(refreshed), publicKey)).toBe(true)
  })

  const deal = (participants: number, threshold: number) =>
    makeOf(mpc, scheme, 'deal')({ secretKey: randomBytes(32), participants, threshold })
  const zeroed = ({ shares, publicKeys }: DealtKey): DealtKey => ({
    shares: new Map(shares).set(1, shares.get(1)!.slice().fill(0, 37, 69)),
    publicKeys,
  })
  const swapped = ({ shares, publicKeys }: DealtKey): DealtKey => ({
    shares: new Map([...shares.keys()].map((index) => [index, shares.get(1 + (index % shares.size))!])),
    publicKeys,
  })
  /** Shares of which two give the key, as if there had to be three. */
  const lowered = (): DealtKey => {
    const { shares, publicKeys } = deal(3, 2)
    const frost = mpc.frost(scheme)
    const described = frost.describe({ publicKeys })
    const verifyingKey = shares
      .get(1)!
      .subarray(69 + described.verifyingShares.get(1)!.length)
      .subarray(0, -1)
    const raised = [...shares].map(([index, share]): [number, Uint8Array] => {
      const secret = share.subarray(37, 69)
      return [index, keyPackage(scheme, { index, secret, verifyingKey, threshold: 3 })]
    })
    return { shares: new Map(raised), publicKeys: frost.publicKeysFrom({ ...described, threshold: 3 }) }
  }
  const cheats: [string, PlanOptions<Host>][] = [
    ['a share of zero', { cheat: zeroed }],
    ['the share of another participant', { cheat: swapped }],
    ['a share of another polynomial', { cheat: (key) => ({ ...key, shares: deal(3, 2).shares }) }],
    ['another threshold', { cheat: () => deal(3, 3) }],
    ['fewer participants', { cheat: () => deal(2, 2) }],
    ['more participants', { cheat: () => deal(4, 2) }],
    ['shares of which fewer give the key than it says', { threshold: 3, cheat: lowered }],
    [
      'what is no share',
      { cheat: (key) => ({ ...key, shares: new Map([1, 2, 3].map((at) => [at, randomBytes(9)])) }) },
    ],
  ]

  it.each(cheats)('is refused by a host to which was dealt %s, which names nobody', async (_, options) => {
    const plan = await dealt({ scheme, ...options })
    await expectRefusal(begin(plan), 'keygen.dealt_invalid', [])
    await expectRefusal(first.call('keygen.register', await registered(plan)), 'keygen.unknown')
  })

  it('is refused by a host to which other public keys were dealt than its skeleton names', async () => {
    const plan = await dealt({ scheme })
    const other = deal(3, 2)
    await expectRefusal(
      begin(plan, { ...initFor(plan, first), dealt: dealtFor(other, [1]) }),
      'keygen.dealt_invalid',
      [],
    )
    const named = plan.skeleton.dealt!
    for (const change of [{ groupKey: 'ab'.repeat(32) }, { publicKeys: digestOf('dealt', 'another') }]) {
      const lying = { ...plan, skeleton: { ...plan.skeleton, dealt: { ...named, ...change } } }
      await expectRefusal(begin(lying), 'keygen.dealt_invalid', [])
    }
  })
})

const registered = async (plan: Plan<Host>, index = 1) => ({
  keyId: plan.skeleton.keyId,
  sealed: sealFor(plan.hosts.get(index)!, await registrationFor(plan, index)),
})

describe('what was dealt', () => {
  it('is for a key whose skeleton says so, and all of it for the participants of this host', async () => {
    const plan = await dealt()
    const { dealt: own, ...none } = initFor(plan, first)
    await expectRefusal(begin(plan, none), 'keygen.dealt_invalid')
    const drawn = await draw<Host>(group)
    await expectRefusal(begin(drawn, { ...initFor(drawn, first), dealt: own }), 'keygen.dealt_invalid')
    for (const hosted of [[], [2], [1, 2], [1, 1]])
      await expectRefusal(begin(plan, { ...none, dealt: dealtFor(plan.dealt!, hosted) }), 'keygen.dealt_invalid')
    await begin(plan)
  })

  it('is known to who registers', async () => {
    const plan = await dealt()
    await begin(plan)
    const { body } = await registrationFor(plan, 1)
    const other = { kind: 'dealt', publicKeys: digestOf('dealt', 'another') } as const
    for (const contribution of [{ kind: 'none' } as const, other]) {
      const registration = await prove(plan, plan.signers.get(1)!, { ...body, contribution })
      const params = { keyId: plan.skeleton.keyId, sealed: sealFor(first, registration) }
      await expectRefusal(first.call('keygen.register', params), 'keygen.skeleton_mismatch')
    }
    await first.call('keygen.register', await registered(plan))
  })

  it('is certified of no participant whose share does not fit, and that host says so each time', async () => {
    const cheat = ({ shares, publicKeys }: DealtKey): DealtKey => ({
      publicKeys,
      shares: new Map(shares).set(4, shares.get(3)!),
    })
    const plan = await dealt({ users: ['alice', 'bob', 'carol', 'dave'], threshold: 3, cheat })
    const roster = await enrol(plan)
    const accept = (index: number) => first.call('keygen.accept', { keyId: plan.skeleton.keyId, index, roster })
    await accept(1)
    for (let time = 0; time < 2; time += 1) await expectRefusal(accept(4), 'keygen.dealt_invalid', [])
    await accept(1)
    const certified = first.events.flatMap((of) => (of.event === 'key.certified' ? [of] : []))
    expect(certified.filter(({ keyId }) => keyId === plan.skeleton.keyId).map(({ index }) => index)).toEqual([1, 1])
    await expectRefusal(accept(2), 'keygen.roster_mismatch')
  })

  it('is certified without a round of a DKG, the same in every attempt, and by one roster', async () => {
    const plan = await dealt()
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    await expectRefusal(first.call('keygen.round1', { keyId, index: 1, attempt: 1, roster }), 'keygen.out_of_order')
    const key = await acceptAll(plan, roster)
    expect((await acceptAll(plan, roster)).sealedShares).toEqual(key.sealedShares)
    const drawn = await draw<Host>(group)
    const params = { keyId: drawn.skeleton.keyId, index: 1, roster: await enrol(drawn) }
    await expectRefusal(first.call('keygen.accept', params), 'keygen.out_of_order')

    await group.members[1]!.restart()
    await introduceAll(group.members)
    const second = { ...plan, signers: new Map(plan.signers).set(2, drawn.signers.get(2)!) }
    const [bob] = [group.members[1]!]
    await bob.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(bob, initFor(plan, bob)) })
    const { receipt } = await bob.call('keygen.register', await registered(second, 2))
    const other = { ...roster, registrations: roster.registrations.map((one, at) => (at === 1 ? receipt : one)) }
    await expectRefusal(first.call('keygen.accept', { keyId, index: 1, roster: other }), 'keygen.roster_mismatch')
  })

  it('is accepted by a host that has restarted, once it is told of it again', async () => {
    const plan = await dealt()
    const roster = await enrol(plan)
    const before = await acceptAll(plan, roster)
    await first.restart()
    await introduceAll(group.members)
    await expectRefusal(acceptAll(plan, roster), 'keygen.unknown')
    await begin(plan)
    await first.call('keygen.register', await registered(plan))
    const key = await agree(await certifyAll(plan, roster))
    expect(key.digest).toBe(before.digest)
    expect(verifies(defaultScheme, await signs(key), key.certificate.body.groupKey)).toBe(true)
  })

  it('is all that a certificate of it can hold, in epoch 0', async () => {
    const key = await makeKey(group, { secretKey: randomBytes(32) })
    const { body } = key.certificate
    const other = await makeKey(group, {})
    const certified = async (change: Partial<CertificateBody>) => {
      const changed = { ...body, ...change }
      const signed = group.members.map((host) => host.keys.sign('certificate', changed))
      return verifyCertificate({ body: changed, signatures: (await Promise.all(signed)).map((one) => one.signature) })
    }
    const { groupKey, publicKeys } = other.certificate.body
    await expectRefusal(certified({ groupKey }), 'certificate.invalid')
    await expectRefusal(certified({ publicKeys }), 'certificate.invalid')
    await expectRefusal(certified({ groupKey, epoch: 1 }), 'certificate.invalid')
    await certified({ publicKeys, epoch: 1 })
  })

  it('is gone from a host when it was used, when it is wiped, and when it was refused', async () => {
    const seen: Uint8Array[] = []
    const isWiped = (share: Uint8Array) => share.every((byte) => byte === 0)
    const areGone = () => seen.length > 0 && seen.splice(0).every(isWiped)
    const watching = await startHosts({ mpcOf: (at, of) => (at === 0 ? watched(of, seen) : of) })
    await introduceAll(watching.members)
    const [host] = watching.members as [Host]
    const parts = { keys: host.keys, mpc: watched(mpc, seen) }
    const plan = await draw<Host>(watching, { secretKey: randomBytes(32) })
    const open = (init: Init) => openInit(parts, plan.skeleton, fromBase64url(sealFor(host, init)), watching.clock.now)

    const enrolment = await open(initFor(plan, host))
    expect(seen.some(isWiped)).toBe(false)
    wipeEnrolment(enrolment)
    expect(areGone()).toBe(true)

    const { shares, publicKeys } = plan.dealt!
    const wrong = { publicKeys, shares: new Map([[1, shares.get(2)!]]) }
    await expectRefusal(open({ ...initFor(plan, host), dealt: dealtFor(wrong, [1]) }), 'keygen.dealt_invalid')
    expect(areGone()).toBe(true)

    const roster = await enrol(plan)
    expect(seen.some(isWiped)).toBe(false)
    await acceptAll(plan, roster)
    expect(areGone()).toBe(true)
  })
})

/** Shows the shares that a host looks at. */
const watched = (of: Mpc, seen: Uint8Array[]): Mpc => ({
  ...of,
  frost: (scheme) => {
    const frost = of.frost(scheme)
    return { ...frost, verifyShare: (made) => (seen.push(made.share), frost.verifyShare(made)) }
  },
})
