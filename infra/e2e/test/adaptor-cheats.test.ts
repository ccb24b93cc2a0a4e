import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { loadMpc, type Mpc, type Musig2 } from '@quorate/shared/mpc'
import { proveAdaptor } from '@quorate/shared/schemes/adaptors'
import { mostAdaptors } from '@quorate/shared/schemes/table'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromBase64url, fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { AdaptorTerms } from '@quorate/shared/wire/adaptor'
import type { Item } from '@quorate/shared/wire/content'
import { MAX_ITEMS, type Partial } from '@quorate/shared/wire/signing'
import { describe, expect, it } from 'vitest'
import { askFor, sound } from '../../../shared/party/test/bad-items.js'
import { carried, commitAll, confirmAt, makeKey, sign, type MadeKey } from '../../../shared/party/test/ceremony.js'
import { approve, bytesItem, openSignatures } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { createCluster, type Member } from './support/cluster.ts'

/*
 * Pre-signatures of three enclaves, with a gateway, a host or an asker that cheats.
 */
const mpc = await loadMpc()
const { Point } = secp256k1
const all = [1, 2, 3]
const others = [1, 3]
const drawn = () => schnorr.utils.randomSecretKey()
const pointOf = (secret: Uint8Array) => ({ point: toHex(secp256k1.getPublicKey(secret, true)) })
const secrets = all.map(drawn)
const points = secrets.map(pointOf)
const anyOf: AdaptorTerms = { kind: 'any', points }
const itemFor = (adaptor: AdaptorTerms): Item => ({ ...bytesItem('swap'), adaptor })

type Cluster = Awaited<ReturnType<typeof createCluster>>
const makeMusigKey = (cluster: Cluster) => makeKey(cluster, { scheme: 'musig2' })

/** Alice's program seals what she wants, whatever the SDK thinks of it; bob and carol approve. */
async function asked(cluster: Cluster, key: MadeKey<Member>, items: readonly Item[]) {
  const soon = cluster.clock.now + 60_000
  const request = await askFor(key.plan, key, 1, items.map(sound), soon)
  const yes = items.map(() => 'approve' as const)
  const approvals = [2, 3].map((index) => approve(key.plan, index, request.requestDigest, soon, yes))
  return { ...request, approvals: await Promise.all(approvals) }
}

const proofOf = (secret: Uint8Array) => toHex(proveAdaptor(mpc, secret).proof)

/** Together with the first, a point whose secret its maker knows alone. */
const rogue = Point.fromHex(pointOf(drawn()).point).subtract(Point.fromHex(points[0]!.point)).toHex(true)
const first = { ...points[0]!, proof: proofOf(secrets[0]!) }
const second = { ...points[1]!, proof: proofOf(secrets[1]!) }

const bad: [string, AdaptorTerms][] = [
  ['beside the curve', { kind: 'one', point: `02${'00'.repeat(31)}05` }],
  ['beyond the field', { kind: 'one', point: `02${'ff'.repeat(32)}` }],
  ['twice the same', { kind: 'any', points: [points[0]!, points[0]!] }],
  ['good but for one', { kind: 'any', points: [...points, { point: `03${'00'.repeat(31)}05` }] }],
  ['made so that another cancels out', { kind: 'all', points: [first, { point: rogue, proof: second.proof }] }],
  ['proved by another', { kind: 'all', points: [first, { ...second, proof: first.proof }] }],
]

describe('points that get no pre-signature', () => {
  it.each(bad)('are refused by each host, with the item, when they are %s', async (_, adaptor) => {
    const cluster = await createCluster()
    const key = await makeMusigKey(cluster)
    const alone = await asked(cluster, key, [itemFor(adaptor)])
    for (const index of all) await expectRefusal(commitAll(key, alone, alone.approvals, [index]), 'adaptor.invalid', [])
    const events = cluster.members.flatMap((member) => member.events)
    expect(events.filter(({ event }) => event === 'nonce.committed')).toEqual([])
    const it = await asked(cluster, key, [bytesItem('good'), itemFor(adaptor)])
    const { results } = await sign(key, it, it.approvals, all)
    expect(results).toMatchObject([{ sealedSignature: expect.any(String) as string }, { code: 'adaptor.invalid' }])
  })

  it('are refused by each host though the gateway says that all have taken them', async () => {
    const cluster = await createCluster()
    const key = await makeMusigKey(cluster)
    const { partial } = singleCalls(cluster)
    const good = await asked(cluster, key, [bytesItem('good'), itemFor(anyOf)])
    const it = await asked(cluster, key, [bytesItem('good'), itemFor(bad[0]![1])])
    const taken = await commitAll(key, good, good.approvals, all)
    const honest = await commitAll(key, it, it.approvals, all)
    const lied = honest.map((one, at) => ({ ...one, body: { ...one.body, commitments: taken[at]!.body.commitments } }))
    const consents = carried(key, it, it.approvals)
    for (const index of all)
      for (const list of [taken, lied, lied.map((one, at) => (at === index - 1 ? honest[at]! : one))])
        await expectRefusal(partial(key, index, it, consents, list), 'signing.misdelivered')
  })
})

