import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { verifyEvent } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { createCluster } from './support/cluster.ts'
import { makeKey, sign } from '../../../shared/party/test/ceremony.js'
import { approve, ask, bytesItem, openSignatures, rawItem } from '../../../shared/party/test/people.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

const cluster = await createCluster()
const soon = () => cluster.clock.now + 60_000

describe('a 2-of-3 key in three enclaves', () => {
  it('signs bytes with secp256k1 for every quorum, as BIP-340 verifies', async () => {
    const key = await makeKey(cluster)
    for (const [asker, approver] of [
      [1, 2],
      [1, 3],
      [2, 3],
    ] as const) {
      const asked = await ask(key.plan, key, asker, [bytesItem('hello')], soon())
      const approvals = [await approve(key.plan, approver, asked.requestDigest, soon())]
      const { sealedSignatures, receipts } = await sign(key, asked, approvals, [asker, approver])
      const [signature] = openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)
      expect(schnorr.verify(signature!, hashOfBytes('hello'), fromHex(key.certificate.body.groupKey))).toBe(true)
      const verified = { certificate: key.certificate.body, digest: key.digest }
      await verifyReceipts(verified, asked.request.body, [toHex(signature!)], receipts)
    }
  })

  it('signs raw bytes with Ed25519 as RFC 8032 verifies', async () => {
    const key = await makeKey(cluster, { scheme: 'frost-ed25519', content: ['raw'] })
    const asked = await ask(key.plan, key, 1, [rawItem('hello')], soon())
    const approvals = [await approve(key.plan, 3, asked.requestDigest, soon())]
    const { sealedSignatures } = await sign(key, asked, approvals, [1, 3])
    const [signature] = openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)
    expect(ed25519.verify(signature!, Buffer.from('hello'), fromHex(key.certificate.body.groupKey))).toBe(true)
  })

  it('signs a Nostr event that nostr-tools accepts, and a batch with a Taproot item', async () => {
    const key = await makeKey(cluster, { content: ['nostr-event', 'bytes'] })
    const event = { created_at: 1_700_000_000, kind: 1, tags: [['t', 'quorate "x"']], content: 'gm\n☀' }
    const tweaked = { ...bytesItem('tap'), mode: { kind: 'taproot', merkleRoot: '' } } as const
    const items = [{ content: { type: 'nostr-event', event }, mode: { kind: 'plain' } } as const, tweaked]
    const asked = await ask(key.plan, key, 2, items, soon())
    const approvals = [await approve(key.plan, 3, asked.requestDigest, soon(), ['approve', 'approve'])]
    const { sealedSignatures } = await sign(key, asked, approvals, [2, 3])
    const [nostr, taproot] = openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)
    const { getEventHash } = await import('nostr-tools')
    const unsigned = { ...event, pubkey: key.certificate.body.groupKey }
    expect(verifyEvent({ ...unsigned, id: getEventHash(unsigned), sig: toHex(nostr!) })).toBe(true)
    const { taprootTweakPubKey } = await import('./support/bip341.ts')
    const output = taprootTweakPubKey(fromHex(key.certificate.body.groupKey), new Uint8Array(0))
    expect(schnorr.verify(taproot!, hashOfBytes('tap'), output)).toBe(true)
  })

  it('keeps signing after every enclave has been restarted from its sealed root', async () => {
    const key = await makeKey(cluster)
    const { loadKey } = await import('../../../shared/party/test/ceremony.js')
    const before = cluster.members.map(({ identity }) => identity)
    for (const member of cluster.members) await member.restart()
    await cluster.introduceAll()
    expect(cluster.members.map(({ identity }) => identity)).toEqual(before)
    await loadKey(key)
    const asked = await ask(key.plan, key, 1, [bytesItem('again')], soon())
    const approvals = [await approve(key.plan, 2, asked.requestDigest, soon())]
    const { sealedSignatures } = await sign(key, asked, approvals, [1, 2])
    const [signature] = openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)
    expect(schnorr.verify(signature!, hashOfBytes('again'), fromHex(key.certificate.body.groupKey))).toBe(true)
  })
})
