import { randomBytes } from '@noble/hashes/utils.js'
import type { Frost } from '@quorate/shared/mpc'
import { taggedHash } from '@quorate/shared/seal/hash'
import { createSigner } from '@quorate/shared/seal/sign'
import { fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { SignKey } from '@quorate/shared/wire/ids'
import type { RefusalCode } from '@quorate/shared/errors'
import type { Roster, RoundOne } from '@quorate/shared/wire/keygen'
import { describe, expect, it } from 'vitest'
import { createCluster, createLyingCluster } from './support/cluster.ts'
import { enrol, makeKey, runDkg } from './support/ceremony.ts'
import { draw, initFor, prove, random, registrationFor, sealFor } from './support/people.ts'
import { expectRefusal } from './support/refused.ts'

const cluster = await createCluster()

const initAll = async (plan: Awaited<ReturnType<typeof draw>>) => {
  for (const member of new Set(plan.hosts.values()))
    await member.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(member, initFor(plan, member)) })
}

describe('an enclave that is asked to take part in a keygen', () => {
  it('refuses a skeleton other than the one that its sealed part was made for', async () => {
    const plan = await draw(cluster)
    const [member] = cluster.members
    const sealed = sealFor(member!, initFor(plan, member!))
    const lowered = { ...plan.skeleton, policy: { content: ['nostr-event' as const] } }
    await expectRefusal(member!.call('keygen.init', { skeleton: lowered, sealed }), 'keygen.skeleton_mismatch')
  })

  it('refuses a second skeleton under the same key id', async () => {
    const plan = await draw(cluster)
    await initAll(plan)
    const other = { ...plan, skeleton: { ...plan.skeleton, threshold: 3 } }
    const [member] = cluster.members
    const sealed = sealFor(member!, initFor(other, member!))
    await expectRefusal(member!.call('keygen.init', { skeleton: other.skeleton, sealed }), 'keygen.skeleton_mismatch')
  })

  it('begins no keygen for whoever does not know the session secret of its skeleton', async () => {
    const plan = await draw(cluster)
    await expectRefusal(initAll({ ...plan, sessionSecret: randomBytes(32) }), 'keygen.skeleton_mismatch')
  })

  it('refuses invitations for other people than it hosts, and a skeleton in which it hosts nobody', async () => {
    const plan = await draw(cluster)
    const [first, second] = cluster.members
    const init = initFor(plan, first!)
    for (const invitationKeys of [
      [],
      [{ index: 2, key: randomBytes(32) }],
      [...init.invitationKeys, { index: 2, key: randomBytes(32) }],
    ])
      await expectRefusal(
        first!.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(first!, { ...init, invitationKeys }) }),
        'keygen.skeleton_mismatch',
      )
    const elsewhere = await draw(cluster, { users: ['alice', 'bob'], hosts: [second!] })
    const sealed = sealFor(first!, { ...initFor(elsewhere, first!), invitationKeys: [] })
    await expectRefusal(
      first!.call('keygen.init', { skeleton: elsewhere.skeleton, sealed }),
      'keygen.skeleton_mismatch',
    )
  })

  it("lets nobody in whom the reserving person did not invite, as with a gateway's own init", async () => {
    const plan = await draw(cluster)
    await initAll({ ...plan, invitationKeys: new Map([1, 2, 3].map((k) => [k, random(32)])) })
    const [member] = cluster.members
    const sealed = sealFor(member!, await registrationFor(plan, 1))
    await expectRefusal(
      member!.call('keygen.register', { keyId: plan.skeleton.keyId, sealed }),
      'keygen.invitation_invalid',
    )
  })

  it('refuses a registration under a key that the participant does not hold', async () => {
    const plan = await draw(cluster)
    await initAll(plan)
    const { body } = await registrationFor(plan, 1)
    const stranger = await createSigner(randomBytes(32))
    const sealed = sealFor(cluster.members[0]!, await prove(plan, stranger, body))
    await expectRefusal(
      cluster.members[0]!.call('keygen.register', { keyId: plan.skeleton.keyId, sealed }),
      'keygen.invitation_invalid',
    )
  })

  it('refuses a registration for another user, slot or keygen, and what was not sealed to it', async () => {
    const plan = await draw(cluster)
    await initAll(plan)
    const { keyId } = plan.skeleton
    const [first, second] = cluster.members
    const mine = await registrationFor(plan, 1)
    const renamed = await prove(plan, plan.signers.get(1)!, { ...mine.body, userId: 'mallory' })
    await expectRefusal(
      first!.call('keygen.register', { keyId, sealed: sealFor(first!, renamed) }),
      'keygen.invitation_invalid',
    )
    const elsewhere = sealFor(second!, mine)
    await expectRefusal(second!.call('keygen.register', { keyId, sealed: elsewhere }), 'keygen.invitation_invalid')
    await expectRefusal(first!.call('keygen.register', { keyId, sealed: elsewhere }), 'seal.invalid')
    const other = await draw(cluster)
    await initAll(other)
    const foreign = sealFor(first!, await registrationFor(other, 1))
    await expectRefusal(first!.call('keygen.register', { keyId, sealed: foreign }), 'keygen.skeleton_mismatch')
    await expectRefusal(
      first!.call('keygen.register', { keyId: other.skeleton.keyId, sealed: toBase64url(new Uint8Array(200)) }),
      'seal.invalid',
    )
  })

  it('gives the same receipt for the same registration, and the slot to nobody else', async () => {
    const plan = await draw(cluster)
    await initAll(plan)
    const { keyId } = plan.skeleton
    const [member] = cluster.members
    const registration = await registrationFor(plan, 1)
    const first = await member!.call('keygen.register', { keyId, sealed: sealFor(member!, registration) })
    const again = await member!.call('keygen.register', { keyId, sealed: sealFor(member!, registration) })
    expect(again).toEqual(first)
    const signer = await createSigner(randomBytes(32))
    const rival = await prove(plan, signer, { ...registration.body, authKey: SignKey.parse(toHex(signer.publicKey)) })
    await expectRefusal(
      member!.call('keygen.register', { keyId, sealed: sealFor(member!, rival) }),
      'keygen.slot_taken',
    )
  })

  it.each<[string, (roster: Roster) => Roster]>([
    ['a lowered threshold', (r) => ({ ...r, skeleton: { ...r.skeleton, threshold: 3 } })],
    ['another policy', (r) => ({ ...r, skeleton: { ...r.skeleton, policy: { content: ['bytes', 'nostr-event'] } } })],
    ['a participant left out', (r) => ({ ...r, registrations: r.registrations.slice(0, 2) })],
    [
      'two receipts exchanged',
      (r) => ({ ...r, registrations: [r.registrations[0]!, r.registrations[2]!, r.registrations[1]!] }),
    ],
    [
      'an authorisation key of the gateway',
      (r) => ({
        ...r,
        registrations: r.registrations.map((receipt, at) =>
          at === 1 ? { ...receipt, body: { ...receipt.body, authKey: SignKey.parse(random(32)) } } : receipt,
        ),
      }),
    ],
    [
      'another consent rule',
      (r) => ({
        ...r,
        registrations: r.registrations.map((receipt, at) =>
          at === 2
            ? {
                ...receipt,
                body: {
                  ...receipt.body,
                  consent: {
                    kind: 'standing' as const,
                    grant: {
                      askers: ['alice'],
                      content: ['bytes' as const],
                      until: 9e12,
                      limit: { count: 9, seconds: 1 },
                    },
                  },
                },
              }
            : receipt,
        ),
      }),
    ],
  ])('refuses a roster with %s', async (_, change) => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    await expectRefusal(runDkg(plan, roster, { roster: change }), 'keygen.roster_mismatch')
  })

  it('refuses a roster with another registration than it took, or with one that it did not take', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    const first = plan.hosts.get(1)!
    await first.restart()
    await cluster.introduceAll()
    await first.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(first, initFor(plan, first)) })
    await expectRefusal(runDkg(plan, roster), 'keygen.roster_mismatch')
    const signer = await createSigner(randomBytes(32))
    const { body } = await registrationFor(plan, 1)
    const rival = await prove(plan, signer, { ...body, authKey: SignKey.parse(toHex(signer.publicKey)) })
    await first.call('keygen.register', { keyId, sealed: sealFor(first, rival) })
    await expectRefusal(runDkg(plan, roster), 'keygen.roster_mismatch', [1])
  })

  it('plays no part but of those whom it hosts', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    for (const index of [2, 4])
      await expectRefusal(
        plan.hosts.get(1)!.call('keygen.round1', { keyId, index, attempt: 1, roster }),
        'keygen.roster_mismatch',
      )
  })

  it('refuses a roster with a host that it has not verified since it started', async () => {
    const [first] = cluster.members
    await first!.restart()
    const plan = await draw(cluster)
    await expectRefusal(runDkg(plan, await enrol(plan)), 'peer.unknown')
    await cluster.introduceAll()
    await runDkg(plan, await enrol(plan))
  })
})

