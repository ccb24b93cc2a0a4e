import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { digestOf } from '@quorate/shared/crypto/sign'
import { makeOf } from '@quorate/shared/schemes/cryptography'
import { makesBy, schemeNames } from '@quorate/shared/schemes/table'
import { describesKey } from '@quorate/shared/verify/certificate'
import { frameOfContributions, keepsWhatWasContributed } from '@quorate/shared/verify/contributed'
import { fromBase64url, fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { RegistrationReceipt, Roster } from '@quorate/shared/wire/keygen'
import { describe, expect, it } from 'vitest'
import { aggregateOf, sortedKeys } from '../../../test/bip327.js'
import { hashOfBytes } from '../../../test/bytes-hash.js'
import { acceptAll, enrol, loadKey, makeKey, recall, sign, type MadeKey } from '../../test/ceremony.ts'
import { introduceAll, startHosts, type Host } from '../../test/host.ts'
import {
  approve,
  ask,
  bytesItem,
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
import { openInit, register, wipeEnrolment } from './enrolment.ts'

const group = await startHosts()
await introduceAll(group.members)
const { mpc } = group
const [first, second] = group.members as [Host, Host]
const scheme = schemeNames.find((one) => makesBy(one, 'contribute'))!
const users = (count: number) => ['alice', 'bob', 'carol'].slice(0, count)
const drawn = (options: PlanOptions<Host> = {}) => draw<Host>(group, { scheme, ...options })
const newKeys = (...indices: number[]) => new Map(indices.map((index) => [index, schnorr.utils.randomSecretKey()]))
const soon = () => group.clock.now + 60_000

/** Alice asks, all others have approved, and all hosts sign. */
async function signs(key: MadeKey): Promise<boolean> {
  const indices = [...key.plan.hosts.keys()]
  const asked = await ask(key.plan, key, 1, [bytesItem('hello')], soon())
  const others = indices.slice(1)
  const approvals = await Promise.all(
    others.map((index) => approve(key.plan, index, asked.requestDigest, soon(), 'approve', { lives: [] })),
  )
  const { sealedSignatures } = await sign(key, asked, approvals, indices)
  const [signature] = openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)
  return schnorr.verify(signature!, hashOfBytes('hello'), fromHex(key.certificate.body.groupKey))
}

const publicKeysIn = ({ registrations }: Roster) =>
  registrations.map(({ body }) => fromHex(body.contributed?.publicKey ?? ''))

describe.each([2, 3])('a key to which each of %i participants contributes one', (count) => {
  const ways: [string, PlanOptions<Host>][] = [
    ['drawn by the hosts', {}],
    ['brought by all', { ownKeys: newKeys(1, 2, 3) }],
    ['brought by one, and drawn by the others', { ownKeys: newKeys(2) }],
  ]
  it.each(ways)('is BIP-327’s aggregate of the keys %s, and signs', async (_, options) => {
    for (const keyOrder of [undefined, 'indices'] as const) {
      const key = await makeKey(group, { scheme, users: users(count), ...options, ...(keyOrder ? { keyOrder } : {}) })
      const { roster, groupKey } = key.certificate.body
      const listed = publicKeysIn(roster)
      expect(groupKey).toBe(toHex(aggregateOf(keyOrder === undefined ? sortedKeys(listed) : listed)))
      for (const [index, secret] of options.ownKeys ?? [])
        if (index <= count) expect(listed[index - 1]).toEqual(secp256k1.getPublicKey(secret, true))
      expect(keepsWhatWasContributed(mpc, key.certificate.body)).toBe(true)
      expect(await signs(key)).toBe(true)
    }
  })
})

describe('what a participant contributes', () => {
  const registered = async (plan: Plan<Host>, index: number) => ({
    keyId: plan.skeleton.keyId,
    sealed: sealFor(plan.hosts.get(index)!, await registrationFor(plan, index)),
  })
  const begin = (plan: Plan<Host>, host: Host) =>
    host.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(host, initFor(plan, host)) })

  it.each([
    ['drawn', {}],
    ['brought', { ownKeys: newKeys(1, 2, 3) }],
  ] as [string, PlanOptions<Host>][])(
    'is the same after its host has restarted, when it was %s',
    async (_, options) => {
      const plan = await drawn(options)
      const roster = await enrol(plan)
      const sealed = await Promise.all([...plan.hosts.keys()].map((index) => registered(plan, index)))
      second.restart()
      await introduceAll(group.members)
      await begin(plan, second)
      const { receipt } = await second.call('keygen.register', sealed[1]!)
      const before = roster.registrations[1]!
      expect(receipt.body.contributed?.publicKey).toBe(before.body.contributed?.publicKey)
      const key = await acceptAll(plan, roster)
      // It has its share, and may do without it: what was certified is certified again.
      second.restart()
      await introduceAll(group.members)
      await begin(plan, second)
      await second.call('keygen.register', sealed[1]!)
      expect((await acceptAll(plan, roster)).digest).toBe(key.digest)
    },
  )

  it('is another for another registration, and at another host', () => {
    const place = { index: 1, registrationDigest: digestOf('register', 'one') }
    expect(first.keys.drawKey(place)).toEqual(first.keys.drawKey(place))
    for (const other of [
      { ...place, index: 2 },
      { ...place, registrationDigest: digestOf('register', 'two') },
    ])
      expect(first.keys.drawKey(other)).not.toEqual(first.keys.drawKey(place))
    expect(second.keys.drawKey(place)).not.toEqual(first.keys.drawKey(place))
  })

  it('gets the same receipt again, and another key in its place none', async () => {
    const plan = await drawn({ ownKeys: newKeys(1) })
    await begin(plan, first)
    const registration = await registered(plan, 1)
    const { receipt } = await first.call('keygen.register', registration)
    expect(await first.call('keygen.register', registration)).toEqual({ receipt })
    const other = await registered({ ...plan, ownKeys: newKeys(1) }, 1)
    await expectRefusal(first.call('keygen.register', other), 'keygen.slot_taken')
  })

  it('is a secret key, and nothing of another scheme', async () => {
    for (const bad of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
      const plan = await drawn({ ownKeys: new Map([[1, bad]]) })
      await begin(plan, first)
      await expectRefusal(first.call('keygen.register', await registered(plan, 1)), 'keygen.contribution_invalid')
    }
    const plan = await drawn()
    await begin(plan, first)
    const { body } = await registrationFor(plan, 1)
    const contribution = { kind: 'dealt', publicKeys: digestOf('dealt', 'something') } as const
    const sealed = sealFor(first, await prove(plan, plan.signers.get(1)!, { ...body, contribution }))
    await expectRefusal(
      first.call('keygen.register', { keyId: plan.skeleton.keyId, sealed }),
      'keygen.skeleton_mismatch',
    )
    for (const name of schemeNames.filter((one) => !makesBy(one, 'contribute'))) {
      const usual = await draw<Host>(group, { scheme: name, ownKeys: newKeys(1) })
      await begin(usual, first)
      await expectRefusal(first.call('keygen.register', await registered(usual, 1)), 'keygen.skeleton_mismatch')
    }
  })

  it('is held until it is certified, and wiped when it is not', async () => {
    const plan = await drawn({ ownKeys: newKeys(1) })
    const parts = { keys: first.keys, mpc }
    const enrolment = await openInit(
      parts,
      plan.skeleton,
      fromBase64url(sealFor(first, initFor(plan, first))),
      group.clock.now,
    )
    await register(parts, enrolment, fromBase64url((await registered(plan, 1)).sealed))
    const held = enrolment.contributions.get(1)!
    expect(held).toEqual(plan.ownKeys?.get(1))
    wipeEnrolment(enrolment)
    expect([held, enrolment.contributions.size]).toEqual([new Uint8Array(32), 0])
  })
})

