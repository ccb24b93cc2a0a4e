import type { Consent } from '@quorate/shared/wire/consent'
import { resultDigest } from '@quorate/shared/verify/signing'
import { toHex } from '@quorate/shared/wire/bytes'
import { STOCK_SIZE, type RequestBody, type StockCommitment } from '@quorate/shared/wire/signing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createCluster } from './support/cluster.ts'
import {
  commitAll,
  confirmAt,
  joinAt,
  loadKey,
  makeKey,
  recall,
  type Asked,
  type MadeKey,
} from '../../../shared/party/test/ceremony.js'
import { approve, ask, bytesItem, openSignatures } from '../../../shared/party/test/people.js'
import { refresh } from '../../../shared/party/test/refresh.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'

const cluster = await createCluster()
const { soon, asked, commit, partial, stock, stocked } = singleCalls(cluster)

/** A request that alice and bob agree to, and a stock of each of them. */
async function ready(key?: MadeKey) {
  const of = key ?? (await makeKey(cluster))
  return { key: of, it: await asked(of), one: await stock(of, 1), two: await stock(of, 2) }
}

/** The rest of a signing, from the partials of alice and bob on. */
async function finish(key: MadeKey, it: Asked, consents: Consent[], commitments: StockCommitment[]) {
  const partials = [
    (await stocked(key, 1, it, consents, commitments)).partial,
    (await stocked(key, 2, it, consents, commitments)).partial,
  ]
  const { request, sealedItems } = it
  const shown = { request, sealedItems, consents, commitments, partials }
  const joined = await joinAt(key, 1, shown)
  return { joined, shown, receipts: [joined.receipt, await confirmAt(key, 2, shown)] }
}

