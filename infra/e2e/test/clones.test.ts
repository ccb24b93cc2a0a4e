import { lineageOf } from '@quorate/shared/verify/certificate'
import { describe, expect, it } from 'vitest'
import {
  learnOne,
  loadKey,
  makeKey,
  recall,
  recallFrom,
  runDkg,
  enrol,
  sign,
  tellOne,
  type MadeKey,
} from '../../../shared/party/test/ceremony.js'
import { agree } from '../../../shared/party/test/epoch-change.js'
import { introduce } from '../../../shared/party/test/host.js'
import { ask, bytesItem, draw, type GrantTerms } from '../../../shared/party/test/people.js'
import { refresh } from '../../../shared/party/test/refresh.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { createCluster, type Cluster, type Member } from './support/cluster.ts'

/*
 * Who runs the parent instances can start one sealed root twice, and can make keys of its own under the id of another. Nothing in a
 * clone tells it that it is one.
 */
const grant = (count: number): GrantTerms => ({
  askers: ['alice'],
  content: ['bytes'],
  expiresAt: 9e12,
  limit: { count, seconds: 3_600 },
})

async function meet(clone: Member, members: readonly Member[]): Promise<void> {
  for (const member of members) {
    await introduce(clone, member)
    await introduce(member, clone)
  }
}

/** The key with another process in the place of the host of `index`. */
const withHost = (key: MadeKey<Member>, index: number, host: Member): MadeKey<Member> => ({
  ...key,
  plan: { ...key.plan, hosts: new Map([...key.plan.hosts, [index, host]]) },
})

async function signByGrant({ clock }: Cluster, key: MadeKey<Member>, quorum: number[]) {
  const { epoch } = key.certificate.body
  const asked = await ask(key.plan, key, 1, [bytesItem('x')], clock.now + 60_000, (body) => ({ ...body, epoch }))
  return sign(key, asked, [], quorum)
}

describe('a clone of a host', () => {
  it('that was there before the key does not know the uses of its grants', async () => {
    const cluster = await createCluster()
    const clone = await cluster.members[1]!.clone()
    const key = await makeKey(cluster, { grants: new Map([[2, grant(2)]]) })
    for (let use = 0; use < 2; use += 1) await signByGrant(cluster, key, [1, 2])
    await expectRefusal(signByGrant(cluster, key, [1, 2]), 'grant.exhausted', [2])
    await meet(clone, cluster.members)
    const cloned = withHost(key, 2, clone)
    await loadKey(cloned, [2])
    expect(await recall(cloned, 2)).toBe(0)
    await expectRefusal(signByGrant(cluster, cloned, [1, 2]), 'grant.exhausted', [2])
  })

  it('gets no more out of a grant together with the original, each with a partner of its own', async () => {
    const cluster = await createCluster()
    const grants = new Map([
      [2, grant(2)],
      [3, grant(1_000)],
    ])
    const key = await makeKey(cluster, { grants })
    await signByGrant(cluster, key, [1, 2])
    const clone = await cluster.members[1]!.clone()
    const cloned = withHost(key, 2, clone)
    await loadKey(cloned, [2])
    await expectRefusal(recallFrom(cloned, 2, 1), 'peer.unknown')
    await meet(clone, cluster.members)
    expect(await recall(cloned, 2)).toBe(0)
    // Whoever has told the clone takes no word of the original any more.
    await expectRefusal(signByGrant(cluster, key, [1, 2]), 'life.retired')
    await signByGrant(cluster, cloned, [2, 3])
    await expectRefusal(signByGrant(cluster, cloned, [1, 2]), 'grant.exhausted', [2])
    await expectRefusal(signByGrant(cluster, key, [2, 3]), 'life.retired')

    // Nor by a host that has forgotten, and is told of the original first.
    const first = cluster.members[0]!
    await first.restart()
    await introduce(first, cluster.members[1]!)
    await introduce(first, cluster.members[2]!)
    await introduce(cluster.members[1]!, first)
    await introduce(cluster.members[2]!, first)
    await loadKey(key, [1])
    expect(await recallFrom(key, 1, 2)).toBeNull()
    expect(await recallFrom(key, 1, 3)).toBe(0)
    await expectRefusal(signByGrant(cluster, key, [1, 2]), 'life.retired')
  })

  it('that heard of an epoch before it was over brings no host back to it', async () => {
    const cluster = await createCluster()
    const key = await makeKey(cluster, { grants: new Map([2, 3].map((index) => [index, grant(1_000)])) })
    const clone = await cluster.members[1]!.clone()
    await meet(clone, cluster.members)
    const cloned = withHost(key, 2, clone)
    await loadKey(cloned, [2])
    expect(await recall(cloned, 2)).toBe(0)
    // To the others, the original is over. A later start of it ends the clone.
    await cluster.members[1]!.restart()
    await cluster.introduceAll()
    await loadKey(key, [2])
    expect(await recall(key, 2)).toBe(0)
    const next = await refresh(cluster, key)

    await key.plan.hosts.get(3)!.restart()
    cluster.clock.now += 3_600_001
    await meet(key.plan.hosts.get(3)!, [clone])
    await loadKey(key, [3])
    expect(await recallFrom(cloned, 3, 2)).toBeNull()
    await expectRefusal(signByGrant(cluster, cloned, [2, 3]), 'epoch.unproven')
    await meet(key.plan.hosts.get(3)!, cluster.members.slice(0, 2))
    await expectRefusal(recallFrom(cloned, 3, 2), 'life.retired')
    expect(await recall(next, 3)).toBe(1)
    await expectRefusal(signByGrant(cluster, cloned, [2, 3]), 'epoch.stale')
    await loadKey(next, [3])
    await signByGrant(cluster, next, [1, 3])
  })
})

