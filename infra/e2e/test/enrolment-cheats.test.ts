import { randomBytes } from '@noble/hashes/utils.js'
import { attestedDigest } from '@quorate/shared/attestation/verify'
import { createSigner } from '@quorate/shared/crypto/sign'
import { fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { Grant } from '@quorate/shared/wire/consent'
import type { AttestedIdentity } from '@quorate/shared/wire/identity'
import { SignKey } from '@quorate/shared/wire/ids'
import type { Roster } from '@quorate/shared/wire/keygen'
import { describe, expect, it } from 'vitest'
import { createCluster } from './support/cluster.ts'
import { enrol, runDkg } from '../../../shared/party/test/ceremony.js'
import {
  draw,
  grantFor,
  initFor,
  prove,
  random,
  registrationFor,
  sealFor,
  type GrantTerms,
} from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'

const cluster = await createCluster()

const initAll = async (plan: Awaited<ReturnType<typeof draw>>) => {
  for (const member of new Set(plan.hosts.values()))
    await member.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(member, initFor(plan, member)) })
}

const terms: GrantTerms = {
  askers: ['alice'],
  content: ['bytes'],
  expiresAt: 9e12,
  limit: { count: 9, seconds: 1 },
}

/** What a gateway could write down in the name of participant `index`. */
const inventedGrant = ({ registrations }: Roster, index: number): Grant => ({
  body: {
    skeletonDigest: registrations[index - 1]!.body.skeletonDigest,
    index,
    scope: { kind: 'standing', askers: ['alice'], content: ['bytes'], limit: { count: 9, seconds: 1 } },
    decision: 'approve',
    reason: null,
    givenAt: 1,
    expiresAt: 9e12,
  },
  signature: '00'.repeat(64),
})

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

  it('holds no quorum of a key alone, unless the frame that all agree on says that one host may', async () => {
    const hosts = cluster.members.slice(0, 1)
    await expectRefusal(initAll(await draw(cluster, { hosts, quorumInOneHost: false })), 'keygen.crowded')
    await expectRefusal(initAll(await draw(cluster, { hosts, quorumInOneHost: false, threshold: 3 })), 'keygen.crowded')
    const unsaid = await draw(cluster, { hosts, quorumInOneHost: false })
    const [host] = hosts
    const said = { ...unsaid.skeleton, spread: 'quorum_in_one_host' as const }
    const sealed = sealFor(host!, initFor(unsaid, host!))
    await expectRefusal(host!.call('keygen.init', { skeleton: said, sealed }), 'keygen.skeleton_mismatch')
    await initAll(await draw(cluster, { hosts, quorumInOneHost: true }))
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

  it('refuses a registration with a grant that is not its own owner’s, for this key and this share', async () => {
    const plan = await draw(cluster)
    await initAll(plan)
    const other = await draw(cluster)
    const own = await grantFor(plan, 1, terms)
    const { body } = await registrationFor(plan, 1)
    const foreign = [
      await grantFor({ ...plan, signers: other.signers }, 1, terms),
      await grantFor({ ...other, signers: plan.signers }, 1, terms),
      await grantFor(plan, 1, terms, (grant) => ({ ...grant, index: 2 })),
      await grantFor(plan, 2, terms),
      { ...own, body: { ...own.body, expiresAt: own.body.expiresAt + 1 } },
    ]
    const [member] = cluster.members
    const register = async (grant: Grant) => {
      const registration = await prove(plan, plan.signers.get(1)!, { ...body, grant })
      return member!.call('keygen.register', { keyId: plan.skeleton.keyId, sealed: sealFor(member!, registration) })
    }
    for (const grant of foreign) await expectRefusal(register(grant), 'consent.invalid', [1])
    expect((await register(own)).receipt.body.grant).toEqual(own)
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
      'a grant that nobody gave',
      (r) => ({
        ...r,
        registrations: r.registrations.map((receipt, at) =>
          at === 2
            ? {
                ...receipt,
                body: {
                  ...receipt.body,
                  grant: inventedGrant(r, 3),
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
    await expectRefusal(runDkg(plan, roster), 'keygen.roster_mismatch', [])
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
  const claims = ({ identity, presence }: AttestedIdentity, nonce: string) => ({
    publicKey: fromHex(identity.sealKey),
    userData: attestedDigest({ identity, presence }),
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
    const document = await cluster.issue('enclave-1', claims(genuine, next), 'another image')
    await expectRefusal(
      a!.call('introduce', { peer: { ...genuine, document: toBase64url(document) }, nonce: next }),
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
