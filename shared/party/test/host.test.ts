import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import { fromHex } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../test/bytes-hash.js'
import { loadKey, makeKey, recall, sign, type MadeKey } from './ceremony.ts'
import { introduceAll, startHosts, type Host } from './host.ts'
import { approve, ask, bytesItem, openSignatures } from './people.ts'
import { refresh } from './refresh.ts'
import { expectRefusal } from './refused.ts'

const group = await startHosts()
const soon = () => group.clock.now + 60_000

/** Alice asks, Bob has approved and names no life that began since, and both hosts sign. */
async function signed(key: MadeKey<Host>, text: string): Promise<Uint8Array> {
  const { epoch } = key.certificate.body
  const asked = await ask(key.plan, key, 1, [bytesItem(text)], soon(), (body) => ({ ...body, epoch }))
  const approvals = [await approve(key.plan, 2, asked.requestDigest, soon(), 'approve', { lives: [] })]
  const { sealedSignatures } = await sign(key, asked, approvals, [1, 2])
  return openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)[0]!
}

describe('hosts on roots of their own', () => {
  it('make no key before they have verified each other', async () => {
    await expectRefusal(makeKey(group), 'peer.unknown')
    await introduceAll(group.members)
    await makeKey(group)
  })

  it.each([
    ['frost-secp256k1-tr', schnorr],
    ['frost-ed25519', ed25519],
  ] as const)('make a key of %s, refresh it, and sign after it as @noble/curves verifies', async (scheme, of) => {
    const key = await makeKey(group, { scheme })
    const next = await refresh(group, key)
    const groupKey = fromHex(key.certificate.body.groupKey)
    expect(of.verify(await signed(next, 'after'), hashOfBytes('after'), groupKey)).toBe(true)
    await expectRefusal(signed(key, 'before'), 'epoch.stale')
  })

  it('have their keys after a restart, and nothing that they were told', async () => {
    const key = await makeKey(group)
    const [first] = group.members
    const before = await first!.call('hello', {})
    await first!.restart()
    const { bootId, identity } = await first!.call('hello', {})
    expect(bootId).not.toBe(before.bootId)
    expect(identity).toEqual(before.identity)
    await expectRefusal(signed(key, 'forgotten'), 'key.unknown')
    await loadKey(key, [1])
    await expectRefusal(signed(key, 'unproven'), 'epoch.unproven')
    await introduceAll(group.members)
    expect(await recall(key, 1)).toBe(0)
    const groupKey = fromHex(key.certificate.body.groupKey)
    expect(schnorr.verify(await signed(key, 'again'), hashOfBytes('again'), groupKey)).toBe(true)
  })
})
