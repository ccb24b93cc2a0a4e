import { schnorr } from '@noble/curves/secp256k1.js'
import type { Mpc, Musig2 } from '@quorate/shared/mpc'
import type { Partial } from '@quorate/shared/wire/signing'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { createCluster, type Member } from './support/cluster.ts'
import { commitAll, confirmAt, enrol, makeKey, sign, type MadeKey } from '../../../shared/party/test/ceremony.js'
import { approve, draw, openSignatures } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

type Lie = { [O in keyof Musig2]?: Musig2[O] }

const all = [1, 2, 3]
const others = [1, 3]
const wish = { scheme: 'musig2' as const }

/** Enclaves of which that of participant 2 has another cryptography. */
const rigged = (lie: (mpc: Mpc) => Mpc) => createCluster({ mpcOf: (at, mpc) => (at === 1 ? lie(mpc) : mpc) })
const lyingAt = (lie: (musig2: Musig2) => Lie) =>
  rigged((mpc) => ({ ...mpc, musig2: { ...mpc.musig2, ...lie(mpc.musig2) } }))

type Cluster = Awaited<ReturnType<typeof rigged>>

/** Alice asks, and bob and carol approve. */
async function askedOf(cluster: Cluster, key: MadeKey) {
  const calls = singleCalls(cluster)
  const it = await calls.asked(key)
  return { ...calls, it, approvals: [...it.approvals, await approve(key.plan, 3, it.requestDigest, calls.soon())] }
}

async function partialsOf(cluster: Cluster, key: MadeKey<Member>) {
  const { it, approvals, partial } = await askedOf(cluster, key)
  const commitments = await commitAll(key, it, approvals, all)
  const partials: Partial[] = []
  for (const index of all) partials.push((await partial(key, index, it, approvals, commitments)).partial)
  const { request, sealedItems } = it
  return (index: number) => confirmAt(key, index, { request, sealedItems, consents: approvals, commitments, partials })
}

describe('a host that cheats with a key of MuSig2', () => {
  it('in its receipt is named by all others, when it cannot prove the key', async () => {
    const cluster = await rigged((mpc) => ({
      ...mpc,
      secp256k1: { ...mpc.secp256k1, sign: (secret) => mpc.secp256k1.sign(secret, new Uint8Array(32)) },
    }))
    const plan = await draw(cluster, wish)
    const roster = await enrol(plan)
    const { keyId } = plan.skeleton
    for (const index of others) {
      const accepted = plan.hosts.get(index)!.call('keygen.accept', { keyId, index, roster })
      await expectRefusal(accepted, 'keygen.bad_package', [2])
    }
  })

  it('in its commitment is named by all others, when it is no nonce', async () => {
    const cluster = await lyingAt((musig2) => ({
      nonceGen: (a) => ({ ...musig2.nonceGen(a), pubnonce: new Uint8Array(66).fill(5) }),
    }))
    const key = await makeKey(cluster, wish)
    const { it, approvals, partial } = await askedOf(cluster, key)
    const commitments = await commitAll(key, it, approvals, all)
    for (const index of others)
      await expectRefusal(partial(key, index, it, approvals, commitments), 'signing.bad_commitment', [2])
  })

  const lies: [string, (musig2: Musig2) => Lie][] = [
    [
      'that is a bit off',
      (musig2) => ({ sign: (a) => musig2.sign(a).map((byte, at) => (at === 31 ? byte ^ 1 : byte)) }),
    ],
    [
      'that fits another nonce than it committed to',
      (musig2) => ({
        nonceGen(a) {
          const { pubnonce } = musig2.nonceGen(a)
          return { secnonce: musig2.nonceGen(a).secnonce, pubnonce }
        },
      }),
    ],
    ['of zero', () => ({ sign: () => new Uint8Array(32) })],
  ]
  it.each(lies)('in its partial is named by all others, when it is one %s', async (_, lie) => {
    const cluster = await lyingAt(lie)
    const key = await makeKey(cluster, wish)
    const aggregate = await partialsOf(cluster, key)
    for (const index of others) await expectRefusal(aggregate(index), 'signing.bad_partial', [2])
  })

  it('by giving another signature has the receipts of all others against it', async () => {
    const cluster = await createCluster()
    const key = await makeKey(cluster, wish)
    const { it, approvals } = await askedOf(cluster, key)
    const { receipts } = await sign(key, it, approvals, all)
    const other = await askedOf(cluster, key)
    const foreign = await sign(key, other.it, other.approvals, all)
    const { signingId } = other.it.request.body
    const outcomes = openSignatures(key.plan, signingId, foreign.sealedSignatures).map(toHex)
    const verified = { certificate: key.certificate.body, digest: key.digest }
    await expectRefusal(verifyReceipts(verified, it.request.body, outcomes, receipts), 'receipt.invalid')
  })
})

describe('a nonce of a key of MuSig2', () => {
  it('signs once, and nothing with fewer than all hosts', async () => {
    const cluster = await createCluster()
    const key = await makeKey(cluster, wish)
    const { it, approvals, partial } = await askedOf(cluster, key)
    const commitments = await commitAll(key, it, approvals, all)
    await expectRefusal(partial(key, 1, it, approvals, commitments.slice(0, 2)), 'signing.misdelivered')
    const first = await partial(key, 1, it, approvals, commitments)
    expect((await partial(key, 1, it, approvals, commitments)).partial).toEqual(first.partial)
    const fresh = await commitAll(key, it, approvals, [2, 3], 2)
    await expectRefusal(partial(key, 1, it, approvals, [commitments[0]!, ...fresh]), 'nonce.spent')
    await expectRefusal(partial(key, 1, it, [...approvals].reverse(), commitments), 'nonce.spent')
    const made = await sign(key, it, approvals, all, 3)
    const [signature] = openSignatures(key.plan, it.request.body.signingId, made.sealedSignatures)
    expect(schnorr.verify(signature!, hashOfBytes('hello'), fromHex(key.certificate.body.groupKey))).toBe(true)
  })
})
