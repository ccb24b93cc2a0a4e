import { loadMpc } from '@quorate/shared/mpc'
import { digestOf } from '@quorate/shared/crypto/sign'
import type { Installed, Prepared } from '@quorate/shared/wire/refresh'
import type { Roster } from '@quorate/shared/wire/keygen'
import { beforeEach, describe, expect, it } from 'vitest'
import { acceptCertificate } from '../../../client-sdk/src/keygen/certificate.js'
import { enrol, loadKey, recall, recallFrom, runDkg, sign, type MadeKey } from '../../../shared/party/test/ceremony.js'
import { agree, installAt, prepareAll, prepareAt, shareAt } from '../../../shared/party/test/epoch-change.js'
import { introduce } from '../../../shared/party/test/host.js'
import { draw, initFor, registrationFor, sealFor, type Plan } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'
import { createCluster, type Cluster, type Member } from './support/cluster.ts'

/*
 * A gateway runs two attempts of one keygen to their ends, and would show each half of the people another key. `one` and `two` are
 * their certificates, signed by all hosts. The people accept as the SDK does.
 */
const mpc = await loadMpc()
let cluster: Cluster
let plan: Plan<Member>
let roster: Roster
let one: MadeKey<Member>
let two: MadeKey<Member>

beforeEach(async () => {
  cluster = await createCluster()
  plan = await draw(cluster)
  roster = await enrol(plan)
  one = await runDkg(plan, roster, {}, 1)
  two = await runDkg(plan, roster, {}, 2)
})

const accepts = ({ certificate }: MadeKey, installed: readonly Installed[]) =>
  acceptCertificate(
    { certificate, installed },
    {
      mpc,
      skeletonDigest: digestOf('skeleton', plan.skeleton),
      own: { ...roster.registrations[0]!.body, publicKey: null },
      prove: () => Promise.resolve(),
    },
  )
/** Under which of the two the hosts of 1 and 2 sign what alice asks and bob approves. */
async function signs(key: MadeKey): Promise<boolean> {
  const { asked } = singleCalls(cluster)
  const it = await asked(key)
  return sign(key, it, it.approvals, [1, 2]).then(
    () => true,
    () => false,
  )
}
async function tell(of: Plan<Member>, index: number): Promise<void> {
  const host = of.hosts.get(index)!
  const { keyId } = of.skeleton
  await host.call('keygen.init', { skeleton: of.skeleton, sealed: sealFor(host, initFor(of, host)) })
  await host.call('keygen.register', { keyId, sealed: sealFor(host, await registrationFor(of, index)) })
}
/** A host that was restarted is told of the keygen again, as it was at first, and meets its peers. */
async function restart(...indices: number[]): Promise<void> {
  for (const index of indices) {
    await plan.hosts.get(index)!.restart()
    await tell(plan, index)
  }
  await cluster.introduceAll()
}

describe('a certificate that all hosts have signed', () => {
  it('is no key: nobody opens a share of it, signs under it, or accepts it', async () => {
    for (const key of [one, two]) {
      await expectRefusal(key.plan.hosts.get(1)!.call('key.load', shareAt(key, 1)), 'message.invalid')
      expect(await signs(key)).toBe(false)
      await expect(accepts(key, [])).rejects.toMatchObject({ code: 'receipt.invalid' })
    }
    const words = [await prepareAt(one, 1), await prepareAt(one, 2)]
    const forged = { ...words[1]!, body: { ...words[1]!.body, index: 3 } }
    for (const prepared of [words, [...words, forged]])
      await expectRefusal(loadKey({ ...one, prepared }, [1]), 'receipt.invalid')
  })

  it('is one key at most: who has agreed to one agrees to no other, whether or not all have', async () => {
    await prepareAt(one, 1)
    await expectRefusal(prepareAt(two, 1), 'epoch.unproven')
    await prepareAt(two, 2)
    await prepareAt(two, 3)
    for (const key of [one, two]) await expectRefusal(agree(key), 'epoch.unproven')
    for (const key of [one, two]) expect(await signs(key)).toBe(false)
  })

  it('is a key when all have installed it, and the other then never is', async () => {
    const made = await agree(one)
    expect(await accepts(made, made.installed)).toBe(one.digest)
    expect(await signs(made)).toBe(true)
    for (const index of [1, 2, 3]) await expectRefusal(prepareAt(two, index), 'certificate.invalid')
    await expectRefusal(runDkg(plan, roster, {}, 3), 'keygen.installed')
    await expect(accepts(two, made.installed)).rejects.toMatchObject({ code: 'receipt.invalid' })
    expect(await signs(two)).toBe(false)
  })

  it('is not made a key by words that some gave for it before they took part in another attempt', async () => {
    const words = await prepareAll(one)
    two = await runDkg(plan, roster, {}, 3)
    for (const index of [1, 2, 3]) await expectRefusal(installAt(one, index, words), 'refresh.not_prepared')
    const made = await agree(two)
    expect(await accepts(made, made.installed)).toBe(two.digest)
    // The full set of words opens a share. What is in force, hosts remember.
    await expectRefusal(loadKey({ ...one, prepared: words }), 'epoch.stale')
    expect(await signs({ ...one, prepared: words })).toBe(false)
  })
})

