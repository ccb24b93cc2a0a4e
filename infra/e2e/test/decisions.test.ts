import { schnorr } from '@noble/curves/secp256k1.js'
import { openSignature } from '@quorate/shared/crypto/session-items'
import { longestResult } from '@quorate/shared/schemes/table'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromBase64url, fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Approval, Decision } from '@quorate/shared/wire/consent'
import type { Outcome } from '@quorate/shared/wire/signing'
import { describe, expect, it } from 'vitest'
import { askFor, badItems, sound, type ItemMaker } from '../../../shared/party/test/bad-items.js'
import { commitAll, makeKey, sign, type Asked, type MadeKey } from '../../../shared/party/test/ceremony.js'
import { approve, bytesItem, type GrantTerms } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { createCluster, type Member } from './support/cluster.ts'
import { startLiar } from './support/compromised-host.ts'

/*
 * A decision per item, as the hosts of a key see it. `y` is yes and `n` no, item by item.
 */

const cluster = await createCluster()
const { soon, commit, partial } = singleCalls(cluster)
const text = (at: number) => `item ${at}`
const items = (count: number): ItemMaker[] => Array.from({ length: count }, (_, at) => sound(bytesItem(text(at))))
const decisions = (word: string): Decision[] => Array.from(word, (letter) => (letter === 'y' ? 'approve' : 'reject'))

type Request = Asked & Awaited<ReturnType<typeof askFor>> & { approvals: Approval[] }

/** Alice (1) asks, and these others say so. */
async function asked(key: MadeKey, makers: readonly ItemMaker[], words: Record<number, string>): Promise<Request> {
  const request = await askFor(key.plan, key, 1, makers, soon())
  const approvals = Object.entries(words).map(([index, word]) =>
    approve(key.plan, Number(index), request.requestDigest, soon(), decisions(word)),
  )
  return { ...request, approvals: await Promise.all(approvals) }
}

/** A signing by this quorum: how each item ends, `signed` where @noble/curves finds its signature. The receipts are verified. */
async function endsOf(key: MadeKey, it: Request, quorum: number[]) {
  const { results, receipts } = await sign(key, it, it.approvals, quorum)
  const outcomes = results.map((result, at): Outcome => {
    if ('code' in result) return result
    const sealed = fromBase64url(result.sealedSignature)
    return toHex(openSignature(key.plan.sessionSecret, it.request.body.signingId, at, sealed, longestResult))
  })
  await verifyReceipts({ certificate: key.certificate.body, digest: key.digest }, it.request.body, outcomes, receipts)
  const groupKey = fromHex(key.certificate.body.groupKey)
  return outcomes.map((outcome, at) =>
    typeof outcome === 'string'
      ? schnorr.verify(fromHex(outcome), hashOfBytes(text(at)), groupKey) && 'signed'
      : outcome,
  )
}

/** Nonces of one host in one signing that left it, and that were spent, by its log. */
function noncesOf(key: MadeKey<Member>, index: number, { request: { body } }: Asked) {
  const events = key.plan.hosts.get(index)!.events.filter((one) => 'index' in one && one.index === index)
  const count = (name: string) =>
    events.filter((one) => one.event === name && 'signingId' in one && one.signingId === body.signingId).length
  return { made: count('nonce.committed'), spent: count('nonce.spent') }
}

const rejected = (...refusals: [number, 'signing.rejected' | 'consent.missing'][]) => ({
  code: 'signing.rejected',
  refusals: refusals.map(([index, code]) => ({ index, code })),
})