describe('a commitment from stock', () => {
  it('makes a signature without a round of its own, and the same receipts', async () => {
    const { key, it, one, two } = await ready()
    const { joined, receipts } = await finish(key, it, it.approvals, [one[0]!, two[0]!])
    const outcomes = openSignatures(key.plan, it.request.body.signingId, joined.sealedSignatures).map(toHex)
    expect(outcomes).toHaveLength(1)
    const body = { quorum: [1, 2], resultDigest: resultDigest(outcomes), requestDigest: it.requestDigest }
    expect(receipts).toMatchObject([{ body: { ...body, index: 1 } }, { body: { ...body, index: 2 } }])
  })

  it('is confirmed for its own request alone, also by a host that has forgotten', async () => {
    const { key, it, one, two } = await ready()
    const { shown } = await finish(key, it, it.approvals, [one[0]!, two[0]!])
    await key.plan.hosts.get(1)!.restart()
    await loadKey(key, [1])
    await cluster.introduceAll()
    await recall(key, 1)
    const sameId = (body: RequestBody): RequestBody => ({ ...body, signingId: it.request.body.signingId })
    const other = await ask(key.plan, key, 1, [bytesItem('hello')], soon() + 1, sameId)
    const confirm = ({ request, sealedItems }: Asked) => confirmAt(key, 1, { ...shown, request, sealedItems })
    await expectRefusal(confirm(other), 'signing.misdelivered')
    await confirm(it)
  })

  it('is of one signing: another one that names it finds it spent', async () => {
    const { key, it, one, two } = await ready()
    const other = await asked(key, 'other')
    await stocked(key, 1, it, it.approvals, [one[0]!, two[0]!])
    await expectRefusal(stocked(key, 1, other, other.approvals, [one[0]!, two[1]!]), 'nonce.spent')
    await stocked(key, 1, other, other.approvals, [one[1]!, two[1]!])
  })

  it('answers the byte-identical package again and no other', async () => {
    const { key, it, one, two } = await ready()
    const first = await stocked(key, 1, it, it.approvals, [one[0]!, two[0]!])
    expect(await stocked(key, 1, it, it.approvals, [one[0]!, two[0]!])).toEqual(first)
    await expectRefusal(stocked(key, 1, it, it.approvals, [one[0]!, two[1]!]), 'nonce.spent')
    await expectRefusal(stocked(key, 1, it, it.approvals, [one[1]!, two[0]!]), 'nonce.spent')
  })

  it('is spent once when two signings race for it', async () => {
    const { key, it, one, two } = await ready()
    const other = await asked(key, 'other')
    const outcomes = await Promise.allSettled([
      stocked(key, 1, it, it.approvals, [one[0]!, two[0]!]),
      stocked(key, 1, other, other.approvals, [one[0]!, two[1]!]),
    ])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('is spent once when two packages of one signing race for it', async () => {
    const { key, it, one, two } = await ready()
    const outcomes = await Promise.allSettled([
      stocked(key, 1, it, it.approvals, [one[0]!, two[0]!]),
      stocked(key, 1, it, it.approvals, [one[0]!, two[1]!]),
    ])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('goes with the life of its host', async () => {
    const { key, it, one, two } = await ready()
    await key.plan.hosts.get(1)!.restart()
    await loadKey(key, [1])
    await cluster.introduceAll()
    await recall(key, 1)
    await expectRefusal(stocked(key, 1, it, it.approvals, [one[0]!, two[0]!]), 'nonce.spent')
    // What the other host gave is as good as before, and the other host takes nothing of a life that is over.
    const again = await stock(key, 1)
    expect(again[0]!.body.commitments).not.toEqual(one[0]!.body.commitments)
    await stocked(key, 1, it, it.approvals, [again[0]!, two[0]!])
    await expectRefusal(stocked(key, 2, it, it.approvals, [one[0]!, two[1]!]), 'life.retired')
  })

  it('goes with the version of its key', async () => {
    const { key, it, one, two } = await ready()
    const next = await refresh(cluster, key)
    await expectRefusal(stocked(key, 1, it, it.approvals, [one[0]!, two[0]!]), 'epoch.stale')
    const atNext = (body: RequestBody): RequestBody => ({ ...body, epoch: 1 })
    const now = await ask(next.plan, next, 1, [bytesItem('at the next epoch')], soon(), atNext)
    const words = [await approve(next.plan, 2, now.requestDigest, soon())]
    const fresh = await stock(next, 2)
    await expectRefusal(stocked(next, 1, now, words, [one[0]!, fresh[0]!]), 'nonce.spent')
    const [first] = await stock(next, 1)
    await expectRefusal(stocked(next, 1, now, words, [first!, two[0]!]), 'signing.misdelivered', [])
  })

  it('is not there for a package that is not sound, which costs nothing but its own nonce', async () => {
    const { key, it, one, two } = await ready()
    const elsewhere = await makeKey(cluster)
    const [foreign] = await stock(elsewhere, 2)
    const changed = { ...two[0]!, body: { ...two[0]!.body, commitments: one[0]!.body.commitments } }
    const beyond = { ...two[0]!, serial: two[0]!.body.first + STOCK_SIZE }
    for (const [at, list] of [
      [one[0]!, foreign!],
      [one[1]!, changed],
      [one[2]!, beyond],
      [two[0]!, one[3]!],
      [one[4]!],
    ].entries()) {
      const next = await asked(key, `cheat ${at}`)
      await expectRefusal(stocked(key, 1, next, next.approvals, list), 'signing.misdelivered', [])
    }
    await finish(key, it, it.approvals, [one[6]!, two[1]!])
  })

  it('is taken for nothing that its owner has not agreed to', async () => {
    const { key, it, one, two } = await ready()
    await expectRefusal(stocked(key, 2, it, [], [one[0]!, two[0]!]), 'consent.missing', [2])
    const no = [await approve(key.plan, 2, it.requestDigest, soon(), 'reject')]
    await expectRefusal(stocked(key, 2, it, no, [one[0]!, two[0]!]), 'consent.missing', [2])
    // It was not touched.
    await finish(key, it, it.approvals, [one[0]!, two[0]!])
  })

  it('is for a request of one item', async () => {
    const { key, one, two } = await ready()
    const it = await ask(key.plan, key, 1, [bytesItem('a'), bytesItem('b')], soon())
    const approvals = [await approve(key.plan, 2, it.requestDigest, soon())]
    await expectRefusal(stocked(key, 1, it, approvals, [one[0]!, two[0]!]), 'signing.misdelivered')
    // Where another has committed to both, nobody is accused of having committed to one.
    const { commitment } = await commit(key, 1, it, approvals)
    await expectRefusal(partial(key, 1, it, approvals, [commitment, two[1]!]), 'signing.misdelivered', [])
  })

  it('is not taken for what another attempt has begun', async () => {
    const { key, it, one, two } = await ready()
    await commitAll(key, it, it.approvals, [1, 2], 2)
    await expectRefusal(stocked(key, 1, it, it.approvals, [one[0]!, two[0]!]), 'nonce.spent')
  })

  it('ends an older attempt, and a newer one ends it', async () => {
    const { key, it, one, two } = await ready()
    await stocked(key, 1, it, it.approvals, [one[0]!, two[0]!])
    await expectRefusal(commit(key, 1, it, it.approvals, 1), 'nonce.spent')
    await commit(key, 1, it, it.approvals, 2)
    await expectRefusal(stocked(key, 1, it, it.approvals, [one[0]!, two[0]!]), 'nonce.spent')
  })
})

describe('the stock of a seat', () => {
  afterEach(() => void vi.useRealTimers())

  it('is not given by keys that draw their nonces when they know the message', async () => {
    const key = await makeKey(cluster, { scheme: 'musig2', threshold: 3 })
    await expectRefusal(stock(key, 1), 'signing.request_invalid')
  })

  it('holds so many: the oldest go first', async () => {
    const { key, it, one, two } = await ready()
    for (let more = 0; more < 4; more += 1) await stock(key, 1)
    await expectRefusal(stocked(key, 1, it, it.approvals, [one[0]!, two[0]!]), 'nonce.spent')
    const [last] = await stock(key, 1)
    await stocked(key, 1, it, it.approvals, [last!, two[0]!])
  })

  it('is gone when nobody has used it for ten minutes', async () => {
    const key = await makeKey(cluster)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { it, one, two } = await ready(key)
    vi.advanceTimersByTime(600_000)
    await expectRefusal(stocked(key, 1, it, it.approvals, [one[0]!, two[0]!]), 'nonce.spent')
  })
})

describe('the log of all enclaves of these tests', () => {
  it('shows no commitment of two signings, and none spent twice', () => {
    const events = cluster.members.flatMap((member) => member.events)
    const spent = events.filter((e) => e.event === 'nonce.spent').map((e) => e.commitment)
    const made = events.filter((e) => e.event === 'nonce.committed').map((e) => e.commitment)
    expect(spent.length).toBeGreaterThan(10)
    expect(new Set(spent).size).toBe(spent.length)
    expect(new Set(made).size).toBe(made.length)
    expect(spent.every((commitment) => made.includes(commitment))).toBe(true)
  })
})
