import { schnorr } from '@noble/curves/secp256k1.js'
import type { Mpc } from '@quorate/shared/mpc'
import { fromHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../test/bytes-hash.js'
import { confirmAt, loadKey, makeKey, recall, sign, signUnconfirmed } from './ceremony.ts'
import { introduceAll, startHosts } from './host.ts'
import { approve, ask, bytesItem, openSignatures } from './people.ts'
import { expectRefusal } from './refused.ts'

/*
 * A host that has several shares of a key of MuSig2 finds out once what is the same for all of them.
 */
const called = { nonceAgg: 0, partialSigAgg: 0 }

/** Counts what the second host, which aggregates nothing, does. */
const counting = (mpc: Mpc): Mpc => ({
  ...mpc,
  musig2: {
    ...mpc.musig2,
    nonceAgg: (a) => {
      called.nonceAgg += 1
      return mpc.musig2.nonceAgg(a)
    },
    partialSigAgg: (a) => {
      called.partialSigAgg += 1
      return mpc.musig2.partialSigAgg(a)
    },
  },
})

const group = await startHosts({ mpcOf: (at, mpc) => (at === 1 ? counting(mpc) : mpc) })
await introduceAll(group.members)
const users = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
const all = users.map((_, at) => at + 1)
const seatsOfSecond = [2, 5, 8]
const texts = ['one', 'two', 'three', 'four']
const key = await makeKey(group, { scheme: 'musig2', users })

async function asked() {
  called.nonceAgg = called.partialSigAgg = 0
  const soon = group.clock.now + 60_000
  const request = await ask(
    key.plan,
    key,
    1,
    texts.map((text) => bytesItem(text)),
    soon,
  )
  const yes = texts.map(() => 'approve' as const)
  const approvals = all.slice(1).map((index) => approve(key.plan, index, request.requestDigest, soon, yes))
  return { ...request, approvals: await Promise.all(approvals) }
}

describe('a host with three shares', () => {
  it('adds up nonces and partials once for each item', async () => {
    const it = await asked()
    const { sealedSignatures } = await sign(key, it, it.approvals, all)
    const signatures = openSignatures(key.plan, it.request.body.signingId, sealedSignatures)
    for (const [at, text] of texts.entries())
      expect(schnorr.verify(signatures[at]!, hashOfBytes(text), fromHex(key.certificate.body.groupKey))).toBe(true)
    expect(called).toEqual({ nonceAgg: texts.length, partialSigAgg: texts.length })
  })

  it('takes no other partials for what it has joined', async () => {
    const it = await asked()
    const signed = await signUnconfirmed(key, it, it.approvals, all)
    const receipt = await confirmAt(key, 2, signed)
    const lent = { ...signed, partials: [signed.partials[1]!, ...signed.partials.slice(1)] }
    await expectRefusal(confirmAt(key, 5, lent), 'signing.misdelivered')
    for (const index of seatsOfSecond)
      expect((await confirmAt(key, index, signed)).body.resultDigest).toBe(receipt.body.resultDigest)
    expect(called.partialSigAgg).toBe(texts.length)
  })

  it('joins by itself where it has forgotten the signing', async () => {
    const it = await asked()
    const signed = await signUnconfirmed(key, it, it.approvals, all)
    const [, second] = group.members
    second!.restart()
    await introduceAll(group.members)
    await loadKey(key, seatsOfSecond)
    for (const index of seatsOfSecond) await recall(key, index)
    for (const index of seatsOfSecond) await confirmAt(key, index, signed)
    expect(called.partialSigAgg).toBe(seatsOfSecond.length * texts.length)
  })
})
