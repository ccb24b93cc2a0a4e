import { secp256k1 } from '@noble/curves/secp256k1.js'
import { readEcdhResult } from '@quorate/shared/schemes/ecdh'
import { verifyReceipts } from '@quorate/shared/verify/signing'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import type { Item } from '@quorate/shared/wire/content'
import { extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { getPublicKey, nip44 } from 'nostr-tools'
import { describe, expect, it } from 'vitest'
import { makeKey, sign } from '../../../shared/party/test/ceremony.js'
import { createCluster } from './support/cluster.ts'
import { approve, ask, bytesItem, openSignatures } from '../../../shared/party/test/people.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'

const cluster = await createCluster()
const soon = () => cluster.clock.now + 60_000
const peerSecret = secp256k1.utils.randomSecretKey()
const wish = (peer: string, direction: 'encrypt' | 'decrypt' = 'decrypt'): Item => ({
  content: { type: 'ecdh', peer, direction },
  mode: { kind: 'plain' },
})
const peer = `02${getPublicKey(peerSecret)}`
const nostrPeer = wish(peer)

describe('a shared secret', () => {
  it('is the conversation key of NIP-44 for every quorum, and is receipted', async () => {
    const key = await makeKey(cluster, { content: ['ecdh', 'nostr-event'] })
    const expected = nip44.v2.utils.getConversationKey(peerSecret, key.certificate.body.groupKey)
    for (const [asker, approver] of [
      [1, 2],
      [3, 1],
      [2, 3],
    ] as const) {
      const asked = await ask(key.plan, key, asker, [nostrPeer, wish(peer, 'encrypt')], soon())
      const approvals = [await approve(key.plan, approver, asked.requestDigest, soon(), ['approve', 'approve'])]
      const quorum = [asker, approver].sort((a, b) => a - b)
      const { sealedSignatures, receipts } = await sign(key, asked, approvals, quorum)
      const results = openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)
      for (const result of results)
        expect(extract(sha256, readEcdhResult(result)!.point.slice(1), Buffer.from('nip44-v2'))).toEqual(expected)
      const verified = { certificate: key.certificate.body, digest: key.digest }
      await verifyReceipts(verified, asked.request.body, results.map(toHex), receipts)
    }
  })

  it('is given by no key whose policy does not name it, and to nobody without approval', async () => {
    const plain = await makeKey(cluster)
    const asked = await ask(plain.plan, plain, 1, [nostrPeer], soon())
    const yes = await approve(plain.plan, 2, asked.requestDigest, soon())
    await expectRefusal(sign(plain, asked, [yes], [1, 2]), 'content.not_permitted')
    const key = await makeKey(cluster, { content: ['ecdh'] })
    const unapproved = await ask(key.plan, key, 1, [nostrPeer], soon())
    await expectRefusal(sign(key, unapproved, [], [1, 2]), 'consent.missing', [2])
  })

  it('is given for no point beside the curve, which costs other items nothing', async () => {
    const key = await makeKey(cluster, { content: ['ecdh', 'bytes'] })
    const beside = wish(`02${'00'.repeat(31)}05`)
    const asked = await ask(key.plan, key, 1, [beside, bytesItem('hello')], soon())
    const approvals = [await approve(key.plan, 2, asked.requestDigest, soon(), ['approve', 'approve'])]
    const { results } = await sign(key, asked, approvals, [1, 2])
    expect(results).toMatchObject([{ code: 'content.invalid' }, { sealedSignature: expect.any(String) as string }])
  })

  it('names the host whose cryptography lies', async () => {
    const lying = await createCluster({
      mpcOf: (number, mpc) =>
        number === 1 ? { ...mpc, ecdh: { ...mpc.ecdh, partial: () => new Uint8Array(97).fill(2) } } : mpc,
    })
    const key = await makeKey(lying, { content: ['ecdh'] })
    const asked = await ask(key.plan, key, 1, [nostrPeer], soon())
    const approvals = [await approve(key.plan, 2, asked.requestDigest, soon())]
    await expectRefusal(sign(key, asked, approvals, [1, 2]), 'signing.bad_partial', [2])
  })

  it('is of the whole key: what the peer computes alone', async () => {
    const key = await makeKey(cluster, { content: ['ecdh'] })
    const asked = await ask(key.plan, key, 1, [nostrPeer], soon())
    const approvals = [await approve(key.plan, 3, asked.requestDigest, soon())]
    const { sealedSignatures } = await sign(key, asked, approvals, [1, 3])
    const [result] = openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)
    const whole = secp256k1.getSharedSecret(peerSecret, Uint8Array.of(2, ...fromHex(key.certificate.body.groupKey)))
    expect(readEcdhResult(result!)!.point.slice(1)).toEqual(whole.slice(1))
  })
})
