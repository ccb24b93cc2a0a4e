import { schnorr } from '@noble/curves/secp256k1.js'
import { decideAll } from '@quorate/shared/consent/decisions'
import { openSignature } from '@quorate/shared/crypto/session-items'
import { longestResult } from '@quorate/shared/schemes/table'
import { failuresOf } from '@quorate/shared/verify/items'
import { signersOfItems } from '@quorate/shared/verify/signers'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromBase64url, fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { Approval } from '@quorate/shared/wire/consent'
import type { FreshCommitment, ItemRefusal, ItemResult, Outcome, SigningReceipt } from '@quorate/shared/wire/signing'
import { beforeAll, describe, expect, it } from 'vitest'
import { askFor, badItems, sound, type ItemMaker } from '../../../shared/party/test/bad-items.js'
import {
  carried,
  commitAll,
  confirmAt,
  joinAt,
  makeKey,
  sign,
  type Asked,
  type MadeKey,
} from '../../../shared/party/test/ceremony.js'
import { createCluster, type Member } from './support/cluster.ts'
import { startLiar, type Liar } from './support/compromised-host.ts'
import { approve, bytesItem, type GrantTerms, type PlanOptions } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

const cluster = await createCluster()
const soon = () => cluster.clock.now + 60_000
const text = (at: number) => `item ${at}`
const good = (at: number): ItemMaker => sound(bytesItem(text(at)))
const badOf = (code: ItemRefusal): ItemMaker => badItems.find(([, its]) => its === code)![2]

type Request = Asked & Awaited<ReturnType<typeof askFor>> & { approvals: Approval[] }

/** Alice (1) asks for these items, and the others approve. */
async function asked(key: MadeKey, makers: readonly ItemMaker[]): Promise<Request> {
  const request = await askFor(key.plan, key, 1, makers, soon())
  const yes = decideAll(makers, 'approve')
  const approvals = [2, 3].map((index) => approve(key.plan, index, request.requestDigest, soon(), yes))
  return { ...request, approvals: await Promise.all(approvals) }
}

function open(key: MadeKey, { request }: Asked, results: readonly ItemResult[]): Outcome[] {
  return results.map((result, at) => {
    if ('code' in result) return result
    const sealed = fromBase64url(result.sealedSignature)
    return toHex(openSignature(key.plan.sessionSecret, request.body.signingId, at, sealed, longestResult))
  })
}

/** By @noble/curves: which items (0…) have a signature, of their own text and under the group key. */
function genuine(key: MadeKey, outcomes: readonly Outcome[]): number[] {
  const groupKey = fromHex(key.certificate.body.groupKey)
  return outcomes.flatMap((outcome, at) =>
    typeof outcome === 'string' && schnorr.verify(fromHex(outcome), hashOfBytes(text(at)), groupKey) ? [at] : [],
  )
}

const verify = (key: MadeKey, { request }: Request, outcomes: Outcome[], receipts: SigningReceipt[]) =>
  verifyReceipts({ certificate: key.certificate.body, digest: key.digest }, request.body, outcomes, receipts)

/** Commitments of one host in one signing that left it, and that were spent, by its log. */
function noncesOf(key: MadeKey<Member>, index: number, { request }: Asked): { made: string[]; spent: string[] } {
  const events = key.plan.hosts.get(index)!.events.filter((event) => 'index' in event && event.index === index)
  const of = (name: 'nonce.committed' | 'nonce.spent') =>
    events.flatMap((event) =>
      event.event === name && event.signingId === request.body.signingId ? [event.commitment] : [],
    )
  return { made: of('nonce.committed'), spent: of('nonce.spent') }
}

