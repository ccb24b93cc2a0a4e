import { defaultScheme } from '@quorate/shared/schemes/table'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { fromBase64url } from '@quorate/shared/wire/bytes'
import { describe, expect, it } from 'vitest'
import { badShares } from '../../test/schemes/bad-shares.js'
import { enrol, runDkg, type MadeKey } from '../test/ceremony.ts'
import { introduceAll, startHosts, type Host } from '../test/host.ts'
import { draw } from '../test/people.ts'
import { refresh } from '../test/refresh.ts'
import { expectRefusal } from '../test/refused.ts'
import { createMemories } from './memories.ts'
import type { SharePlace } from './ports.ts'
import { createVault, type OpenKey, type Vault } from './vault.ts'

const group = await startHosts({ size: 2 })
const [first, second] = group.members as [Host, Host]
await introduceAll(group.members)

/** Alice and Bob are hosted here, Carol elsewhere. */
const hosts = [first, first, second]
const made = async (): Promise<MadeKey<Host>> => {
  const plan = await draw(group, { hosts })
  return runDkg(plan, await enrol(plan))
}
const key = await made()
const { keyId } = key.plan.skeleton
const fresh = (maxOpen?: number): Vault =>
  createVault({ mpc: group.mpc, keys: first.keys, memories: createMemories() }, maxOpen)
const sealedOf = ({ sealedShares }: MadeKey, index: number) => fromBase64url(sealedShares.get(index)!)
const load = (vault: Vault, of: MadeKey, index: number) => vault.load(of.certificate, index, sealedOf(of, index))

const placeOf = ({ plan, certificate, digest }: MadeKey, index: number): SharePlace => ({
  keyId: plan.skeleton.keyId,
  index,
  epoch: certificate.body.epoch,
  certificateDigest: digest,
})
type Plain = { share: Uint8Array; sessionSecret: Uint8Array; life: string }
const plaintextOf = (of: MadeKey, index: number) =>
  decode(first.keys.openShare(placeOf(of, index), sealedOf(of, index))) as Plain
/** What this very host could have sealed in this place, had its sealing been wrong. */
const sealedInPlace = (index: number, change: (plain: Plain) => unknown) =>
  first.keys.sealShare(placeOf(key, index), encode(change(plaintextOf(key, index))))