describe('a host that forgot what it agreed to', () => {
  /** Words for `two` of all hosts, taken back since, and a key that is `one`. */
  let words: Prepared[]
  let made: MadeKey<Member>
  beforeEach(async () => {
    words = await prepareAll(two)
    one = await runDkg(plan, roster, {}, 3)
    made = await agree(one)
  })

  it('agrees to neither by what the gateway says, and hears from the others which it was', async () => {
    await restart(1)
    await expectRefusal(prepareAt(one, 1), 'key.unknown')
    await loadKey({ ...two, prepared: words }, [1])
    await expectRefusal(prepareAt(two, 1), 'epoch.unproven')
    await expectRefusal(installAt(two, 1, words), 'refresh.not_prepared')
    await loadKey(made, [1])
    const { asked, commit } = singleCalls(cluster)
    await expectRefusal(commit(made, 1, await asked(made), []), 'epoch.unproven')
    expect(await recall(made, 1)).toBe(0)
    await expectRefusal(loadKey({ ...two, prepared: words }, [1]), 'epoch.stale')
    await expectRefusal(prepareAt(two, 1), 'certificate.invalid')
    expect(await signs(made)).toBe(true)
    expect(await signs({ ...two, prepared: words })).toBe(false)
  })

  it('gets no other key made as long as one host remembers: one after the other forgets in vain', async () => {
    for (const index of [1, 2, 3]) {
      await restart(index)
      await expectRefusal(runDkg(plan, roster, {}, 3 + index), 'keygen.installed')
      await loadKey(made, [index])
      expect(await recall(made, index)).toBe(0)
    }
    expect(await signs(made)).toBe(true)
    for (const index of [1, 2, 3]) await expectRefusal(prepareAt(two, index), 'certificate.invalid')
  })

  it('is brought back to the other by no clone alone, that was left with its word for it', async () => {
    const clone = await cluster.members[2]!.clone()
    for (const peer of cluster.members) {
      await introduce(clone, peer)
      if (peer.identity.enclaveId !== clone.identity.enclaveId) await introduce(peer, clone)
    }
    // Of another keygen: the clone takes part in the first attempt, and the host itself in the second.
    plan = await draw(cluster)
    roster = await enrol(plan)
    const rivals = { ...plan, hosts: new Map(plan.hosts).set(3, clone) }
    await tell(rivals, 3)
    const rival = await runDkg(rivals, roster, {}, 1)
    const agreed = { ...rival, prepared: await prepareAll(rival) }
    const second = await runDkg(plan, roster, {}, 2)
    // To the others, the host itself is over since they have met its clone. A later start of it is later than both.
    await expectRefusal(agree(second), 'life.retired')
    await restart(3)
    await tell(plan, 3)
    made = await agree(await runDkg(plan, roster, {}, 3))
    expect(await accepts(made, made.installed)).toBe(made.digest)
    for (const index of [1, 2]) {
      await restart(index)
      await introduce(clone, cluster.members[index - 1]!)
      await loadKey(agreed, [index])
      await expectRefusal(recallFrom(agreed, index, 3), 'life.retired')
      await expectRefusal(prepareAt(rival, index), 'epoch.unproven')
      expect(await recall(made, index)).toBe(0)
    }
  })

  it('agrees again to the certificate that the others have prepared or installed, so that the keygen goes on', async () => {
    const next = await draw(cluster)
    const key = await runDkg(next, await enrol(next))
    const before = await prepareAll(key)
    await installAt(key, 1, before)
    await next.hosts.get(3)!.restart()
    await cluster.introduceAll()
    await expectRefusal(installAt(key, 3, before), 'key.unknown')
    const agreed = { ...key, prepared: before }
    await loadKey(agreed, [3])
    await expectRefusal(installAt(key, 3, before), 'refresh.not_prepared')
    await expectRefusal(prepareAt(key, 3), 'epoch.unproven')
    expect(await recallFrom(agreed, 3, 2)).toBeNull()
    expect(await recallFrom(agreed, 3, 1)).toBe(0)
    expect((await agree(key)).installed).toHaveLength(3)
  })
})