describe('one bad item among good ones', () => {
  it.each(badItems)('fails alone when it is one %s', async (_name, code, bad) => {
    const key = await makeKey(cluster)
    const it = await asked(key, [good(0), bad, good(2)])
    const { results, receipts } = await sign(key, it, it.approvals, [1, 2])
    const outcomes = open(key, it, results)
    expect(outcomes[1]).toEqual({ code })
    expect(genuine(key, outcomes)).toEqual([0, 2])
    await verify(key, it, outcomes, receipts)
    for (const index of [1, 2]) {
      const { made, spent } = noncesOf(key, index, it)
      expect(made).toHaveLength(2)
      expect(spent).toEqual(made)
    }
  })

  it('fails alone among the hundred of the largest batch, wherever it stands', async () => {
    const key = await makeKey(cluster)
    const step = Math.floor(100 / badItems.length)
    const places = new Map(badItems.map(([, code, bad], nth) => [nth * step + 1, { code, bad }]))
    const makers = Array.from({ length: 100 }, (_, at) => places.get(at)?.bad ?? good(at))
    const it = await asked(key, makers)
    const { results, receipts } = await sign(key, it, it.approvals, [1, 2])
    const outcomes = open(key, it, results)
    const isBad = (_: unknown, at: number) => places.has(at)
    expect(outcomes.filter(isBad)).toEqual([...places.values()].map(({ code }) => ({ code })))
    expect(genuine(key, outcomes)).toEqual([...makers.keys()].filter((at) => !places.has(at)))
    await verify(key, it, outcomes, receipts)
    const { made, spent } = noncesOf(key, 2, it)
    expect(made).toHaveLength(100 - places.size)
    expect(spent).toEqual(made)
  })

  it('has its own code beside others of every kind, and a Taproot mode that its content does not take', async () => {
    const key = await makeKey(cluster, { content: ['bytes', 'nostr-event'] })
    const event = { created_at: 1, kind: 1, tags: [], content: '' }
    const mode = { kind: 'taproot', merkleRoot: '' } as const
    const tweaked = sound({ content: { type: 'nostr-event', event }, mode })
    const bad = badItems.filter(([, code]) => code !== 'content.not_permitted')
    const it = await asked(key, [...bad.map(([, , maker]) => maker), tweaked, good(bad.length + 1)])
    const { results } = await sign(key, it, it.approvals, [2, 3])
    expect(results.slice(0, -1)).toEqual([...bad.map(([, code]) => ({ code })), { code: 'content.not_permitted' }])
    expect(genuine(key, open(key, it, results))).toEqual([bad.length + 1])
  })

  it('ends the whole request, with the code of the first, when there is no good one', async () => {
    const key = await makeKey(cluster)
    for (const [first, second] of [
      ['content.mismatch', 'seal.invalid'],
      ['content.invalid', 'content.not_permitted'],
    ] as const) {
      const it = await asked(key, [badOf(first), badOf(second)])
      await expectRefusal(commitAll(key, it, it.approvals, [1]), first, [])
      expect(noncesOf(key, 1, it).made).toEqual([])
    }
  })
})

describe('a gateway', () => {
  it('cannot make an item fail by garbling it: hosts take the sealed items that the asker signed for', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key, [good(0), good(1)])
    const [first, second] = it.sealedItems
    const garbled = [first!, toBase64url(fromBase64url(second!).map((byte, at) => (at === 40 ? byte ^ 1 : byte)))]
    const elsewhere = await asked(key, [good(0), good(1)])
    for (const sealedItems of [garbled, [second!, first!], elsewhere.sealedItems])
      await expectRefusal(commitAll(key, { ...it, sealedItems }, it.approvals, [1]), 'seal.invalid')
    await expectRefusal(commitAll(key, { ...it, sealedItems: [first!] }, it.approvals, [1]), 'content.mismatch')
    expect(genuine(key, open(key, it, (await sign(key, it, it.approvals, [1, 2])).results))).toEqual([0, 1])
  })

  it('has the receipts against it with other results than those of the package', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key, [good(0), badOf('content.mismatch'), good(2)])
    const { results, receipts } = await sign(key, it, it.approvals, [1, 2])
    const outcomes = open(key, it, results)
    await verify(key, it, outcomes, receipts)
    const [zero, one, two] = outcomes as [Outcome, Outcome, Outcome]
    const lies: Outcome[][] = [
      [zero, one],
      [zero, one, two, two],
      [{ code: 'content.mismatch' }, one, two],
      [zero, { code: 'seal.invalid' }, two],
      [zero, { code: 'signing.disputed', refusals: [{ index: 1, code: 'content.mismatch' }] }, two],
      [zero, zero, two],
      [two, one, zero],
    ]
    for (const lie of lies) await expectRefusal(verify(key, it, lie, receipts), 'receipt.invalid')
  })
})