describe('an enclave that meets a peer', () => {
  const claims = (identity: (typeof cluster.members)[0]['identity'], nonce: string) => ({
    publicKey: fromHex(identity.sealKey),
    userData: taggedHash('identity', identity),
    nonce: fromHex(nonce),
  })

  it('refuses a genuine document for other keys, another image, a spent challenge and one of its own making', async () => {
    const [a, b] = cluster.members
    const { nonce } = await a!.call('challenge', {})
    const genuine = await b!.call('attest', { nonce })
    const forged = { ...genuine, identity: { ...genuine.identity, signKey: SignKey.parse(random(32)) } }
    await expectRefusal(a!.call('introduce', { peer: forged, nonce }), 'attestation.invalid')
    await expectRefusal(a!.call('introduce', { peer: genuine, nonce }), 'attestation.invalid')

    const next = (await a!.call('challenge', {})).nonce
    const document = await cluster.issue('enclave-1', claims(b!.identity, next), 'another image')
    await expectRefusal(
      a!.call('introduce', { peer: { identity: b!.identity, document: toBase64url(document) }, nonce: next }),
      'attestation.invalid',
    )

    const own = random(32)
    await expectRefusal(
      a!.call('introduce', { peer: await b!.call('attest', { nonce: own }), nonce: own }),
      'attestation.invalid',
    )

    const third = (await a!.call('challenge', {})).nonce
    cluster.clock.now += 61_000
    await expectRefusal(
      a!.call('introduce', { peer: await b!.call('attest', { nonce: third }), nonce: third }),
      'attestation.invalid',
    )
  })
})

