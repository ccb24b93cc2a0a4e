import { schnorr } from '@noble/curves/secp256k1.js'
import type { Frost, Mpc } from '@quorate/shared/mpc'
import { sealSignature } from '@quorate/shared/seal/items'
import { digestOf } from '@quorate/shared/seal/sign'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { Content } from '@quorate/shared/wire/content'
import type { Consent } from '@quorate/shared/wire/keygen'
import type { Approval, Commitment } from '@quorate/shared/wire/signing'
import { describe, expect, it, vi } from 'vitest'
import { createCluster } from './support/cluster.ts'
import {
  commitAll,
  enrol,
  loadKey,
  makeKey,
  recall,
  runDkg,
  sign,
  type Asked,
  type MadeKey,
} from './support/ceremony.ts'
import { approve, ask, bytesItem, draw, openSignatures } from './support/people.ts'
import { expectRefusal } from './support/refused.ts'

const cluster = await createCluster()
const soon = () => cluster.clock.now + 60_000

/** Alice (1) asks for a signature of `text`, and bob (2) approves it. */
async function asked(key: MadeKey, text = 'hello') {
  const request = await ask(key.plan, key, 1, [bytesItem(text)], soon())
  return { ...request, approvals: [await approve(key.plan, 2, request.requestDigest, soon())] }
}

const commit = (key: MadeKey, index: number, { request, sealedItems }: Asked, approvals: Approval[], attempt = 1) =>
  key.plan.hosts.get(index)!.call('sign.commit', { attempt, index, request, sealedItems, approvals })

const partial = (
  key: MadeKey,
  index: number,
  of: Asked,
  approvals: Approval[],
  commitments: Commitment[],
  attempt = 1,
) =>
  key.plan.hosts
    .get(index)!
    .call('sign.partial', { signingId: of.request.body.signingId, attempt, index, approvals, commitments })

describe('a share whose owner has not approved', () => {
  it('does not sign, whoever else approved', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    await expectRefusal(commit(key, 3, it, it.approvals), 'consent.missing', [3])
    await expectRefusal(commit(key, 2, it, []), 'consent.missing', [2])
  })

  it('does not sign on an approval of another request, of another person, or of another key', async () => {
    const key = await makeKey(cluster)
    const a = await asked(key, 'pay bob 1')
    const b = await asked(key, 'pay mallory 1000')
    await expectRefusal(commit(key, 2, b, a.approvals), 'consent.invalid', [2])
    const byCarol = await approve(key.plan, 3, a.requestDigest, soon())
    const renamed = { ...byCarol, body: { ...byCarol.body, index: 2 } }
    await expectRefusal(commit(key, 2, a, [renamed]), 'consent.invalid', [2])
    const other = await makeKey(cluster)
    const foreign = await approve(other.plan, 2, a.requestDigest, soon())
    await expectRefusal(commit(key, 2, a, [foreign]), 'consent.invalid', [2])
  })

  it('does not sign after a rejection, even if an approval lies beside it', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const rejection = await approve(key.plan, 2, it.requestDigest, soon(), 'reject')
    await expectRefusal(commit(key, 2, it, [...it.approvals, rejection]), 'consent.missing', [2])
    const turned = { ...rejection, body: { ...rejection.body, decision: 'approve' as const } }
    await expectRefusal(commit(key, 2, it, [turned]), 'consent.invalid', [2])
  })

  it('does not sign once the request or the approval has expired, also between the rounds', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const short = [await approve(key.plan, 2, it.requestDigest, cluster.clock.now + 1_000)]
    const commitments = await commitAll(key, it, short, [1, 2])
    cluster.clock.now += 2_000
    await expectRefusal(partial(key, 2, it, short, commitments), 'consent.expired', [2])
    cluster.clock.now += 60_000
    await expectRefusal(commit(key, 1, it, it.approvals, 2), 'consent.expired')
    const over = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    const long = [await approve(key.plan, 2, over.requestDigest, cluster.clock.now + 600_000)]
    const list = await commitAll(key, over, long, [1, 2])
    cluster.clock.now += 60_000
    await expectRefusal(partial(key, 1, over, long, list), 'consent.expired')
  })

  it('is in no quorum that another enclave would sign with', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const byCarol = await approve(key.plan, 3, it.requestDigest, soon())
    const commitments = await commitAll(key, it, [...it.approvals, byCarol], [1, 2, 3])
    await expectRefusal(partial(key, 1, it, it.approvals, commitments), 'consent.missing', [3])
  })
})