describe('whoever cheats in contributing', () => {
  /** A roster in which the host of participant 2 says something else of its key. */
  async function rigged(
    plan: Plan<Host>,
    change: (body: RegistrationReceipt['body']) => RegistrationReceipt['body'],
  ): Promise<Roster> {
    const roster = await enrol(plan)
    const receipt = await second.keys.sign('registration-receipt', change(roster.registrations[1]!.body))
    return { ...roster, registrations: roster.registrations.map((one, at) => (at === 1 ? receipt : one)) }
  }
  const namedByOthers = async (plan: Plan<Host>, roster: Roster, code: string, culprits: number[]) => {
    for (const index of [1, 3]) {
      const accepted = plan.hosts.get(index)!.call('keygen.accept', { keyId: plan.skeleton.keyId, index, roster })
      await expectRefusal(accepted, code as never, culprits)
    }
  }

  it('without knowing its secret is named by all others: with a key after theirs, or the proof of another', async () => {
    for (const lie of ['cancelling', 'other place', 'other making'] as const) {
      const plan = await drawn()
      const roster = await rigged(plan, (body) => {
        const secretKey = schnorr.utils.randomSecretKey()
        const frame = frameOfContributions(plan.skeleton)
        const other = { ...frame, session: lie === 'other making' ? randomBytes(32) : frame.session, secretKey }
        const said = makeOf(mpc, scheme, 'contribute').begin({ ...other, index: lie === 'other place' ? 1 : 2 })
        const publicKey = lie === 'cancelling' ? secp256k1.getPublicKey(randomBytes(32), true) : said.publicKey
        return { ...body, contributed: { publicKey: toHex(publicKey), proof: toHex(said.proof) } }
      })
      await namedByOthers(plan, roster, 'keygen.bad_package', [2])
    }
  })

  it('with no key, or with one where there is none, is named by all others', async () => {
    const plan = await drawn()
    const none = await rigged(plan, ({ skeletonDigest, userId, index, authKey, grant }) => ({
      skeletonDigest,
      userId,
      index,
      authKey,
      grant,
    }))
    await namedByOthers(plan, none, 'keygen.roster_mismatch', [2])
    const usual = await draw<Host>(group)
    const { registrations } = await enrol(await drawn())
    const { contributed } = registrations[1]!.body
    const more = await rigged(usual, (body) => ({ ...body, contributed }))
    const { keyId } = usual.skeleton
    const begun = first.call('keygen.round1', { keyId, index: 1, attempt: 1, roster: more })
    await expectRefusal(begun, 'keygen.roster_mismatch', [2])
  })

  it('with the key of another is named with that other, since both know its secret', async () => {
    const [key] = newKeys(1).values()
    const plan = await drawn({ ownKeys: new Map([2, 3].map((index) => [index, key!])) })
    const roster = await enrol(plan)
    const accepted = first.call('keygen.accept', { keyId: plan.skeleton.keyId, index: 1, roster })
    await expectRefusal(accepted, 'keygen.bad_package', [2, 3])
  })

  it('makes no certificate of other keys than the receipts name', async () => {
    const [key, other] = [await makeKey(group, { scheme }), await makeKey(group, { scheme })]
    const { groupKey, publicKeys } = other.certificate.body
    const body = { ...key.certificate.body, groupKey, publicKeys }
    expect(describesKey(mpc, body)).toBe(true)
    expect(keepsWhatWasContributed(mpc, body)).toBe(false)
  })
})

describe('such a key', () => {
  it('has no rounds of a DKG, and is not refreshed', async () => {
    const plan = await drawn()
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    await expectRefusal(first.call('keygen.round1', { keyId, index: 1, attempt: 1, roster }), 'keygen.out_of_order')
    await expectRefusal(refresh(group, await makeKey(group, { scheme })), 'refresh.unsupported')
  })

  it('signs after a restart of one of its hosts', async () => {
    const key = await makeKey(group, { scheme })
    second.restart()
    await introduceAll(group.members)
    await loadKey(key, [2])
    await recall(key, 2)
    expect(await signs(key)).toBe(true)
  })
})
