import { schnorr } from '@noble/curves/secp256k1.js'
import { digestOf } from '@quorate/shared/crypto/sign'
import { mostParticipants } from '@quorate/shared/schemes/table'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { Content } from '@quorate/shared/contents/table'
import type { Consent } from '@quorate/shared/wire/consent'
import { describe, expect, it } from 'vitest'
import { createCluster } from './support/cluster.ts'
import {
  carried,
  commitAll,
  loadKey,
  makeKey,
  recall,
  sign,
  signUnconfirmed,
  type Asked,
  type MadeKey,
} from '../../../shared/party/test/ceremony.js'
import {
  approve,
  ask,
  bytesItem,
  grantFor,
  openSignatures,
  type GrantTerms,
} from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { singleCalls } from '../../../shared/party/test/single-calls.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

const cluster = await createCluster()
const { soon, asked, commit, partial } = singleCalls(cluster)

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
    // Bob's word on this very request, by the same auth key, in the name of another key.
    const renewed = await approve({ ...other.plan, signers: key.plan.signers }, 2, a.requestDigest, soon())
    await expectRefusal(commit(key, 2, a, [renewed]), 'consent.invalid', [2])
    await commit(key, 2, a, a.approvals)
  })

  it('does not sign on a word that is older than 31 days or from the future, whatever its expiry', async () => {
    const key = await makeKey(cluster)
    const { now } = cluster.clock
    const [days, never] = [31 * 86_400_000, now + 400 * 86_400_000]
    const it = await ask(key.plan, key, 1, [bytesItem('x')], never, (body) => ({ ...body, askedAt: now }))
    const given = (givenAt: number) => approve(key.plan, 2, it.requestDigest, never, 'approve', { givenAt })
    await commit(key, 2, it, [await given(now - days)])
    await expectRefusal(commit(key, 2, it, [await given(now - days - 1)], 2), 'consent.expired', [2])
    await expectRefusal(commit(key, 2, it, [await given(now + 60_001)], 2), 'consent.expired', [2])
    for (const askedAt of [now - days - 1, now + 60_001]) {
      const asked = await ask(key.plan, key, 1, [bytesItem('x')], never, (body) => ({ ...body, askedAt }))
      await expectRefusal(commit(key, 1, asked, []), 'consent.expired', [])
    }
  })

  it('does not sign after a rejection, even if an approval lies beside it', async () => {
    const key = await makeKey(cluster)
    const it = await asked(key)
    const rejection = await approve(key.plan, 2, it.requestDigest, soon(), 'reject')
    await expectRefusal(commit(key, 2, it, [...it.approvals, rejection]), 'consent.missing', [2])
    const turned = { ...rejection, body: { ...rejection.body, decisions: ['approve' as const] } }
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

describe('a standing grant', () => {
  const standing = (over: Partial<GrantTerms> = {}): GrantTerms => ({
    askers: ['alice'],
    content: ['bytes'],
    expiresAt: cluster.clock.now + 86_400_000,
    limit: { count: 2, seconds: 60 },
    ...over,
  })

  it('lets the asker whom it names sign without an approval, as often as it says', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, standing()]]) })
    for (const text of ['one', 'two']) {
      const it = await ask(key.plan, key, 1, [bytesItem(text)], soon())
      const { sealedSignatures } = await sign(key, it, [], [1, 2])
      const [signature] = openSignatures(key.plan, it.request.body.signingId, sealedSignatures)
      expect(schnorr.verify(signature!, hashOfBytes(text), fromHex(key.certificate.body.groupKey))).toBe(true)
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
    const key = await makeKey(cluster, { grants: new Map([[2, standing()]]) })
    const three = await ask(key.plan, key, 1, ['a', 'b', 'c'].map(bytesItem), soon())
    await expectRefusal(sign(key, three, [], [1, 2]), 'grant.exhausted', [2])
    const two = await ask(key.plan, key, 1, ['a', 'b'].map(bytesItem), soon())
    await sign(key, two, [], [1, 2])
    const one = await ask(key.plan, key, 1, [bytesItem('a')], soon())
    await expectRefusal(sign(key, one, [], [1, 2]), 'grant.exhausted', [2])
  })

  it('is charged once for a request, however many attempts its signature takes', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, standing({ limit: { count: 1, seconds: 60 } })]]) })
    const it = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    for (const attempt of [1, 2]) await signUnconfirmed(key, it, [], [1, 2], attempt)
    await sign(key, it, [], [1, 2], 3)
    const another = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    await expectRefusal(sign(key, another, [], [1, 2]), 'grant.exhausted', [2])
  })

  it('covers nobody else, no other content and no later time', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, standing()]]), content: ['bytes', 'nostr-event'] })
    const commitWith = (of: MadeKey, it: Asked) => commit(of, 2, it, carried(of, it, []))
    const byCarol = await ask(key.plan, key, 3, [bytesItem('x')], soon())
    await expectRefusal(commitWith(key, byCarol), 'consent.missing', [2])
    const event: Content = { type: 'nostr-event', event: { created_at: 1, kind: 1, tags: [], content: '' } }
    const mixed = await ask(key.plan, key, 1, [bytesItem('x'), { content: event, mode: { kind: 'plain' } }], soon())
    expect((await commitWith(key, mixed)).commitment.body.commitments).toEqual([
      { commitment: expect.any(String) as string },
      { code: 'consent.missing' },
    ])
    const over = await makeKey(cluster, { grants: new Map([[2, standing({ expiresAt: cluster.clock.now + 1 })]]) })
    cluster.clock.now += 2
    const late = await ask(over.plan, over, 1, [bytesItem('x')], soon())
    await expectRefusal(commitWith(over, late), 'consent.expired', [2])
  })

  it('counts only as its owner registered it, and only when it is sent along', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, standing()]]) })
    const it = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    const registered = await grantFor(key.plan, 2, standing())
    expect(carried(key, it, [])).toEqual([registered])
    await expectRefusal(commit(key, 2, it, []), 'consent.missing', [2])
    const more = { ...standing(), limit: { count: 1_000, seconds: 1 } }
    const stranger = await makeKey(cluster, { grants: new Map([[2, standing()]]) })
    const invented = [
      // By the gateway; by Bob himself, who has registered another; by Bob for another key.
      { ...registered, body: { ...registered.body, expiresAt: 9e12 } },
      await grantFor({ ...key.plan, signers: stranger.plan.signers }, 2, more),
      await grantFor(key.plan, 2, more),
      await grantFor({ ...stranger.plan, signers: key.plan.signers }, 2, standing()),
      ...carried(stranger, it, []),
    ]
    for (const grant of invented) await expectRefusal(commit(key, 2, it, [grant]), 'consent.invalid', [2])
    for (const grant of invented) await expectRefusal(commit(key, 2, it, [registered, grant]), 'consent.invalid', [2])
    const many = Array.from({ length: mostParticipants + 1 }, () => registered)
    await expectRefusal(commit(key, 2, it, many), 'message.invalid')
    await commit(key, 2, it, [registered])
  })

  it('is for its own share: it opens no other, under its own index or a false one', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, standing()]]) })
    const it = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    const [bobs] = carried(key, it, [])
    await expectRefusal(commit(key, 3, it, [bobs!]), 'consent.missing', [3])
    const renamed = { ...bobs!, body: { ...bobs!.body, index: 3 } } as Consent
    await expectRefusal(commit(key, 3, it, [renamed]), 'consent.invalid', [3])
    const carols = await grantFor(key.plan, 3, standing())
    await expectRefusal(commit(key, 3, it, [carols]), 'consent.invalid', [3])
  })

  it('is no consent in a package that does not hold it, and none against its owner’s rejection', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, standing()]]) })
    const it = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    const consents = carried(key, it, [])
    const commitments = await commitAll(key, it, [], [1, 2])
    await expectRefusal(partial(key, 1, it, [], commitments), 'consent.missing', [2])
    const rejection = await approve(key.plan, 2, it.requestDigest, soon(), 'reject')
    await expectRefusal(partial(key, 1, it, [...consents, rejection], commitments), 'consent.missing', [2])
    await partial(key, 1, it, consents, commitments)
  })

  it('goes on after a restart, with the uses that the other hosts remember', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, { ...standing(), limit: { count: 2, seconds: 60 } }]]) })
    const use = async () => sign(key, await ask(key.plan, key, 1, [bytesItem('x')], soon()), [], [1, 2])
    await use()
    await key.plan.hosts.get(2)!.restart()
    await cluster.introduceAll()
    await loadKey(key, [2])
    await recall(key, 2)
    await use()
    await expectRefusal(use(), 'grant.exhausted', [2])
  })

  it('counts as used up after a restart of all hosts until its window has gone by, since nobody can tell', async () => {
    const key = await makeKey(cluster, { grants: new Map([[2, standing()]]) })
    cluster.clock.now += 1_000
    for (const index of [1, 2, 3]) await key.plan.hosts.get(index)!.restart()
    await cluster.introduceAll()
    await loadKey(key)
    const asked = await ask(key.plan, key, 1, [bytesItem('w')], soon())
    await sign(key, asked, [await approve(key.plan, 2, asked.requestDigest, soon())], [1, 2])
    for (const index of [1, 2, 3]) await recall(key, index)
    const it = await ask(key.plan, key, 1, [bytesItem('x')], soon())
    await expectRefusal(sign(key, it, [], [1, 2]), 'grant.exhausted', [2])
    cluster.clock.now += 60_000
    const later = await ask(key.plan, key, 1, [bytesItem('y')], soon())
    await sign(key, later, [], [1, 2])
  })
})