describe('a request', () => {
  it('is refused when anything in it was changed after it was signed, or it is for another key', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const { body } = it.request
    for (const changed of [{ expiresAt: body.expiresAt + 1 }, { asker: 2 }, { items: [...body.items, ...body.items] }])
      await expectRefusal(
        commit(key, 1, { ...it, request: { ...it.request, body: { ...body, ...changed } } }, []),
        'signing.request_invalid',
      )
    const other = await makeKey(cluster)
    const elsewhere = await ask(other.plan, other, 1, [bytesItem('x')], soon(), (b) => ({
      ...b,
      keyId: key.plan.skeleton.keyId,
    }))
    await expectRefusal(commit(key, 1, elsewhere, []), 'signing.request_invalid')
    const stale = await ask(key.plan, key, 1, [bytesItem('x')], soon(), (b) => ({ ...b, epoch: 1 }))
    await expectRefusal(commit(key, 1, stale, []), 'epoch.stale')
  })

  it('is refused with other content than it commits to', async () => {
    const key = await makeKey(cluster)
    const a = await asked(key, 'approve this')
    const b = await asked(key, 'sign that')
    await expectRefusal(commit(key, 1, { ...a, sealedItems: b.sealedItems }, []), 'seal.invalid')
    await expectRefusal(commit(key, 1, { ...a, sealedItems: [] }, []), 'message.invalid')
    const swapped = await ask(key.plan, key, 1, [bytesItem('one'), bytesItem('two')], soon())
    await expectRefusal(commit(key, 1, { ...swapped, sealedItems: swapped.sealedItems.reverse() }, []), 'seal.invalid')
    const lies = await ask(key.plan, key, 1, [bytesItem('one')], soon(), (body) => ({
      ...body,
      items: a.request.body.items,
    }))
    await expectRefusal(commit(key, 1, lies, []), 'content.mismatch')
  })

  it('signs no type of content that the policy of the key does not name', async () => {
    const event: Content = { type: 'nostr-event', event: { created_at: 1, kind: 1, tags: [], content: '' } }
    const forBytes = await makeKey(cluster)
    const nostr = await ask(forBytes.plan, forBytes, 1, [{ content: event, mode: { kind: 'plain' } }], soon())
    await expectRefusal(commit(forBytes, 1, nostr, []), 'content.not_permitted')
    const forNostr = await makeKey(cluster, { content: ['nostr-event'] })
    const bytes = await ask(forNostr.plan, forNostr, 1, [bytesItem('an event id would fit here')], soon())
    await expectRefusal(commit(forNostr, 1, bytes, []), 'content.not_permitted')
    // An event id smuggled as an event of the permitted type: type and content must agree.
    const smuggled = await ask(forNostr.plan, forNostr, 1, [bytesItem('id')], soon(), (body) => ({
      ...body,
      items: body.items.map((item) => ({ ...item, type: 'nostr-event' as const })),
    }))
    await expectRefusal(commit(forNostr, 1, smuggled, []), 'content.mismatch')
    // A Nostr event names the group key: under the Taproot output key it would be nobody's.
    const mode = { kind: 'taproot', merkleRoot: '' } as const
    const tweaked = await ask(forNostr.plan, forNostr, 1, [{ content: event, mode }], soon())
    await expectRefusal(commit(forNostr, 1, tweaked, []), 'content.not_permitted')
  })

  it('may not be followed by another one under the same id', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    await commit(key, 1, it, it.approvals)
    const again = await ask(key.plan, key, 1, [bytesItem('other')], soon(), (body) => ({
      ...body,
      signingId: it.request.body.signingId,
    }))
    await expectRefusal(commit(key, 1, again, []), 'signing.request_invalid')
  })
})

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
    await expectRefusal(partial(key, 1, it, it.approvals, [old[0]!, fresh[1]!], 2), 'signing.bad_commitment', [1])
    await expectRefusal(partial(key, 1, it, it.approvals, [fresh[0]!, old[1]!], 2), 'signing.bad_commitment', [2])
  })

  it('does not outlive its enclave: after a restart the attempt is unknown', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const commitments = await commitAll(key, it, it.approvals, [1, 2])
    await partial(key, 1, it, it.approvals, commitments)
    await key.plan.hosts.get(1)!.restart()
    await loadKey(key, [1])
    await expectRefusal(partial(key, 1, it, it.approvals, commitments), 'signing.unknown')
    const again = await commitAll(key, it, it.approvals, [1, 2], 2)
    await partial(key, 1, it, it.approvals, again, 2)
    await cluster.introduceAll()
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

describe('a key that the gateway had made twice, for the same people', () => {
  it('signs under the certificate that came first, and under the other never', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const [one, two] = [await runDkg(plan, roster, {}, 1), await runDkg(plan, roster, {}, 2)]
    await loadKey(one)
    const it = await asked(one)
    await expectRefusal(loadKey(two, [1]), 'epoch.stale')
    const made = await sign(one, it, it.approvals, [1, 2], 2)
    const [signature] = openSignatures(plan, it.request.body.signingId, made.sealedSignatures)
    expect(schnorr.verify(signature!, Buffer.from('hello'), fromHex(one.certificate.body.groupKey))).toBe(true)
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
  it('must hold the own one exactly once and unchanged, and at least a threshold, in ascending order', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const byCarol = await approve(key.plan, 3, it.requestDigest, soon())
    const all = [...it.approvals, byCarol]
    const [a, b, c] = await commitAll(key, it, all, [1, 2, 3])
    const refuse = (list: Commitment[], culprits?: number[]) =>
      expectRefusal(partial(key, 1, it, all, list), 'signing.bad_commitment', culprits)
    await refuse([b!, c!])
    await refuse([a!, a!, b!], [1])
    await refuse([b!, a!], [1])
    await refuse([a!, { ...b!, body: { ...b!.body, index: 3 } }], [3])
    const forged = { ...a!, body: { ...a!.body, commitments: b!.body.commitments } }
    await refuse([forged, b!], [1])
    const other = await asked(key, 'other')
    const [, foreign] = await commitAll(key, other, other.approvals, [1, 2])
    await refuse([a!, foreign!], [2])
    await expectRefusal(partial(key, 1, it, all, [a!]), 'message.invalid')
    await partial(key, 1, it, all, [a!, b!])
  })

  it('costs no nonce when it is too short for the threshold', async () => {
    const key = await makeKey(cluster, { threshold: 3 })
    const it = await asked(key)
    const all = [...it.approvals, await approve(key.plan, 3, it.requestDigest, soon())]
    const list = await commitAll(key, it, all, [1, 2, 3])
    await expectRefusal(partial(key, 1, it, all, list.slice(0, 2)), 'signing.bad_commitment', [])
    await partial(key, 1, it, all, list)
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
    const commitments = await commitAll(key, it, it.approvals, [1, 2])
    const partials = [
      (await partial(key, 1, it, it.approvals, commitments)).partial,
      (await partial(key, 2, it, it.approvals, commitments)).partial,
    ]
    const { signingId } = it.request.body
    const aggregate = (list: typeof partials) =>
      key.plan.hosts.get(1)!.call('sign.aggregate', { signingId, attempt: 1, index: 1, partials: list })
    await expectRefusal(aggregate(partials), 'signing.bad_partial', [2])
    await expectRefusal(
      aggregate([partials[0]!, { index: 2, sealed: partials[0]!.sealed }]),
      'signing.bad_partial',
      [2],
    )
    await expectRefusal(aggregate([partials[0]!, partials[0]!]), 'signing.bad_partial', [2])
  })
})

describe('a receipt', () => {
  it('is given only for a signature that verifies, and only by who took part', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const { sealedSignatures, receipts } = await sign(key, it, it.approvals, [1, 2])
    const { signingId } = it.request.body
    const confirm = (index: number, sealed: string[]) => {
      const results = sealed.map((sealedSignature) => ({ sealedSignature }))
      return key.plan.hosts.get(index)!.call('sign.confirm', { signingId, attempt: 1, index, results })
    }
    await expectRefusal(confirm(3, sealedSignatures), 'signing.unknown')
    const other = await asked(key, 'other')
    const foreign = await sign(key, other, other.approvals, [1, 2])
    await expectRefusal(confirm(2, foreign.sealedSignatures), 'seal.invalid')
    const [wrong] = openSignatures(key.plan, other.request.body.signingId, foreign.sealedSignatures)
    const sealedWrong = toBase64url(sealSignature(key.plan.sessionSecret, signingId, 0, wrong!))
    await expectRefusal(confirm(2, [sealedWrong]), 'signature.invalid')
    const verified = { certificate: key.certificate.body, digest: key.digest }
    const signatures = openSignatures(key.plan, signingId, sealedSignatures).map(toHex)
    await verifyReceipts(verified, it.requestDigest, signatures, receipts)
    await expectRefusal(verifyReceipts(verified, other.requestDigest, signatures, receipts), 'receipt.invalid', [1])
    await expectRefusal(verifyReceipts(verified, it.requestDigest, signatures, receipts.slice(0, 1)), 'receipt.invalid')
    await expectRefusal(
      verifyReceipts(verified, it.requestDigest, signatures, [receipts[0]!, receipts[0]!]),
      'receipt.invalid',
    )
    const forged = [receipts[0]!, { ...receipts[1]!, body: { ...receipts[1]!.body, measurements: {} } }]
    await expectRefusal(verifyReceipts(verified, it.requestDigest, signatures, forged), 'receipt.invalid', [2])
  })
})

