import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { openMode, sealMode } from '@quorate/shared/verify/key-mode'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import type { Mode } from '@quorate/shared/wire/mode'
import type { Init, RegistrationBody } from '@quorate/shared/wire/keygen'
import { describe, expect, it } from 'vitest'
import { startHosts, type Host } from '../../test/host.ts'
import { draw, initFor, prove, random, registrationFor, sealFor, type Plan } from '../../test/people.ts'
import { expectRefusal } from '../../test/refused.ts'
import { openInit, register, wipeEnrolment, type Enrolment } from './enrolment.ts'

/*
 * How a host is told of a keygen, and whom it admits. What a gateway can do to it on the way: `enrolment-cheats.test.ts`.
 */
const group = await startHosts({ size: 2 })
const [first, second] = group.members as [Host, Host]
/** Alice and Carol are hosted by the first, Bob by the second. */
const plan = await draw(group)

const parts = { keys: first.keys, mpc: group.mpc }
const sealed = (message: unknown, host = first) => fromBase64url(sealFor(host, message))
const init = (change: Partial<Init> = {}): Init => ({ ...initFor(plan, first), ...change })
const opened = (message: unknown = init(), of: Plan = plan, now = group.clock.now) =>
  openInit(parts, of.skeleton, sealed(message), now)
const admit = async (enrolment: Enrolment, message: unknown) => register(parts, enrolment, sealed(message))
/** A registration that its own participant signs, of whatever it says, with whatever invitation. */
const saying = async (change: Partial<RegistrationBody>, of: Plan = plan) => {
  const { body } = await registrationFor(of, 1)
  return prove(of, of.signers.get(1)!, { ...body, ...change })
}

describe('an init', () => {
  it('opens for its host, with the invitations of those who are hosted there', async () => {
    const enrolment = await opened()
    expect([...enrolment.invitationKeys.keys()]).toEqual([1, 3])
    expect(enrolment.registered.size).toBe(0)
  })

  it('opens for no other host, and no other message opens as one', async () => {
    const elsewhere = openInit(
      { keys: first.keys, mpc: group.mpc },
      plan.skeleton,
      sealed(init(), second),
      group.clock.now,
    )
    await expectRefusal(elsewhere, 'seal.invalid')
    await expectRefusal(opened(await registrationFor(plan, 1)), 'seal.invalid')
    await expectRefusal(opened({ ...init(), more: 1 }), 'seal.invalid')
    await expectRefusal(opened(new Uint8Array(8)), 'seal.invalid')
  })

  it('is of this skeleton, this session secret, and just those who are hosted here', async () => {
    const mismatch = 'keygen.skeleton_mismatch'
    await expectRefusal(opened(init(), await draw(group)), mismatch)
    await expectRefusal(opened(init({ sessionSecret: randomBytes(32) })), mismatch)
    const [one, other] = init().invitationKeys
    await expectRefusal(opened(init({ invitationKeys: [one!] })), mismatch)
    await expectRefusal(opened(init({ invitationKeys: [one!, other!, { index: 2, key: randomBytes(32) }] })), mismatch)
  })

  it('is of a mode that whoever has the session secret can read', async () => {
    const { keyId } = plan.skeleton
    const inMode = (sealedMode: Uint8Array) => {
      const of = { ...plan, skeleton: { ...plan.skeleton, sealedMode: toBase64url(sealedMode) } }
      return opened(initFor(of, first), of)
    }
    const mode = { kind: 'taproot', merkleRoot: random(32) } as const
    const good = sealMode(plan.sessionSecret, keyId, mode)
    const { sessionSecret, skeleton } = await inMode(good)
    expect(openMode(sessionSecret, skeleton)).toEqual(mode)
    await expectRefusal(inMode(sealMode(randomBytes(32), keyId, mode)), 'seal.invalid')
    await expectRefusal(inMode(sealMode(plan.sessionSecret, random(16), mode)), 'seal.invalid')
    await expectRefusal(inMode(good.slice(1)), 'seal.invalid')
    const ofNone = { kind: 'child', path: [0], merkleRoot: null }
    const unread = [{ kind: 'taproot' }, { kind: 'tweak', xonly: true, tweak: '00'.repeat(32) }, {}, null]
    for (const wrong of [...unread, ofNone])
      await expectRefusal(inMode(sealMode(plan.sessionSecret, keyId, wrong as Mode)), 'tweak.invalid')
  })

  it('comes before its keygen is over', async () => {
    await expectRefusal(opened(init(), plan, plan.skeleton.expiresAt), 'keygen.expired')
    await opened(init(), plan, plan.skeleton.expiresAt - 1)
  })
})

describe('a registration', () => {
  it('gets a receipt that names what was registered, and the same one each time', async () => {
    const enrolment = await opened()
    const registration = await registrationFor(plan, 1)
    const receipt = await admit(enrolment, registration)
    const { skeletonDigest, userId, index, authKey } = registration.body
    expect(receipt.body).toMatchObject({ skeletonDigest, userId, index, authKey })
    expect(await admit(enrolment, registration)).toEqual(receipt)
    expect([...enrolment.registered.keys()]).toEqual([1])
  })

  it('is the only one of its participant', async () => {
    const enrolment = await opened()
    await admit(enrolment, await registrationFor(plan, 1))
    const another = { ...plan, signers: new Map([[1, plan.signers.get(3)!]]) }
    await expectRefusal(admit(enrolment, await registrationFor(another, 1)), 'keygen.slot_taken')
  })

  it('is of this keygen, and of who was invited and is hosted here', async () => {
    const enrolment = await opened()
    await expectRefusal(admit(enrolment, await registrationFor(await draw(group), 1)), 'keygen.skeleton_mismatch')
    const uninvited = { ...plan, invitationKeys: new Map([[1, random(32)]]) }
    await expectRefusal(admit(enrolment, await saying({}, uninvited)), 'keygen.invitation_invalid')
    await expectRefusal(admit(enrolment, await registrationFor(plan, 2)), 'keygen.invitation_invalid')
    await expectRefusal(admit(enrolment, await saying({ userId: 'carol' })), 'keygen.invitation_invalid')
    expect(enrolment.registered.size).toBe(0)
  })

  it('is signed with the key that it names', async () => {
    const { body } = await registrationFor(plan, 1)
    const forged = await prove(plan, plan.signers.get(3)!, body)
    await expectRefusal(admit(await opened(), forged), 'keygen.invitation_invalid')
  })

  it('opens for no other purpose', async () => {
    await expectRefusal(admit(await opened(), init()), 'seal.invalid')
    await expectRefusal(register(parts, await opened(), randomBytes(200)), 'seal.invalid')
  })
})

it('leaves nothing secret when it is wiped', async () => {
  const enrolment = await opened()
  wipeEnrolment(enrolment)
  for (const secret of [enrolment.sessionSecret, ...enrolment.invitationKeys.values()])
    expect(secret).toEqual(new Uint8Array(32))
  await expect(admit(enrolment, await registrationFor(plan, 1))).rejects.toBeInstanceOf(Refusal)
})
