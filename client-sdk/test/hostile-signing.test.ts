import { describe, expect, it } from 'vitest'
import { signBody } from '@quorate/shared/crypto/sign'
import type { Digest } from '@quorate/shared/wire/ids'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { seedSigner } from '../src/signer.ts'
import type { Key } from '../src/index.ts'
import { sealSignatures } from './fleet.ts'
import { fleet, gateway, refusedAs, wish, withOwnGateway } from './lying-gateway.ts'
import { makeKey, people } from './people.ts'

type Signings = RouteReply<'getSigning'>

withOwnGateway()

/** The second receipt says something else, and its host has signed that too. */
async function resigned([first, second]: Signings['receipts'], change: Partial<Signings['receipts'][0]['body']>) {
  const { keys } = fleet.enclaves[second!.body.index - 1]!
  return [first, await keys.sign('signing-receipt', { ...second!.body, ...change })]
}

describe('what a signing is said to be', () => {
  it('is refused when a request was signed by nobody of the key', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    await alice.requestSignature(key, 'honest')
    const mallory = await seedSigner(new Uint8Array(32)).forKey(key.keyId)
    const forge = async (status: Signings) => ({
      ...status,
      request: await signBody(mallory, 'request', status.request.body),
    })
    gateway.lies.listSignings = async ({ signings, ...page }: { signings: Signings[] }) => ({
      ...page,
      signings: await Promise.all(signings.map(forge)),
    })
    await expect(bob.pendingSignings(key)).rejects.toMatchObject(refusedAs('signing.request_invalid'))
  })

  it('is refused when the items shown are of another signing', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const other = await alice.requestSignature(key, 'harmless')
    const signing = await alice.requestSignature(key, 'everything I own')
    const { sealedItems } = await other.status()
    gateway.lies.getSigning = (honest: Signings) => ({ ...honest, sealedItems })
    await expect(bob.signing(key, signing.signingId)).rejects.toMatchObject(refusedAs('seal.invalid'))
  })

  it('is left out of what waits when its items are not what it says, and the others are not', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const [garbled, lying, sound] = await Promise.all(['a', 'b', 'c'].map((text) => alice.requestSignature(key, text)))
    const { sealedItems } = await lying!.status()
    gateway.lies.listSignings = ({ signings, ...page }: { signings: Signings[] }) => ({
      ...page,
      signings: signings.map((one) => {
        if (one.signingId === garbled!.signingId) return { ...one, sealedItems }
        return one.signingId === lying!.signingId ? { ...one, sealedItems: [...sealedItems, ...sealedItems] } : one
      }),
    })
    const pending = await bob.pendingSignings(key)
    expect(pending.map(({ signingId }) => signingId)).toEqual([sound!.signingId])
  })

  it('is refused when another signing is shown in its place', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const other = await alice.requestSignature(key, 'one')
    const signing = await alice.requestSignature(key, 'two')
    const replayed = await other.status()
    gateway.lies.getSigning = () => replayed
    await expect(bob.signing(key, signing.signingId)).rejects.toMatchObject(refusedAs('reply.mismatch'))
    gateway.lies.getSigning = () => ({ ...replayed, signingId: signing.signingId })
    await expect(bob.signing(key, signing.signingId)).rejects.toMatchObject(refusedAs('reply.mismatch'))
  })

  it('is not approved after it has expired', async () => {
    let now = Date.now()
    const clock = people(fleet, gateway, { now: () => now })
    const keygen = await clock.alice.reserveKey(wish)
    for (const one of [clock.bob, clock.carol]) await one.participate(keygen.invitation(one.userId))
    const key = await keygen.completed()
    const signing = await clock.alice.requestSignature(key, 'soon over', { expiresIn: 10_000 })
    now += 10_000
    await expect(clock.bob.approve(signing)).rejects.toMatchObject(refusedAs('consent.expired'))
    expect(await clock.bob.pendingSignings(key)).toEqual([])
  })
})

describe('a signature', () => {
  /** What alice is told when the gateway shows her another end of the signing than the one that was. */
  const shown = async (change: (honest: Signings, key: Key, other: Signings) => unknown) => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signings = await Promise.all(['one', 'two'].map((text) => alice.requestSignature(key, text)))
    for (const signing of signings) await bob.approve(signing)
    const other = await signings[1]!.status()
    gateway.lies.getSigning = (honest: Signings) => change(honest, key, other)
    return signings[0]!.completed()
  }

  it('is refused when it does not verify, though it is sealed as it should be', async () => {
    const forge = (honest: Signings, key: Key) => {
      const { secret } = gateway.keygens.get(key.keyId)!
      return { ...honest, results: sealSignatures(secret!, honest.signingId, [new Uint8Array(64).fill(1)]) }
    }
    await expect(shown(forge)).rejects.toMatchObject(refusedAs('signature.invalid'))
  })

  it('is refused when a host says that it was another image when it signed', async () => {
    const lie = async (honest: Signings) => ({
      ...honest,
      receipts: await Promise.all(
        honest.receipts.map(({ body }, at) => {
          const measurements = at === 1 ? { ...body.measurements, '2': '00'.repeat(48) } : body.measurements
          return fleet.enclaves[body.index - 1]!.keys.sign('signing-receipt', { ...body, measurements })
        }),
      ),
    })
    await expect(shown(lie)).rejects.toMatchObject(refusedAs('receipt.invalid', [2]))
  })

  it('is refused when it is missing', async () => {
    await expect(shown((honest) => ({ ...honest, results: null }))).rejects.toMatchObject(
      refusedAs('signature.invalid'),
    )
    await expect(shown((honest) => ({ ...honest, results: [] }))).rejects.toMatchObject(refusedAs('signature.invalid'))
  })

  it('is refused when it is sealed for another signing', async () => {
    await expect(shown((honest, _key, { results }) => ({ ...honest, results }))).rejects.toMatchObject(
      refusedAs('seal.invalid'),
    )
  })

  it('is refused when the end of another signing is shown in its place', async () => {
    await expect(shown((_honest, _key, other) => other)).rejects.toMatchObject(refusedAs('reply.mismatch'))
    await expect(shown(({ signingId }, _key, other) => ({ ...other, signingId }))).rejects.toMatchObject(
      refusedAs('reply.mismatch'),
    )
  })

  it.each<[string, (receipts: Signings['receipts'], other: Signings['receipts']) => unknown]>([
    ['missing', () => []],
    ['fewer than the threshold', ([first]) => [first]],
    ['twice the same', ([first]) => [first, first]],
    ['of another signing', (_own, other) => other],
    ['forged', ([first, second]) => [first, { ...second, signature: first!.signature }]],
    ['changed', ([first, second]) => [first, { ...second, body: { ...second!.body, signedAt: 0 } }]],
    ['of two attempts', ([first, second]) => resigned([first!, second!], { attempt: 2 })],
    ['of two packages', ([first, second]) => resigned([first!, second!], { packageDigest: '99'.repeat(32) as Digest })],
  ])('is refused when its receipts are %s, and accuses nobody', async (_name, change) => {
    const lie = async (honest: Signings, _key: Key, other: Signings) => ({
      ...honest,
      receipts: await change(honest.receipts, other.receipts),
    })
    await expect(shown(lie)).rejects.toMatchObject(refusedAs('receipt.invalid'))
  })
})