describe('a host that lies about an item', () => {
  let liar: Liar
  beforeAll(async () => {
    liar = await startLiar(cluster, 'enclave-9')
  })

  /** A key whose third share the liar hosts. */
  const keyWithLiar = (more: PlanOptions & { grants?: Map<number, GrantTerms> } = {}) => {
    const [first, second] = cluster.members
    return makeKey(cluster, { ...more, hosts: [first!, second!, liar.member] })
  }

  /** The package of an honest host and the liar, who says these words. */
  async function lyingPackage(
    key: MadeKey,
    it: Request,
    honest: number,
    words: readonly ('commit' | ItemRefusal)[],
  ): Promise<FreshCommitment[]> {
    const [own] = await commitAll(key, it, it.approvals, [honest])
    return [own!, await liar.commit(key, { ...own!.body, index: 3 }, words)]
  }

  /** The rest of the signing up to its partials, over that package. */
  async function packageOf(key: MadeKey, it: Request, honest: number, commitments: FreshCommitment[]) {
    const place = { signingId: it.request.body.signingId, attempt: 1, index: honest }
    const host = key.plan.hosts.get(honest)!
    const consents = carried(key, it, it.approvals)
    const { partial } = await host.call('signing.partial', { ...place, consents, commitments })
    const live = failuresOf(commitments, signersOfItems(key.plan.skeleton, it.request.body)).flatMap((failure, at) =>
      failure === null ? [at] : [],
    )
    const messages = new Map(live.map((at) => [at, hashOfBytes(text(at))]))
    const partials = [partial, await liar.partial(key, 3, commitments, messages, partial)]
    const { request, sealedItems } = it
    return { request, sealedItems, consents, commitments, partials }
  }

  async function finish(key: MadeKey, it: Request, honest: number, commitments: FreshCommitment[]) {
    const { receipt, results } = await joinAt(key, honest, await packageOf(key, it, honest, commitments))
    const receipts = [receipt, await liar.receipt({ ...receipt.body, index: 3 })]
    const outcomes = open(key, it, results)
    await verify(key, it, outcomes, receipts)
    return { outcomes }
  }

  it('keeps that item from being signed and no other, and its word stands under all receipts', async () => {
    const key = await keyWithLiar()
    const it = await asked(key, [good(0), good(1), good(2)])
    const commitments = await lyingPackage(key, it, 1, ['commit', 'content.not_permitted', 'commit'])
    const { outcomes } = await finish(key, it, 1, commitments)
    expect(genuine(key, outcomes)).toEqual([0, 2])
    const refusals = [{ index: 3, code: 'content.not_permitted' }]
    expect(outcomes[1]).toEqual({ code: 'signing.disputed', refusals })
    const { made, spent } = noncesOf(key, 1, it)
    expect(spent).toEqual([made[0], made[2]])
  })

  it('gets nothing signed that others refuse, by committing to it', async () => {
    const key = await keyWithLiar()
    const it = await asked(key, [good(0), badOf('content.mismatch')])
    const { outcomes } = await finish(key, it, 1, await lyingPackage(key, it, 1, ['commit', 'commit']))
    expect(genuine(key, outcomes)).toEqual([0])
    expect(outcomes[1]).toEqual({ code: 'signing.disputed', refusals: [{ index: 1, code: 'content.mismatch' }] })
    expect(noncesOf(key, 1, it).made).toHaveLength(1)
  })

  it('is named when its partials are not those of the items that the package signs', async () => {
    const key = await keyWithLiar()
    const it = await asked(key, [good(0), badOf('seal.invalid')])
    const commitments = await lyingPackage(key, it, 1, ['commit', 'commit'])
    const place = { signingId: it.request.body.signingId, attempt: 1, index: 1 }
    const host = key.plan.hosts.get(1)!
    const consents = carried(key, it, it.approvals)
    const { partial } = await host.call('signing.partial', { ...place, consents, commitments })
    const other = hashOfBytes(text(1))
    for (const messages of [new Map<number, Uint8Array>(), new Map([[0, other]])]) {
      const partials = [partial, await liar.partial(key, 3, commitments, messages, partial)]
      const { request, sealedItems } = it
      const joined = confirmAt(key, 1, { request, sealedItems, consents, commitments, partials })
      await expectRefusal(joined, 'signing.bad_partial', [3])
    }
  })

  it('can keep all items from being signed, which costs no nonce, and the quorum says so', async () => {
    const key = await keyWithLiar()
    const it = await asked(key, [good(0), good(1)])
    const { outcomes } = await finish(key, it, 1, await lyingPackage(key, it, 1, ['seal.invalid', 'content.mismatch']))
    expect(outcomes.map((outcome) => typeof outcome !== 'string' && outcome.code)).toEqual(
      Array.from({ length: 2 }, () => 'signing.disputed'),
    )
    expect(noncesOf(key, 1, it)).toMatchObject({ made: { length: 2 }, spent: [] })
    const commitments = await lyingPackage(key, it, 1, ['commit', 'commit'])
    const place = { signingId: it.request.body.signingId, attempt: 1, index: 1, consents: it.approvals }
    await expectRefusal(key.plan.hosts.get(1)!.call('signing.partial', { ...place, commitments }), 'nonce.spent')
  })

  it('cannot make a standing grant pay less: each item is paid for before it is signed, and once', async () => {
    const grantOf = (count: number): GrantTerms => ({
      askers: ['alice'],
      content: ['bytes'],
      expiresAt: cluster.clock.now + 86_400_000,
      limit: { count, seconds: 60 },
    })
    for (const [count, enough] of [
      [2, false],
      [3, true],
    ] as const) {
      const key = await keyWithLiar({ grants: new Map([[2, grantOf(count)]]) })
      const request = await askFor(key.plan, key, 1, [good(0), good(1), good(2)], soon())
      const yes = decideAll([0, 1, 2], 'approve')
      const it = { ...request, approvals: [await approve(key.plan, 3, request.requestDigest, soon(), yes)] }
      const words = ['commit', 'seal.invalid', 'seal.invalid'] as const
      await packageOf(key, it, 2, await lyingPackage(key, it, 2, words))
      const again = sign(key, it, it.approvals, [1, 2], 2)
      if (!enough) await expectRefusal(again, 'grant.exhausted', [2])
      else {
        expect(genuine(key, open(key, it, (await again).results))).toEqual([0, 1, 2])
        const more = await askFor(key.plan, key, 1, [good(0)], soon())
        await expectRefusal(sign(key, more, [], [1, 2]), 'grant.exhausted', [2])
      }
    }
  })
})

describe('the log of all enclaves of these tests', () => {
  it('shows no commitment made twice and none spent twice', () => {
    const events = cluster.members.flatMap((member) => member.events)
    const of = (name: string) => events.flatMap((e) => (e.event === name && 'commitment' in e ? [e.commitment] : []))
    const [made, spent] = [of('nonce.committed'), of('nonce.spent')]
    expect(spent.length).toBeGreaterThan(20)
    expect(new Set(spent).size).toBe(spent.length)
    expect(new Set(made).size).toBe(made.length)
    expect(made.length).toBeGreaterThan(spent.length)
  })
})
