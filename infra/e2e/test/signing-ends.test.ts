import { describe, expect, it } from 'vitest'
import {
  commitAll,
  confirmAt,
  makeKey,
  sign,
  signUnconfirmed,
  type MadeKey,
} from '../../../shared/party/test/ceremony.js'
import { createCluster, type Member } from './support/cluster.ts'
import { approve } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'

const cluster = await createCluster()
const { soon, asked, commit, partial } = singleCalls(cluster)

const spentAt = (key: MadeKey<Member>, index: number, signingId: string) =>
  key.plan.hosts
    .get(index)!
    .events.filter((event) => event.event === 'nonce.spent' && event.signingId === signingId && event.index === index)

/** Alice asks, and both others approve. */
async function askedAll(key: MadeKey) {
  const it = await asked(key)
  return { ...it, approvals: [...it.approvals, await approve(key.plan, 3, it.requestDigest, soon())] }
}

describe('a signing ends at its first receipt', () => {
  it('so that a host that has given one commits to no other attempt, and others could still', async () => {
    const key = await makeKey(cluster)
    const it = await askedAll(key)
    const signed = await signUnconfirmed(key, it, it.approvals, [1, 2])
    await commit(key, 1, it, it.approvals, 2)
    await confirmAt(key, 2, signed)
    await expectRefusal(commit(key, 2, it, it.approvals, 2), 'signing.ended', [])
    await expectRefusal(commit(key, 2, it, it.approvals, 3), 'signing.ended', [])
    await commit(key, 1, it, it.approvals, 3)
    await commit(key, 3, it, it.approvals, 2)
  })

  it('and nothing to which it has committed before is signed: the nonce is not spent', async () => {
    const key = await makeKey(cluster)
    const it = await askedAll(key)
    const signed = await signUnconfirmed(key, it, it.approvals, [1, 2])
    const next = await commitAll(key, it, it.approvals, [1, 3], 2)
    await confirmAt(key, 1, signed)
    await expectRefusal(partial(key, 1, it, it.approvals, next, 2), 'signing.ended', [])
    expect(spentAt(key, 1, it.request.body.signingId)).toHaveLength(1)
  })

  it('also when receipt and package race: at most one of them is given', async () => {
    const key = await makeKey(cluster)
    for (let steps = 0; steps < 40; steps += 2) {
      const it = await askedAll(key)
      const signed = await signUnconfirmed(key, it, it.approvals, [1, 2])
      const next = await commitAll(key, it, it.approvals, [1, 3], 2)
      const confirming = confirmAt(key, 1, signed)
      for (let step = 0; step < steps; step += 1) await Promise.resolve()
      const signing = partial(key, 1, it, it.approvals, next, 2).then(
        () => 'signed',
        (error: unknown) => (error as { code: string }).code,
      )
      await confirming
      const isEnded = (await signing) === 'signing.ended'
      expect(spentAt(key, 1, it.request.body.signingId)).toHaveLength(isEnded ? 1 : 2)
      await expectRefusal(commit(key, 1, it, it.approvals, 3), 'signing.ended')
    }
  })

  it('and no host gives receipts for two packages of one request', async () => {
    const key = await makeKey(cluster)
    const it = await askedAll(key)
    const first = await signUnconfirmed(key, it, it.approvals, [1, 2], 1)
    const second = await signUnconfirmed(key, it, it.approvals, [1, 2], 2)
    await confirmAt(key, 1, first, 1)
    await expectRefusal(confirmAt(key, 1, second, 2), 'signing.ended', [])
    await confirmAt(key, 1, first, 1)
  })

  it('and what was said in its attempt is said again, byte for byte', async () => {
    const key = await makeKey(cluster)
    const it = await askedAll(key)
    const signed = await sign(key, it, it.approvals, [1, 2])
    const { consents, commitments, partials, receipts } = signed
    for (const [at, index] of [1, 2].entries()) {
      expect((await commit(key, index, it, consents)).commitment).toEqual(commitments[at])
      const again = partial(key, index, it, it.approvals.slice(0, 1), commitments)
      await expectRefusal(again, 'nonce.spent')
      expect((await partial(key, index, it, consents, commitments)).partial).toEqual(partials[at])
      expect(await confirmAt(key, index, signed)).toEqual(receipts[at])
    }
  })
})
