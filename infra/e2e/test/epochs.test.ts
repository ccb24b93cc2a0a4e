import { signBody } from '@quorate/shared/crypto/sign'
import { toHex } from '@quorate/shared/wire/bytes'
import { SignKey } from '@quorate/shared/wire/ids'
import type { Recollection } from '@quorate/shared/wire/recall'
import { describe, expect, it } from 'vitest'
import { lineageOf } from '@quorate/shared/verify/certificate'
import {
  learnOne,
  loadKey,
  makeKey,
  recall,
  recallFrom,
  sign,
  tellOne,
  type MadeKey,
} from '../../../shared/party/test/ceremony.js'
import { createCluster, type Member } from './support/cluster.ts'
import { approve, ask, bytesItem, livesOf, type GrantTerms } from '../../../shared/party/test/people.js'
import { refresh } from '../../../shared/party/test/refresh.js'
import { keyOf, makeManifest, releaseSigners } from './support/release-keys.ts'
import { expectRefusal } from '../../../shared/party/test/refused.js'

/*
 * What an enclave does that was restored from old state. The rules alone, in all their interleavings: `epochs.model.test.ts` of the
 * party. Here the rules stand behind an enclave's calls.
 */
const cluster = await createCluster()
const soon = () => cluster.clock.now + 60_000

const forever: GrantTerms = {
  askers: ['alice'],
  content: ['bytes'],
  expiresAt: 9e12,
  limit: { count: 1000, seconds: 1 },
}
/** Bob and Carol have said yes beforehand, so that Alice alone gets a signature. */
const makeGranted = () => makeKey(cluster, { grants: new Map([2, 3].map((index) => [index, forever])) })

async function restart({ plan }: MadeKey, ...indices: number[]): Promise<void> {
  for (const index of indices) await plan.hosts.get(index)!.restart()
  await cluster.introduceAll()
  // A second later, when no standing grant is used up any more.
  cluster.clock.now += 1_001
}

const versionOf = ({ digest, certificate }: MadeKey) => ({ digest, epoch: certificate.body.epoch })

/** Alice asks for it, and Bob's or Carol's host takes part by a standing grant. */
async function signByGrant(key: MadeKey, quorum: number[]) {
  const { epoch } = versionOf(key)
  const asked = await ask(key.plan, key, 1, [bytesItem('x')], soon(), (body) => ({ ...body, epoch }))
  return sign(key, asked, [], quorum)
}

/** Alice asks and Bob approves. Each names these lives, or else those that are. */
async function signByWord(key: MadeKey, quorum: number[], named: { asker?: string[]; approver?: string[] } = {}) {
  const { epoch } = versionOf(key)
  const lives = named.asker ?? (await livesOf(key.plan))
  const asked = await ask(key.plan, key, 1, [bytesItem('x')], soon(), (body) => ({ ...body, epoch, lives }))
  const approval = await approve(key.plan, 2, asked.requestDigest, soon(), 'approve', {
    lives: named.approver ?? (await livesOf(key.plan)),
  })
  return sign(key, asked, [approval], quorum)
}

describe('an enclave that has restarted', () => {
  it('does not sign with what the gateway brings, before another host has said that it is in force', async () => {
    const key = await makeGranted()
    await restart(key, 2)
    await loadKey(key, [2])
    await expectRefusal(signByGrant(key, [1, 2]), 'epoch.unproven')
    expect(await recallFrom(key, 2, 3)).toBeNull()
    await expectRefusal(signByGrant(key, [1, 2]), 'epoch.unproven')
    expect(await recallFrom(key, 2, 1)).toBe(0)
    await signByGrant(key, [1, 2])
  })

  it('hears of a refresh that the gateway does not speak of, and does not sign with its old share', async () => {
    const key = await makeGranted()
    const next = await refresh(cluster, key)
    await restart(key, 2)
    await loadKey(key, [2])
    expect(await recall(key, 2)).toBe(1)
    await expectRefusal(signByGrant(key, [2, 3]), 'epoch.stale')
    await expectRefusal(loadKey(key, [2]), 'epoch.stale')
    await loadKey(next, [2])
    await signByGrant(next, [1, 2])
  })

  it('learns nothing from hosts that have forgotten as well', async () => {
    const key = await makeGranted()
    await restart(key, 2, 3)
    await loadKey(key, [2, 3])
    expect(await recall(key, 2)).toBeNull()
    await expectRefusal(signByGrant(key, [2, 3]), 'epoch.unproven')
  })

  it('takes no word that was said to an earlier life of it, to another, of another key, or by nobody of the key', async () => {
    const [key, other] = [await makeGranted(), await makeGranted()]
    const { keyId } = key.plan.skeleton
    const [first, second, third] = [1, 2, 3].map((index) => key.plan.hosts.get(index)!) as [Member, Member, Member]
    const lifeOf = async (host: Member) => (await host.call('hello', {})).bootId
    const tell = async (life: string, of = key, asker = second) => {
      const asked = { keyId: of.plan.skeleton.keyId, lineage: lineageOf(of.certificate.body), index: 3 }
      return tellOne(third, asked, { asker: asker.identity.signKey, life })
    }
    const earlier = await tell(await lifeOf(second))
    await restart(key, 2)
    await loadKey(key, [2])
    const learn = (recollection: Recollection, from = third) =>
      learnOne(second, { keyId, index: 2 }, { from: from.identity.signKey, recollection })
    const fresh = await tell(await lifeOf(second))

    await expectRefusal(learn(earlier), 'epoch.unproven')
    await expectRefusal(learn(await tell(await lifeOf(first), key, first)), 'epoch.unproven')
    await expectRefusal(tell(await lifeOf(first)), 'peer.unknown')
    await expectRefusal(learn(await tell(await lifeOf(second), other)), 'epoch.unproven')
    await expectRefusal(learn(fresh, first), 'epoch.unproven')
    await expectRefusal(learn(fresh, second), 'epoch.unproven')
    const alice = key.plan.signers.get(1)!
    const byAlice = await signBody(alice, 'recollection', fresh.body)
    await expectRefusal(learn(byAlice, first), 'epoch.unproven')
    const from = SignKey.parse(toHex(alice.publicKey))
    await expectRefusal(learnOne(second, { keyId, index: 2 }, { from, recollection: byAlice }), 'epoch.unproven')
    expect(await learn(fresh)).toEqual({ epoch: null, settled: false })
    expect(await recallFrom(key, 2, 1)).toBe(0)
  })
})