describe('the vault', () => {
  it('lends the share that was loaded, and gives what is public of its key', async () => {
    const vault = fresh()
    await load(vault, key, 1)
    expect(vault.key(keyId, 1)).toMatchObject({ digest: key.digest, index: 1 })
    expect(Object.keys(vault.key(keyId, 1)).sort()).toEqual([
      'certificate',
      'digest',
      'index',
      'life',
      'lineage',
      'publicKeys',
    ])
    expect(vault.lend(keyId, 1, ({ share }) => share.slice())).toEqual(plaintextOf(key, 1).share)
  })

  it('lends for the time of one call: what gives a promise is no use, by its type', async () => {
    const vault = fresh()
    await load(vault, key, 1)
    // @ts-expect-error -- a promise could keep the share
    expect(vault.lend(keyId, 1, ({ share }) => Promise.resolve(share.length))).toBeInstanceOf(Promise)
  })

  it('has no share that was not loaded', async () => {
    const vault = fresh()
    await load(vault, key, 1)
    for (const [id, index] of [
      [keyId, 2],
      ['00'.repeat(16), 1],
    ] as const) {
      expect(() => vault.key(id, index)).toThrow(expect.objectContaining({ code: 'key.unknown' }))
      expect(() => vault.lend(id, index, () => 0)).toThrow(expect.objectContaining({ code: 'key.unknown' }))
    }
  })

  it('takes shares of this host alone, under a certificate that all hosts have signed', async () => {
    await expectRefusal(load(fresh(), key, 3), 'certificate.invalid')
    const { certificate } = key
    const unsigned = { ...certificate, signatures: certificate.signatures.toReversed() }
    await expectRefusal(fresh().load(unsigned, 1, sealedOf(key, 1)), 'certificate.invalid')
  })

  it('refuses a share that was sealed for another place', async () => {
    await expectRefusal(fresh().load(key.certificate, 1, sealedOf(key, 2)), 'seal.invalid')
    await expectRefusal(fresh().load(key.certificate, 1, sealedOf(await made(), 1)), 'seal.invalid')
  })

  const { zeroed } = badShares[defaultScheme]
  it.each<[string, (plain: Plain) => unknown]>([
    ['that is zero', (plain) => ({ ...plain, share: zeroed({ ...plain, publicKeys: new Uint8Array() }).share })],
    ['of another index', (plain) => ({ ...plain, share: plaintextOf(key, 2).share })],
    ['that is no share', (plain) => ({ ...plain, share: new Uint8Array(plain.share.length) })],
    ['with more beside it', (plain) => ({ ...plain, more: 1 })],
    ['without its secret', ({ share, life }) => ({ share, life })],
  ])('refuses a share %s, though it is sealed in its place', async (_, change) => {
    const vault = fresh()
    await expectRefusal(vault.load(key.certificate, 1, sealedInPlace(1, change)), 'seal.invalid')
    expect(() => vault.key(keyId, 1)).toThrow(expect.objectContaining({ code: 'key.unknown' }))
  })

  it('refuses a share of another key, though it is sealed in its place', async () => {
    const other = plaintextOf(await made(), 1)
    const sealed = sealedInPlace(1, (plain) => ({ ...plain, share: other.share }))
    await expectRefusal(fresh().load(key.certificate, 1, sealed), 'seal.invalid')
  })

  it('takes no copy with it: what is kept is sealed, and opens in its place alone', () => {
    const plain = plaintextOf(key, 1)
    const sealed = fromBase64url(fresh().keep(placeOf(key, 1), plain))
    expect(decode(first.keys.openShare(placeOf(key, 1), sealed))).toEqual(plaintextOf(key, 1))
    expect(() => first.keys.openShare({ ...placeOf(key, 1), epoch: 1 }, sealed)).toThrow(
      expect.objectContaining({ code: 'seal.invalid' }),
    )
  })
})

/** The very buffers of an open share, as a bug could keep them. */
const buffersOf = (vault: Vault, index: number, of = keyId) =>
  vault.lend(of, index, ({ share, sessionSecret }: OpenKey) => [share, sessionSecret])
const areWiped = (buffers: readonly Uint8Array[]) => buffers.every((one) => one.every((byte) => byte === 0))

describe('an open share', () => {
  it('is wiped when its version is retired, and the shares of the next one are not', async () => {
    const fresh = await made()
    for (const index of [1, 2, 3])
      await fresh.plan.hosts
        .get(index)!
        .call('key.load', { certificate: fresh.certificate, index, sealedShare: fresh.sealedShares.get(index)! })
    const next = await refresh(group, fresh)
    const vault = createVault({ mpc: group.mpc, keys: first.keys, memories: createMemories() })
    await load(vault, fresh, 1)
    await load(vault, next, 2)
    await load(vault, key, 1)
    const id = fresh.plan.skeleton.keyId
    const [old, current, another] = [buffersOf(vault, 1, id), buffersOf(vault, 2, id), buffersOf(vault, 1)]
    vault.retire(id, next.digest)
    expect([old, current, another].map(areWiped)).toEqual([true, false, false])
    expect(() => vault.key(id, 1)).toThrow(expect.objectContaining({ code: 'key.unknown' }))
  })

  it('is wiped when it is loaded again', async () => {
    const vault = fresh()
    await load(vault, key, 1)
    const before = buffersOf(vault, 1)
    await load(vault, key, 1)
    expect(areWiped(before)).toBe(true)
    expect(areWiped(buffersOf(vault, 1))).toBe(false)
  })

  it('gives way, and is wiped, when as many are open as there may be and it was loaded first', async () => {
    const vault = fresh(2)
    const other = await made()
    await load(vault, key, 1)
    await load(vault, key, 2)
    const [oldest, newer] = [buffersOf(vault, 1), buffersOf(vault, 2)]
    await load(vault, other, 1)
    expect([oldest, newer].map(areWiped)).toEqual([true, false])
    expect(() => vault.key(keyId, 1)).toThrow(expect.objectContaining({ code: 'key.unknown' }))
  })
})