describe('a request for more pre-signatures than fit', () => {
  it('is cut by each host by the same rule, whatever the program of its asker thinks', async () => {
    const cluster = await createCluster()
    const key = await makeMusigKey(cluster)
    const many = () => itemFor({ kind: 'any', points: Array.from({ length: mostAdaptors }, () => pointOf(drawn())) })
    const items = Array.from({ length: Math.floor(MAX_ITEMS / mostAdaptors) + 1 }, many)
    const it = await asked(cluster, key, items)
    const { results } = await sign(key, it, it.approvals, all)
    expect(results.at(-1)).toEqual({ code: 'adaptor.too_many' })
    expect(results.slice(0, -1).every((result) => 'sealedSignature' in result)).toBe(true)
  }, 60_000)
})

describe('a host that cheats in a round of pre-signatures', () => {
  type Lie = { [O in keyof Musig2]?: Musig2[O] }
  const lyingAt = (lie: (musig2: Musig2) => Lie) =>
    createCluster({
      mpcOf: (at, honest: Mpc) =>
        at === 1 ? { ...honest, musig2: { ...honest.musig2, ...lie(honest.musig2) } } : honest,
    })

  /** The `nth` call has another answer. */
  function spoilt<A, R>(nth: number, call: (a: A) => R, spoil: (answer: R) => R): (a: A) => R {
    let calls = 0
    return (a) => {
      calls += 1
      return calls === nth ? spoil(call(a)) : call(a)
    }
  }
  const flipped = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 31 ? byte ^ 1 : byte))

  it.each(all)('is named by all others for a wrong partial of point %i', async (nth) => {
    const cluster = await lyingAt((musig2) => ({ sign: spoilt(nth, (a) => musig2.sign(a), flipped) }))
    const key = await makeMusigKey(cluster)
    const it = await asked(cluster, key, [itemFor(anyOf)])
    const { partial } = singleCalls(cluster)
    const commitments = await commitAll(key, it, it.approvals, all)
    const consents = carried(key, it, it.approvals)
    const partials: Partial[] = []
    for (const index of all) partials.push((await partial(key, index, it, consents, commitments)).partial)
    const { request, sealedItems } = it
    for (const index of others) {
      const joined = confirmAt(key, index, { request, sealedItems, consents, commitments, partials })
      await expectRefusal(joined, 'signing.bad_partial', [2])
    }
  })

  it.each(all)('is named by all others for a commitment that is none, to point %i', async (nth) => {
    const noNonce = (answer: ReturnType<Musig2['nonceGen']>) => ({ ...answer, pubnonce: new Uint8Array(66).fill(5) })
    const cluster = await lyingAt((musig2) => ({ nonceGen: spoilt(nth, (a) => musig2.nonceGen(a), noNonce) }))
    const key = await makeMusigKey(cluster)
    const it = await asked(cluster, key, [itemFor(anyOf)])
    const { partial } = singleCalls(cluster)
    const commitments = await commitAll(key, it, it.approvals, all)
    const consents = carried(key, it, it.approvals)
    for (const index of others)
      await expectRefusal(partial(key, index, it, consents, commitments), 'signing.bad_commitment', [2])
  })

  it('by giving pre-signatures in another order has the receipts against it', async () => {
    const cluster = await createCluster()
    const key = await makeMusigKey(cluster)
    const it = await asked(cluster, key, [itemFor(anyOf)])
    const { receipts, sealedSignatures } = await sign(key, it, it.approvals, all)
    const [result] = openSignatures(key.plan, it.request.body.signingId, sealedSignatures)
    expect(result).toHaveLength(3 * 65)
    const turned = Uint8Array.from([...result!.slice(65), ...result!.slice(0, 65)])
    const verified = { certificate: key.certificate.body, digest: key.digest }
    await verifyReceipts(verified, it.request.body, [toHex(result!)], receipts)
    await expectRefusal(verifyReceipts(verified, it.request.body, [toHex(turned)], receipts), 'receipt.invalid')
  })
})

describe('the nonces of pre-signatures', () => {
  it('are one set for each point, spent once, and never twice the same, by the logs of all enclaves', async () => {
    const cluster = await createCluster()
    const key = await makeMusigKey(cluster)
    for (let nth = 0; nth < 3; nth += 1) {
      const it = await asked(cluster, key, [
        itemFor(anyOf),
        bytesItem('plain'),
        itemFor({ kind: 'one', ...points[0]! }),
      ])
      // A first attempt that goes no further, and one that does.
      await commitAll(key, it, it.approvals, all)
      const { sealedSignatures } = await sign(key, it, it.approvals, all, 2)
      const [, plain] = openSignatures(key.plan, it.request.body.signingId, sealedSignatures)
      expect(schnorr.verify(plain!, hashOfBytes('plain'), fromHex(key.certificate.body.groupKey))).toBe(true)
    }
    const events = cluster.members.flatMap((member) => member.events)
    const setsOf = (name: string) =>
      events.flatMap((event) => {
        if (event.event !== name || !('commitment' in event)) return []
        return toHex(fromBase64url(event.commitment)).match(/.{132}/g) ?? []
      })
    const [made, spent] = [setsOf('nonce.committed'), setsOf('nonce.spent')]
    // Of 3 hosts, in 3 signings: for 3 points, a plain item and a point; and as many for the attempts that went no further.
    expect([made.length, spent.length]).toEqual([90, 45])
    expect([new Set(made).size, new Set(spent).size]).toEqual([90, 45])
    expect(spent.every((one) => made.includes(one))).toBe(true)
  })
})