describe('a ceremony under a gateway that cheats', () => {
  it('refuses round-one messages of another session and names their sender', async () => {
    const other = await draw(cluster)
    const foreign = await other.hosts.get(3)!.call('keygen.round1', {
      keyId: other.skeleton.keyId,
      index: 3,
      attempt: 1,
      roster: await enrol(other),
    })
    const plan = await draw(cluster)
    const swap = runDkg(plan, await enrol(plan), { roundOne: (all) => [all[0]!, all[1]!, foreign.message] })
    await expectRefusal(swap, 'keygen.bad_package', [3])
  })

  it.each<[string, (all: RoundOne[]) => RoundOne[], RefusalCode, number[]]>([
    ['short', (all) => all.slice(0, 2), 'keygen.out_of_order', []],
    ['doubled', (all) => [all[0]!, all[1]!, all[1]!], 'keygen.bad_package', [3]],
    ['out of order', (all) => [all[1]!, all[0]!, all[2]!], 'keygen.bad_package', [1, 2]],
  ])('refuses a list of round-one messages that is %s', async (_, roundOne, code, culprits) => {
    const plan = await draw(cluster)
    await expectRefusal(runDkg(plan, await enrol(plan), { roundOne }), code, culprits)
  })

  it('finds out that a host showed one round one to some and another to others', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    const third = plan.hosts.get(3)!
    const first = await third.call('keygen.round1', { keyId, index: 3, attempt: 1, roster })
    await third.restart()
    await cluster.introduceAll()
    await third.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(third, initFor(plan, third)) })
    await third.call('keygen.register', { keyId, sealed: sealFor(third, await registrationFor(plan, 3)) })
    const made = runDkg(plan, roster, {
      roundOne: (all, forIndex) => (forIndex === 1 ? [all[0]!, all[1]!, first.message] : all),
    })
    await expectRefusal(made, 'keygen.equivocation', [2, 3])
    await third.restart()
    await cluster.introduceAll()
    await third.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(third, initFor(plan, third)) })
    await third.call('keygen.register', { keyId, sealed: sealFor(third, await registrationFor(plan, 3)) })
    const messages = []
    for (const [index, host] of plan.hosts)
      messages.push((await host.call('keygen.round1', { keyId, index, attempt: 1, roster })).message)
    const shown = [messages[0]!, messages[1]!, first.message]
    const dealt = third.call('keygen.round2', { keyId, index: 3, attempt: 1, messages: shown })
    await expectRefusal(dealt, 'keygen.bad_package', [3])
  })

  it('refuses round-two packages that were exchanged, altered or taken from another session', async () => {
    const plan = await draw(cluster)
    const exchanged = runDkg(plan, await enrol(plan), {
      roundTwo: ([a, b]) => [
        { ...a!, sealed: b!.sealed },
        { ...b!, sealed: a!.sealed },
      ],
    })
    await expectRefusal(exchanged, 'keygen.bad_package', [2])
    const again = await draw(cluster)
    const altered = runDkg(again, await enrol(again), {
      roundTwo: ([a, b]) => [
        a!,
        { ...b!, sealed: `${b!.sealed.slice(0, -2)}${b!.sealed.endsWith('AA') ? 'BA' : 'AA'}` },
      ],
    })
    await expectRefusal(altered, 'keygen.bad_package', [3])
  })

  it('takes a newer attempt, and no message of an older one', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    const old = await plan.hosts.get(1)!.call('keygen.round1', { keyId, index: 1, attempt: 1, roster })
    const made = await runDkg(plan, roster, {}, 2)
    expect(made.certificate.body.epoch).toBe(0)
    await expectRefusal(
      plan.hosts.get(1)!.call('keygen.round1', { keyId, index: 1, attempt: 1, roster }),
      'keygen.out_of_order',
    )
    const again = runDkg(plan, roster, { roundOne: (all) => [old.message, all[1]!, all[2]!] }, 3)
    await expectRefusal(again, 'keygen.bad_package', [1])
    const shown = (all: RoundOne[], to: number) => (to === 1 ? all : [old.message, all[1]!, all[2]!])
    await expectRefusal(runDkg(plan, roster, { roundOne: shown }, 4), 'keygen.bad_package', [1])
  })

  it('forgets a keygen once it has expired', async () => {
    const plan = await draw(cluster)
    const late = { ...plan, skeleton: { ...plan.skeleton, expiresAt: cluster.clock.now - 1 } }
    const [member] = cluster.members
    await expectRefusal(
      member!.call('keygen.init', { skeleton: late.skeleton, sealed: sealFor(member!, initFor(late, member!)) }),
      'keygen.expired',
    )
  })
})

