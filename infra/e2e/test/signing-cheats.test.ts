import { schnorr } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import type { Frost, Mpc } from '@quorate/shared/mpc'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { createCluster } from './support/cluster.ts'
import {
  commitAll,
  confirmAt,
  joinAt,
  enrol,
  loadKey,
  makeKey,
  recall,
  runDkg,
  sign,
  signUnconfirmed,
  type MadeKey,
} from '../../../shared/party/test/ceremony.js'
import { approve, draw, openSignatures } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'
import { agree, prepareAt } from '../../../shared/party/test/epoch-change.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

const cluster = await createCluster()
const { soon, asked, partial } = singleCalls(cluster)

describe('a key that the gateway had made twice, for the same people', () => {
  it('signs under the certificate that all hosts have installed, and under the other never', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const [one, two] = [await runDkg(plan, roster, {}, 1), await runDkg(plan, roster, {}, 2)]
    await agree(one)
    const it = await asked(one)
    await expectRefusal(prepareAt(two, 1), 'certificate.invalid')
    const made = await sign(one, it, it.approvals, [1, 2], 2)
    const [signature] = openSignatures(plan, it.request.body.signingId, made.sealedSignatures)
    expect(schnorr.verify(signature!, hashOfBytes('hello'), fromHex(one.certificate.body.groupKey))).toBe(true)
  })
})

describe('a host that lies in the signing', () => {
  it('is named by the aggregating enclave, and the honest are not', async () => {
    const rigged = await createCluster({
      mpcOf: (number, mpc): Mpc => {
        if (number !== 1) return mpc
        const lie = (f: Frost): Frost => ({ ...f, sign: (a) => f.sign({ ...a, message: new Uint8Array(32) }) })
        return { ...mpc, frost: (scheme) => lie(mpc.frost(scheme)) }
      },
    })
    const key = await makeKey(rigged)
    const it = await asked(key)
    const { partials, aggregate } = await partialsOf(key, it)
    await expectRefusal(aggregate(partials), 'signing.bad_partial', [2])
  })

  it('is named for the other point of its commitments’ x, which its partial does not fit', async () => {
    for (const at of [5, 5 + 33]) {
      const drawn = new Map<string, Uint8Array>()
      const lie = (f: Frost): Frost => ({
        ...f,
        commit(a) {
          const { nonces, commitments } = f.commit(a)
          const said = commitments.with(at, commitments[at]! ^ 1)
          drawn.set(toHex(said), commitments)
          return { nonces, commitments: said }
        },
        sign: (a) =>
          f.sign({ ...a, commitments: new Map([...a.commitments].map(([of, c]) => [of, drawn.get(toHex(c)) ?? c])) }),
      })
      const rigged = await createCluster({
        mpcOf: (number, mpc): Mpc => (number === 1 ? { ...mpc, frost: (scheme) => lie(mpc.frost(scheme)) } : mpc),
      })
      const key = await makeKey(rigged)
      const it = await asked(key)
      const { partials, aggregate } = await partialsOf(key, it)
      await expectRefusal(aggregate(partials), 'signing.bad_partial', [2])
    }
  })
})

/** The partials of alice and bob, and what alice's enclave says to others in their place. */
async function partialsOf(key: MadeKey, it: Awaited<ReturnType<typeof asked>>, attempt = 1) {
  const { request, sealedItems, approvals: consents } = it
  const commitments = await commitAll(key, it, it.approvals, [1, 2], attempt)
  const partials = [
    (await partial(key, 1, it, it.approvals, commitments, attempt)).partial,
    (await partial(key, 2, it, it.approvals, commitments, attempt)).partial,
  ]
  const aggregate = (list: typeof partials) =>
    confirmAt(key, 1, { request, sealedItems, consents, commitments, partials: list }, attempt)
  return { partials, aggregate }
}

