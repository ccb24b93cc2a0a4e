import type { FreshCommitment } from '@quorate/shared/wire/signing'
import { describe, expect, it, vi } from 'vitest'
import { createCluster } from './support/cluster.ts'
import { commitAll, loadKey, makeKey, recall, sign } from '../../../shared/party/test/ceremony.js'
import { approve, ask, bytesItem } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'

const cluster = await createCluster()
const { soon, asked, commit, partial } = singleCalls(cluster)

describe('a nonce', () => {
  it('answers the byte-identical package again and no other', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const byCarol = await approve(key.plan, 3, it.requestDigest, soon())
    const all = [...it.approvals, byCarol]
    const commitments = await commitAll(key, it, all, [1, 2, 3])
    const first = await partial(key, 1, it, all, commitments.slice(0, 2))
    expect(await partial(key, 1, it, all, commitments.slice(0, 2))).toEqual(first)
    await expectRefusal(partial(key, 1, it, all, commitments), 'nonce.spent')
    await expectRefusal(partial(key, 1, it, all, [commitments[0]!, commitments[2]!]), 'nonce.spent')
    await expectRefusal(partial(key, 1, it, it.approvals, commitments.slice(0, 2)), 'nonce.spent')
  })

  it('is spent once when two packages race for it', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const byCarol = await approve(key.plan, 3, it.requestDigest, soon())
    const all = [...it.approvals, byCarol]
    const [a, b, c] = await commitAll(key, it, all, [1, 2, 3])
    const outcomes = await Promise.allSettled([partial(key, 1, it, all, [a!, b!]), partial(key, 1, it, all, [a!, c!])])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('is drawn once when an attempt is asked for twice at the same time', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const [one, two] = await Promise.all([commit(key, 1, it, it.approvals), commit(key, 1, it, it.approvals)])
    expect(one).toEqual(two)
    const bobs = await commit(key, 2, it, it.approvals)
    await partial(key, 1, it, it.approvals, [one.commitment, bobs.commitment])
  })

  it('belongs to its attempt: a newer one has fresh commitments and ends the older', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const old = await commitAll(key, it, it.approvals, [1, 2])
    const fresh = await commitAll(key, it, it.approvals, [1, 2], 2)
    expect(fresh[0]!.body.commitments).not.toEqual(old[0]!.body.commitments)
    await expectRefusal(partial(key, 1, it, it.approvals, old), 'nonce.spent')
    await expectRefusal(commit(key, 1, it, it.approvals, 1), 'nonce.spent')
    await expectRefusal(partial(key, 1, it, it.approvals, [old[0]!, fresh[1]!], 2), 'signing.misdelivered', [])
    await expectRefusal(partial(key, 1, it, it.approvals, [fresh[0]!, old[1]!], 2), 'signing.misdelivered', [])
  })

  it('does not outlive its enclave: after a restart the attempt is unknown', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const commitments = await commitAll(key, it, it.approvals, [1, 2])
    await partial(key, 1, it, it.approvals, commitments)
    await key.plan.hosts.get(1)!.restart()
    await loadKey(key, [1])
    await expectRefusal(partial(key, 1, it, it.approvals, commitments), 'signing.unknown')
    await cluster.introduceAll()
    await recall(key, 1)
    const again = await commitAll(key, it, it.approvals, [1, 2], 2)
    await partial(key, 1, it, it.approvals, again, 2)
  })
})

describe('a share that is loaded again', () => {
  it('does no harm to a signing under way, at whatever moment it comes', async () => {
    const key = await makeKey(cluster)
    const later = async (steps: number) => {
      for (let step = 0; step < steps; step += 1) await Promise.resolve()
    }
    for (let steps = 0; steps < 60; steps += 3) {
      const it = await asked(key)
      const loading = loadKey(key, [1])
      await later(steps)
      const [{ commitment }] = await Promise.all([commit(key, 1, it, it.approvals), loading])
      const bobs = await commit(key, 2, it, it.approvals)
      const again = loadKey(key, [1])
      await later(steps)
      await Promise.all([partial(key, 1, it, it.approvals, [commitment, bobs.commitment]), again])
    }
  })
})

describe('an attempt', () => {
  it('is over after some minutes, however late its request expires', async () => {
    const key = await makeKey(cluster)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const it = await ask(key.plan, key, 1, [bytesItem('x')], cluster.clock.now + 31 * 86_400_000)
      const approvals = [await approve(key.plan, 2, it.requestDigest, it.request.body.expiresAt)]
      const commitments = await commitAll(key, it, approvals, [1, 2])
      cluster.clock.now += 300_000
      vi.advanceTimersByTime(300_000)
      await expectRefusal(partial(key, 1, it, approvals, commitments), 'signing.unknown')
      await sign(key, it, approvals, [1, 2], 2)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('a list of commitments', () => {
  it('must hold the own one exactly once and unchanged, and at least a threshold, in ascending order, or accuses nobody', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const byCarol = await approve(key.plan, 3, it.requestDigest, soon())
    const all = [...it.approvals, byCarol]
    const [a, b, c] = await commitAll(key, it, all, [1, 2, 3])
    const forged = { ...a!, body: { ...a!.body, commitments: b!.body.commitments } }
    const other = await asked(key, 'other')
    const [, foreign] = await commitAll(key, other, other.approvals, [1, 2])
    const lists: [string, FreshCommitment[]][] = [
      ['own one missing', [b!, c!]],
      ['own one doubled', [a!, a!, b!]],
      ['another doubled', [a!, b!, b!]],
      ['reordered', [b!, a!]],
      ['own one replaced', [forged, b!]],
      ['another’s in its place', [{ ...b!, body: { ...b!.body, index: 1 } }, b!]],
      ['another one under a third index', [a!, { ...b!, body: { ...b!.body, index: 3 } }]],
      ['another one changed', [a!, { ...b!, body: { ...b!.body, commitments: c!.body.commitments } }]],
      ['one of another signing', [a!, foreign!]],
      ['too short', [a!]],
    ]
    for (const [name, list] of lists) {
      const outcome = await partial(key, 1, it, all, list).catch((error: unknown) => error)
      expect([name, outcome]).toMatchObject([name, { code: 'signing.misdelivered', culprits: [] }])
    }
    await partial(key, 1, it, all, [a!, b!])
  })

  it('costs no nonce when it is too short for the threshold', async () => {
    const key = await makeKey(cluster, { threshold: 3 })
    const it = await asked(key)
    const all = [...it.approvals, await approve(key.plan, 3, it.requestDigest, soon())]
    const list = await commitAll(key, it, all, [1, 2, 3])
    await expectRefusal(partial(key, 1, it, all, list.slice(0, 2)), 'signing.misdelivered', [])
    await partial(key, 1, it, all, list)
  })
})

describe('the log of all enclaves of these tests', () => {
  it('shows no commitment made twice and none spent twice', () => {
    const events = cluster.members.flatMap((member) => member.events)
    const spent = events.filter((e) => e.event === 'nonce.spent').map((e) => e.commitment)
    const made = events.filter((e) => e.event === 'nonce.committed').map((e) => e.commitment)
    expect(spent.length).toBeGreaterThan(5)
    expect(new Set(spent).size).toBe(spent.length)
    expect(new Set(made).size).toBe(made.length)
    expect(spent.every((commitment) => made.includes(commitment))).toBe(true)
  })
})