describe('an enclave that has started', () => {
  it('takes no other root than its own, and trusts its peers for half a day', async () => {
    const old = await createCluster()
    const [a, b] = old.members
    const plan = await draw(old)
    await expectRefusal(a!.call('boot', { sealedRoot: toBase64url(randomBytes(100)) }), 'root.invalid')
    const { sealedRoot } = await b!.call('boot', { sealedRoot: null })
    await expectRefusal(a!.call('boot', { sealedRoot }), 'root.invalid')
    old.clock.now += 12 * 3_600_000
    plan.skeleton.expiresAt = old.clock.now + 60_000
    await expectRefusal(runDkg(plan, await enrol(plan)), 'peer.unknown')
  })
})

describe('a host that lies in the key generation', () => {
  it.each<[string, (frost: Frost) => Partial<Frost>]>([
    [
      'a commitment vector longer than the threshold',
      (f) => ({ dkgPart1: (a) => f.dkgPart1({ ...a, threshold: a.threshold + 1 }) }),
    ],
    [
      'the proof of possession of another',
      (f) => ({ dkgPart1: (a) => ({ ...f.dkgPart1(a), package: f.dkgPart1({ ...a, index: 1 }).package }) }),
    ],
  ])('is named in round two by all others for %s', async (_, lie) => {
    const rigged = await createLyingCluster(lie)
    const plan = await draw(rigged)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    const messages = []
    for (const [index, member] of plan.hosts)
      messages.push((await member.call('keygen.round1', { keyId, index, attempt: 1, roster })).message)
    for (const index of [1, 2])
      await expectRefusal(
        plan.hosts.get(index)!.call('keygen.round2', { keyId, index, attempt: 1, messages }),
        'keygen.bad_package',
        [3],
      )
  })

  it('is named in round three by who got a share that does not fit', async () => {
    const rigged = await createLyingCluster((f) => ({
      dkgPart2: (a) => {
        const { secret, packages } = f.dkgPart2(a)
        return { secret, packages: new Map([...packages].map(([to]) => [to, packages.get(to === 1 ? 2 : 1)!])) }
      },
    }))
    const plan = await draw(rigged)
    await expectRefusal(runDkg(plan, await enrol(plan)), 'keygen.bad_package', [3])
  })
})