describe('who carries partials', () => {
  it('makes no honest host look like a liar: what its host did not sign for this package accuses nobody', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const { partials: old } = await partialsOf(key, it)
    const other = await partialsOf(key, await asked(key, 'other'))
    const { partials, aggregate } = await partialsOf(key, it, 2)
    const [alices, bobs] = [partials[0]!, partials[1]!]
    const noise = { ...bobs, body: { ...bobs.body, sealed: toBase64url(randomBytes(100)) } }
    for (const list of [
      [alices, noise],
      [alices, { ...bobs, body: { ...bobs.body, sealed: alices.body.sealed } }],
      [alices, { ...alices, body: { ...alices.body, index: 2 } }],
      [alices, old[1]!],
      [alices, other.partials[1]!],
      [alices, alices],
      [bobs, alices],
      [alices],
    ])
      await expectRefusal(aggregate(list), 'signing.misdelivered', [])
    await aggregate(partials)
  })
})

describe('a receipt', () => {
  it('is given only for a signature that verifies, and only by who took part', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const signed = await sign(key, it, it.approvals, [1, 2])
    const { sealedSignatures, receipts } = signed
    const { signingId } = it.request.body
    await expectRefusal(confirmAt(key, 3, signed), 'signing.misdelivered', [])
    const other = await asked(key, 'other')
    const foreign = await sign(key, other, other.approvals, [1, 2])
    await expectRefusal(confirmAt(key, 2, { ...foreign, request: it.request }), 'signing.misdelivered', [])
    const verified = { certificate: key.certificate.body, digest: key.digest }
    const signatures = openSignatures(key.plan, signingId, sealedSignatures).map(toHex)
    await verifyReceipts(verified, it.request.body, signatures, receipts)
    await expectRefusal(verifyReceipts(verified, other.request.body, signatures, receipts), 'receipt.invalid', [])
    await expectRefusal(verifyReceipts(verified, it.request.body, signatures, receipts.slice(0, 1)), 'receipt.invalid')
    await expectRefusal(
      verifyReceipts(verified, it.request.body, signatures, [receipts[0]!, receipts[0]!]),
      'receipt.invalid',
    )
    const forged = [receipts[0]!, { ...receipts[1]!, body: { ...receipts[1]!.body, measurements: {} } }]
    await expectRefusal(verifyReceipts(verified, it.request.body, signatures, forged), 'receipt.invalid', [])
  })

  it('is given for the package that its host signed, and not for another attempt or quorum over the same message', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const all = [...it.approvals, await approve(key.plan, 3, it.requestDigest, soon())]
    const first = await signUnconfirmed(key, it, all, [1, 2], 1)
    const second = await signUnconfirmed(key, it, all, [1, 3], 2)
    const third = await signUnconfirmed(key, it, all, [1, 2], 3)
    for (const lie of [
      { ...first, partials: second.partials },
      { ...first, commitments: second.commitments, partials: second.partials },
      { ...first, consents: [...first.consents].reverse() },
    ])
      await expectRefusal(confirmAt(key, 2, lie, 1), 'signing.misdelivered', [])
    const { receipt, sealedSignatures } = await joinAt(key, 1, third, 3)
    const receipts = [receipt, await confirmAt(key, 2, first, 1)]
    const signatures = openSignatures(key.plan, it.request.body.signingId, sealedSignatures).map(toHex)
    const verified = { certificate: key.certificate.body, digest: key.digest }
    await expectRefusal(verifyReceipts(verified, it.request.body, signatures, receipts), 'receipt.invalid', [])
  })

  it('is given by a host that has restarted since it signed, for what it signed', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const signed = await signUnconfirmed(key, it, it.approvals, [1, 2])
    await key.plan.hosts.get(2)!.restart()
    await cluster.introduceAll()
    await loadKey(key, [2])
    await recall(key, 2)
    const { receipt, sealedSignatures } = await joinAt(key, 1, signed)
    const receipts = [receipt, await confirmAt(key, 2, signed)]
    const signatures = openSignatures(key.plan, it.request.body.signingId, sealedSignatures).map(toHex)
    const verified = { certificate: key.certificate.body, digest: key.digest }
    await verifyReceipts(verified, it.request.body, signatures, receipts)
  })
})
