import { schnorr } from '@noble/curves/secp256k1.js'
import { describesSubgroups } from '@quorate/shared/verify/subgroups'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromHex, toBase64url, toHex } from '@quorate/shared/wire/bytes'
import type { FreshCommitment } from '@quorate/shared/wire/signing'
import type { Subgroup } from '@quorate/shared/wire/subgroups'
import { describe, expect, it } from 'vitest'
import { aggregateOf, sortedKeys } from '../../test/bip327.js'
import { hashOfBytes } from '../../test/bytes-hash.js'
import { carried, commitAll, makeKey, sign, type MadeKey } from './ceremony.ts'
import { introduceAll, startHosts, type Host } from './host.ts'
import { approve, ask, bytesItem, draw, initFor, openSignatures, sealFor } from './people.ts'
import { expectRefusal } from './refused.ts'

const group = await startHosts()
await introduceAll(group.members)
const scheme = 'musig2'
const soon = () => group.clock.now + 60_000
const pair: Subgroup = { id: 'pair', members: [1, 2] }
const subgroups = [pair, { id: 'others', members: [2, 3] }, { id: 'all', members: [1, 2, 3] }]
const itemOf = (subgroup: string, text = 'hello') => ({ ...bytesItem(text), subgroup })

const publicKeysIn = ({ certificate }: MadeKey) =>
  certificate.body.roster.registrations.map(({ body }) => fromHex(body.contributed?.publicKey ?? ''))

/** `asker` asks the sub-group, and these approve. */
async function asked(key: MadeKey, subgroup: string, approvers: number[], asker = 1) {
  const it = await ask(key.plan, key, asker, [itemOf(subgroup)], soon())
  const approvals = await Promise.all(
    approvers.map((index) => approve(key.plan, index, it.requestDigest, soon(), 'approve', { lives: [] })),
  )
  return { ...it, approvals }
}

async function expectSigned(key: MadeKey, { id, members }: Subgroup, asker: number): Promise<void> {
  const it = await asked(
    key,
    id,
    members.filter((index) => index !== asker),
    asker,
  )
  const { sealedSignatures, receipts } = await sign(key, it, it.approvals, members)
  const [signature] = openSignatures(key.plan, it.request.body.signingId, sealedSignatures)
  const groupKey = key.certificate.body.subgroupKeys?.[subgroups.findIndex((one) => one.id === id)] ?? ''
  expect(schnorr.verify(signature!, hashOfBytes('hello'), fromHex(groupKey))).toBe(true)
  const verified = { certificate: key.certificate.body, digest: key.digest }
  await verifyReceipts(verified, it.request.body, [toHex(signature!)], receipts)
  const fewer = verifyReceipts(verified, it.request.body, [toHex(signature!)], receipts.slice(1))
  await expectRefusal(fewer, 'receipt.invalid')
}

describe.each([undefined, 'indices'] as const)('the sub-groups of a key, in the order %s', (keyOrder) => {
  it('have BIP-327’s aggregates of their members, who sign with them', async () => {
    const key = await makeKey(group, { scheme, subgroups, ...(keyOrder ? { keyOrder } : {}) })
    const listed = publicKeysIn(key)
    const { subgroupKeys, groupKey } = key.certificate.body
    for (const [at, { members }] of subgroups.entries()) {
      const pubkeys = members.map((index) => listed[index - 1]!)
      expect(subgroupKeys?.[at]).toBe(toHex(aggregateOf(keyOrder === undefined ? sortedKeys(pubkeys) : pubkeys)))
    }
    expect(subgroupKeys?.[2]).toBe(groupKey)
    for (const one of subgroups) await expectSigned(key, one, one.members[0]!)
  })
})

describe('a sub-group', () => {
  it('signs what a participant asks who is not in it, since all of its members say yes', async () => {
    await expectSigned(await makeKey(group, { scheme, subgroups }), pair, 3)
  })

  it('is held by one host only where the frame says so', async () => {
    const [host] = group.members as [Host]
    for (const quorumInOneHost of [false, true]) {
      const users = ['alice', 'bob', 'carol', 'dave']
      const together = [{ id: 'together', members: [1, 4] }]
      const plan = await draw(group, { scheme, users, subgroups: together, quorumInOneHost })
      const init = host.call('keygen.init', { skeleton: plan.skeleton, sealed: sealFor(host, initFor(plan, host)) })
      if (quorumInOneHost) await init
      else await expectRefusal(init, 'keygen.crowded')
    }
  })

  it('has the key of its members in the certificate, and no other', async () => {
    const { body } = (await makeKey(group, { scheme, subgroups })).certificate
    const [first, second, third] = body.subgroupKeys as [string, string, string]
    expect(await describesSubgroups(group.mpc, body)).toBe(true)
    expect(await describesSubgroups(group.mpc, { ...body, subgroupKeys: [second, first, third] })).toBe(false)
    const { subgroupKeys, ...without } = body
    expect(subgroupKeys).toHaveLength(3)
    expect(await describesSubgroups(group.mpc, without)).toBe(false)
    expect(await describesSubgroups(group.mpc, { ...body, publicKeys: toBase64url(new Uint8Array(100)) })).toBe(false)
  })
})