describe('a standing grant', () => {
  const standing = (over: Partial<Extract<Consent, { kind: 'standing' }>['grant']> = {}): Consent => ({
    kind: 'standing',
    grant: {
      askers: ['alice'],
      content: ['bytes'],
      until: cluster.clock.now + 86_400_000,
      limit: { count: 2, seconds: 60 },
      ...over,
    },
  })

  it('lets the asker whom it names sign without an approval, as often as it says', async () => {
    const key = await makeKey(cluster, { consents: new Map([[2, standing()]]) })
    for (const text of ['one', 'two']) {
      const it = await ask(key.plan, key, 1, [bytesItem(text)], soon())
      const { sealedSignatures } = await sign(key, it, [], [1, 2])
      const [signature] = openSignatures(key.plan, it.request.body.signingId, sealedSignatures)
      expect(schnorr.verify(signature!, Buffer.from(text), fromHex(key.certificate.body.groupKey))).toBe(true)
    }
    const third = await ask(key.plan, key, 1, [bytesItem('three')], soon())
    await expectRefusal(sign(key, third, [], [1, 2]), 'grant.exhausted', [2])
    const approvals = [await approve(key.plan, 2, digestOf('request', third.request.body), soon())]
    await sign(key, third, approvals, [1, 2], 2)
    cluster.clock.now += 61_000
    const later = await ask(key.plan, key, 1, [bytesItem('later')], soon())
    await sign(key, later, [], [1, 2])
  })

  it('counts signatures and not requests, so that many items in one request get no more', async () => {
    const key = await makeKey(cluster, { consents: new Map([[2, standing()]]) })
    const three = await ask(key.plan, key, 1, ['a', 'b', 'c'].map(bytesItem), soon())
    await expectRefusal(sign(key, three, [], [1, 2]), 'grant.exhausted', [2])
    const two = await ask(key.plan, key, 1, ['a', 'b'].map(bytesItem), soon())
    await sign(key, two, [], [1, 2])
    const one = await ask(key.plan, key, 1, [bytesItem('a')], soon())
    await expectRefusal(sign(key, one, [], [1, 2]), 'grant.exhausted', [2])
  })

  it('is charged once for a request, however many attempts its signature takes', async () => {
    const key = await makeKey(cluster, { consents: new Map([[2, standing({ limit: { count: 1, seconds: 60 } })]]) })
    const it = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    for (const attempt of [1, 2, 3]) await sign(key, it, [], [1, 2], attempt)
    const another = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    await expectRefusal(sign(key, another, [], [1, 2]), 'grant.exhausted', [2])
  })

  it('covers nobody else, no other content and no later time', async () => {
    const key = await makeKey(cluster, { consents: new Map([[2, standing()]]), content: ['bytes', 'nostr-event'] })
    const byCarol = await ask(key.plan, key, 3, [bytesItem('x')], soon())
    await expectRefusal(commit(key, 2, byCarol, []), 'consent.missing', [2])
    const event: Content = { type: 'nostr-event', event: { created_at: 1, kind: 1, tags: [], content: '' } }
    const mixed = await ask(key.plan, key, 1, [bytesItem('x'), { content: event, mode: { kind: 'plain' } }], soon())
    await expectRefusal(commit(key, 2, mixed, []), 'consent.missing', [2])
    const over = await makeKey(cluster, { consents: new Map([[2, standing({ until: cluster.clock.now + 1 })]]) })
    cluster.clock.now += 2
    const late = await ask(over.plan, over, 1, [bytesItem('x')], soon())
    await expectRefusal(commit(over, 2, late, []), 'consent.missing', [2])
  })

  it('counts as used up after a restart until its window has gone by, since nobody can tell', async () => {
    const key = await makeKey(cluster, { consents: new Map([[2, standing()]]) })
    cluster.clock.now += 1_000
    await key.plan.hosts.get(2)!.restart()
    await cluster.introduceAll()
    await loadKey(key, [2])
    await recall(key, 2, 1)
    const it = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    await expectRefusal(sign(key, it, [], [1, 2]), 'grant.exhausted', [2])
    cluster.clock.now += 60_000
    const later = await ask(key.plan, key, 1, [bytesItem('y')], soon())
    await sign(key, later, [], [1, 2])
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