describe('a refresh', () => {
  it('is not installed on the word of a host that has been started again since', async () => {
    const cluster = await createCluster()
    const key = await makeKey(cluster)
    await meet(await cluster.members[1]!.clone(), cluster.members)
    await expectRefusal(refresh(cluster, key), 'life.retired')
  })
})

describe('another key under the id of a key', () => {
  it('is begun on no host that remembers the key', async () => {
    const cluster = await createCluster()
    const key = await makeKey(cluster)
    const plan = await draw(cluster, { keyId: key.plan.skeleton.keyId })
    await expectRefusal(enrol(plan), 'key.other_lineage')
  })

  it('gives the operator no witness of an old epoch, and takes no share of the key', async () => {
    const cluster = await createCluster()
    const key = await makeKey(cluster, { users: ['alice', 'bob'], hosts: cluster.members.slice(0, 2) })
    await refresh(cluster, key)
    for (const member of cluster.members) await member.restart()
    await cluster.introduceAll()

    const plan = await draw(cluster, { keyId: key.plan.skeleton.keyId })
    const rival = await runDkg(plan, await enrol(plan))
    await agree(rival)
    await expectRefusal(loadKey(key, [1]), 'key.other_lineage')

    for (const member of cluster.members.slice(0, 2)) await member.restart()
    await cluster.introduceAll()
    await loadKey(key, [1])
    await expectRefusal(recallFrom(withHost(key, 2, cluster.members[2]!), 1, 2), 'key.unknown')
    const [first, , third] = cluster.members as [Member, Member, Member]
    const { keyId } = key.plan.skeleton
    const { bootId: life } = await first.call('hello', {})
    const asked = { keyId, index: 3, lineage: lineageOf(rival.certificate.body) }
    const recollection = await tellOne(third, asked, { asker: first.identity.signKey, life })
    const told = { from: third.identity.signKey, recollection }
    await expectRefusal(learnOne(first, { keyId, index: 1 }, told), 'epoch.unproven')
  })
})