const key = await makeKey(group, { scheme, subgroups })

describe('a request for several sub-groups', () => {
  it('has each item signed by its own members, in one signing', async () => {
    const items = [itemOf('pair', 'a'), itemOf('others', 'b'), bytesItem('c')]
    const it = await ask(key.plan, key, 2, items, soon())
    const approvals = await Promise.all(
      [1, 3].map((index) =>
        approve(key.plan, index, it.requestDigest, soon(), ['approve', 'approve', 'approve'], { lives: [] }),
      ),
    )
    const { results, receipts } = await sign(key, it, approvals, [1, 2, 3])
    const { subgroupKeys = [], groupKey } = key.certificate.body
    const sealed = results.map((result) => ('sealedSignature' in result ? result.sealedSignature : ''))
    const signatures = openSignatures(key.plan, it.request.body.signingId, sealed)
    const keys = [subgroupKeys[0]!, subgroupKeys[1]!, groupKey]
    const isGood = keys.map((one, at) => schnorr.verify(signatures[at]!, hashOfBytes('abc'.charAt(at)), fromHex(one)))
    expect(isGood).toEqual([true, true, true])
    const verified = { certificate: key.certificate.body, digest: key.digest }
    await verifyReceipts(verified, it.request.body, signatures.map(toHex), receipts)
    const two = receipts.slice(0, 2).map((one) => ({ ...one, body: { ...one.body, quorum: [1, 2] } }))
    await expectRefusal(verifyReceipts(verified, it.request.body, signatures.map(toHex), two), 'receipt.invalid')
  })

  it('has the one signed whose members have said yes, and the other not, with nobody’s word', async () => {
    const it = await ask(key.plan, key, 1, [itemOf('pair'), itemOf('others')], soon())
    const yes = await approve(key.plan, 2, it.requestDigest, soon(), ['approve', 'approve'], { lives: [] })
    const { results } = await sign(key, it, [yes], [1, 2])
    expect(results).toEqual([
      { sealedSignature: expect.any(String) as string },
      { code: 'consent.missing', refusals: [] },
    ])
  })
})

describe('a gateway that', () => {
  const commit = (index: number, it: Awaited<ReturnType<typeof asked>>) =>
    key.plan.hosts.get(index)!.call('signing.commit', {
      ...{ attempt: 1, index, request: it.request, sealedItems: it.sealedItems },
      consents: carried(key, it, it.approvals),
    })

  it('brings the approvals of others than the members gets no commitment', async () => {
    const it = await asked(key, 'pair', [3])
    await expectRefusal(commit(2, it), 'consent.missing', [2])
    const elsewhere = await asked(key, 'others', [2])
    await expectRefusal(commit(2, { ...it, approvals: elsewhere.approvals }), 'consent.invalid', [2])
  })

  it('asks the host of somebody else gets none, whatever was approved', async () => {
    await expectRefusal(commit(3, await asked(key, 'pair', [2, 3])), 'subgroup.not_member', [3])
  })

  it('brings the commitment of a host that is in no sub-group with its members gets no partial', async () => {
    const it = await asked(key, 'pair', [2, 3])
    const commitments = await commitAll(key, it, it.approvals, [1, 2])
    const { signingId } = it.request.body
    const third = key.plan.hosts.get(3) as Host
    const [own] = commitments
    const { life } = third.presence()
    const stolen = await third.keys.sign('commitment', { ...own!.body, index: 3, life })
    const consents = carried(key, it, it.approvals)
    const partial = (list: FreshCommitment[]) =>
      key.plan.hosts.get(1)!.call('signing.partial', { signingId, attempt: 1, index: 1, consents, commitments: list })
    for (const list of [[own!, stolen], [own!]]) await expectRefusal(partial(list), 'signing.misdelivered')
    await expectRefusal(partial([...commitments, stolen]), 'subgroup.not_member', [3])
  })

  it('names another sub-group than the item does, or none, has nothing signed', async () => {
    for (const subgroup of ['others', undefined]) {
      const it = await ask(key.plan, key, 2, [itemOf('pair')], soon(), (body) => ({
        ...body,
        items: body.items.map(({ type, digest }) => ({ type, digest, ...(subgroup ? { subgroup } : {}) })),
      }))
      await expectRefusal(commit(2, { ...it, approvals: [] }), 'content.mismatch')
    }
  })

  it('names a sub-group that is not there is refused', async () => {
    const unknown = await ask(key.plan, key, 1, [itemOf('nobody')], soon())
    await expectRefusal(commit(1, { ...unknown, approvals: [] }), 'subgroup.unknown')
  })
})