describe('a sealed share', () => {
  it('does not open for another participant of its enclave, or under another certificate of its people', async () => {
    const [host] = cluster.members
    const plan = await draw(cluster, { users: ['alice', 'bob'], hosts: [host!] })
    const roster = await enrol(plan)
    const [one, two] = [await runDkg(plan, roster, {}, 1), await runDkg(plan, roster, {}, 2)]
    const { certificate } = one
    for (const sealedShare of [one.sealedShares.get(2)!, two.sealedShares.get(1)!])
      await expectRefusal(host!.call('key.load', { certificate, index: 1, sealedShare }), 'seal.invalid')
    await host!.call('key.load', { certificate, index: 1, sealedShare: one.sealedShares.get(1)! })
  })

  it('opens under its own certificate and index only', async () => {
    const one = await makeKey(cluster)
    const two = await makeKey(cluster)
    const host = one.plan.hosts.get(1)!
    const load = (a: { certificate: typeof one.certificate; index: number; sealedShare: string }) =>
      host.call('key.load', a)
    await expectRefusal(
      load({ certificate: one.certificate, index: 1, sealedShare: two.sealedShares.get(1)! }),
      'seal.invalid',
    )
    await expectRefusal(
      load({ certificate: one.certificate, index: 1, sealedShare: one.sealedShares.get(2)! }),
      'seal.invalid',
    )
    await expectRefusal(
      load({ certificate: one.certificate, index: 2, sealedShare: one.sealedShares.get(2)! }),
      'certificate.invalid',
    )
    await expectRefusal(load({ certificate: one.certificate, index: 1, sealedShare: '' }), 'seal.invalid')
    const flipped = { ...one.certificate, body: { ...one.certificate.body, groupKey: two.certificate.body.groupKey } }
    await expectRefusal(
      load({ certificate: flipped, index: 1, sealedShare: one.sealedShares.get(1)! }),
      'certificate.invalid',
    )
    const signatures = [one.certificate.signatures[0]!, one.certificate.signatures[0]!, one.certificate.signatures[2]!]
    await expectRefusal(
      load({ certificate: { ...one.certificate, signatures }, index: 1, sealedShare: one.sealedShares.get(1)! }),
      'certificate.invalid',
      [2],
    )
  })
})