describe('a word with a decision for each item', () => {
  it('has signed what enough say yes to, and the others end by the word of the host whose owner said no', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key, items(4), { 2: 'ynyn' })
    const no = rejected([2, 'signing.rejected'])
    expect(await endsOf(key, it, [1, 2])).toEqual(['signed', no, 'signed', no])
    expect(noncesOf(key, 1, it)).toEqual({ made: 4, spent: 2 })
    expect(noncesOf(key, 2, it)).toEqual({ made: 2, spent: 2 })
  })

  it('has each item signed by those who want it, where no one quorum wants all', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key, items(5), { 2: 'yynny', 3: 'nnyyy' })
    expect(await endsOf(key, it, [1, 2, 3])).toEqual(['signed', 'signed', 'signed', 'signed', 'signed'])
    expect([1, 2, 3].map((index) => noncesOf(key, index, it).spent)).toEqual([5, 3, 3])
  })

  it('is for the asker too: who asks can take items back', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key, items(2), { 1: 'ny', 2: 'yy' })
    expect(await endsOf(key, it, [1, 2])).toEqual([rejected([1, 'signing.rejected']), 'signed'])
  })

  it('lets nothing be signed by a host whose owner says no to all, or says yes to more or fewer items', async () => {
    const key = await makeKey(cluster)
    const none = await asked(key, items(2), { 2: 'nn' })
    await expectRefusal(commit(key, 2, none, none.approvals), 'consent.missing', [2])
    for (const word of ['y', 'yyy']) {
      const other = await asked(key, items(2), { 2: word })
      await expectRefusal(commit(key, 2, other, other.approvals), 'consent.invalid', [2])
    }
  })

  it('cannot be turned by who carries it', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key, items(2), { 2: 'yn' })
    const [word] = it.approvals as [Approval]
    const turned = { ...word, body: { ...word.body, decisions: decisions('yy') } }
    await expectRefusal(commit(key, 2, it, [turned]), 'consent.invalid', [2])
    const commitments = await commitAll(key, it, it.approvals, [1, 2])
    await expectRefusal(partial(key, 1, it, [turned], commitments), 'consent.invalid', [2])
    expect(noncesOf(key, 1, it).spent).toBe(0)
  })

  it('says of an item that nobody can sign why that is, whatever its owners say', async () => {
    const key = await makeKey(cluster)
    const [, code, bad] = badItems[0]!
    const it = await asked(key, [...items(1), bad], { 2: 'yn' })
    expect(await endsOf(key, it, [1, 2])).toEqual(['signed', { code }])
  })
})

describe('a host that lies', () => {
  it('gets no partial for an item that its owner rejects, by committing to it', async () => {
    const liar = await startLiar(cluster, 'enclave-9')
    const [first, second] = cluster.members
    const key = await makeKey(cluster, { hosts: [first!, second!, liar.member] })
    const it = await asked(key, items(2), { 3: 'yn' })
    const [own] = await commitAll(key, it, it.approvals, [1])
    const lie = await liar.commit(key, { ...own!.body, index: 3 }, ['commit', 'commit'])
    await expectRefusal(partial(key, 1, it, it.approvals, [own!, lie]), 'consent.missing', [3])
    expect(noncesOf(key, 1, it).spent).toBe(0)
  })
})

describe('a standing grant', () => {
  const grant = (count: number): GrantTerms => ({
    ...{ askers: ['alice'], content: ['bytes'], expiresAt: cluster.clock.now + 86_400_000 },
    limit: { count, seconds: 60 },
  })
  const event = { created_at: 1, kind: 1, tags: [], content: '' }
  const mixed = [...items(2), sound({ content: { type: 'nostr-event', event }, mode: { kind: 'plain' } })]

  it('decides for the items that it covers, and is charged for these', async () => {
    const key = await makeKey(cluster, { content: ['bytes', 'nostr-event'], grants: new Map([[2, grant(2)]]) })
    const it = await asked(key, mixed, {})
    const refusals = [{ index: 2, code: 'consent.missing' }]
    expect(await endsOf(key, it, [1, 2])).toEqual(['signed', 'signed', { code: 'consent.missing', refusals }])
    const more = await asked(key, items(1), {})
    await expectRefusal(sign(key, more, [], [1, 2]), 'grant.exhausted', [2])
  })

  it('counts for nothing beside a word of its owner', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, grant(1)]]) })
    const it = await asked(key, items(2), { 2: 'yn' })
    expect(await endsOf(key, it, [1, 2])).toEqual(['signed', rejected([2, 'signing.rejected'])])
    expect(await endsOf(key, await asked(key, items(1), {}), [1, 2])).toEqual(['signed'])
  })
})