describe('a host that says what it remembers', () => {
  it('must have been verified by who asks, since that one restarted', async () => {
    const key = await makeGranted()
    await key.plan.hosts.get(2)!.restart()
    await loadKey(key, [2])
    await expectRefusal(recallFrom(key, 2, 3), 'peer.unknown')
    await cluster.introduceAll()
    expect(await recall(key, 2)).toBe(0)
  })
})

describe('a manifest', () => {
  it('that a host knows is wanted of one that has restarted, before it signs again', async () => {
    const release = { keys: releaseSigners.map(keyOf), quorum: 2, delaySeconds: 1, leastSerial: 1 }
    const released = await createCluster({ release })
    const key = await makeKey(released)
    const listing = (serial: number) => makeManifest(serial, [released.measurementsOf('image')])
    const offer = async (index: number, serial: number) =>
      key.plan.hosts.get(index)!.call('manifest.offer', { manifest: await listing(serial), notice: null })
    for (const index of [1, 2, 3]) await offer(index, 2)
    await key.plan.hosts.get(2)!.restart()
    await loadKey(key, [2])
    await offer(2, 1)
    await released.introduceAll()
    await expectRefusal(recall(key, 2), 'manifest.stale')
    await offer(2, 2)
    expect(await recall(key, 2)).toBe(0)
  })
})

describe('a key that no host remembers, after all have restarted', () => {
  it('signs when enough participants have asked for it or approved since then, and by itself from then on', async () => {
    const key = await makeGranted()
    await restart(key, 1, 2, 3)
    await loadKey(key)
    await expectRefusal(signByGrant(key, [1, 2]), 'epoch.unproven')
    await signByWord(key, [1, 2])
    // It knows the epoch, and not how often the grants were used.
    await expectRefusal(signByGrant(key, [1, 2]), 'grant.unproven')
    for (const index of [1, 2, 3]) expect(await recall(key, index)).toBe(0)
    await signByGrant(key, [1, 2])
    await signByGrant(key, [2, 3])
  })

  it.each(['asker', 'approver'] as const)(
    'does not when the word of its %s is from before, whatever clock it is dated by',
    async (who) => {
      const key = await makeGranted()
      const before = await livesOf(key.plan)
      await restart(key, 1, 2, 3)
      await loadKey(key)
      await expectRefusal(signByWord(key, [1, 2], { [who]: before }), 'epoch.unproven')
      await expectRefusal(signByWord(key, [1, 2], { [who]: [] }), 'epoch.unproven')
    },
  )

  it('does not on the word of one participant, however often it is given, nor on a rejection', async () => {
    const key = await makeGranted()
    await restart(key, 1, 2, 3)
    await loadKey(key)
    const asked = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    const own = await approve(key.plan, 1, asked.requestDigest, soon())
    await expectRefusal(sign(key, asked, [own, own], [1, 2]), 'epoch.unproven')
    const no = await approve(key.plan, 3, asked.requestDigest, soon(), 'reject')
    await expectRefusal(sign(key, asked, [no], [1, 2]), 'epoch.unproven')
    const byBob = await approve(key.plan, 2, asked.requestDigest, soon())
    const forged = { ...byBob, body: { ...byBob.body, index: 3 } }
    await expectRefusal(sign(key, asked, [forged], [1, 2]), 'epoch.unproven')
  })

  it('needs so many that any quorum that knows of a refresh has one among them', async () => {
    const users = ['alice', 'bob', 'carol', 'dave']
    const grants = new Map([2, 3, 4].map((index) => [index, forever]))
    const key = await makeKey(cluster, { users, grants, threshold: 2 })
    await restart(key, 1, 2, 3)
    await loadKey(key)
    const asked = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    const yes = (index: number) => approve(key.plan, index, asked.requestDigest, soon())
    await expectRefusal(sign(key, asked, [await yes(2)], [1, 2]), 'epoch.unproven')
    await sign(key, asked, [await yes(2), await yes(3)], [1, 2])
  })
})
