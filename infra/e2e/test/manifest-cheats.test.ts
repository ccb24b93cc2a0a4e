import { verifyBody, type Signer } from '@quorate/shared/crypto/sign'
import type { Manifest, Notice } from '@quorate/shared/wire/manifest'
import { beforeEach, describe, expect, it } from 'vitest'
import { createCluster, startEnclave, type Cluster } from './support/cluster.ts'
import { makeKey } from '../../../shared/party/test/ceremony.js'
import { keyOf, makeManifest, releaseSigners, strangerSigner } from './support/release-keys.ts'

/*
 * Images by name: `image` is what the members of a cluster run, `next` the one that comes after it, `other` one that nobody listed.
 * The KMS of a cluster gives everything to everybody, so that only enclaves stand in the way.
 */
const delaySeconds = 60
const delay = delaySeconds * 1_000
const release = { keys: releaseSigners.map(keyOf), quorum: 2, delaySeconds, leastSerial: 2 }

let cluster: Cluster
beforeEach(async () => {
  cluster = await createCluster({ release })
})

type Enclave = ReturnType<typeof startEnclave>
type Offers = { manifest: Manifest; notice: Notice | null }[]

const start = (enclaveId: string, image: string): Enclave =>
  startEnclave(cluster.platformOf(enclaveId, undefined, image))
const listing = (serial: number, ...images: string[]) => makeManifest(serial, images.map(cluster.measurementsOf))
const signedBy = (...signers: Signer[]) => makeManifest(2, [cluster.measurementsOf('image')], signers)
const later = (ms: number) => void (cluster.clock.now += ms)

async function introduce(verifier: Enclave, peer: Enclave): Promise<void> {
  const { nonce } = await verifier.call('challenge', {})
  await verifier.call('introduce', { peer: await peer.call('attest', { nonce }), nonce })
}

/** An enclave with a root of its own, drawn by this image. */
async function found(enclaveId: string, image: string) {
  const enclave = start(enclaveId, image)
  const { identity, sealedRoot } = await enclave.call('boot', { sealedRoot: null })
  return { ...enclave, identity, sealedRoot: sealedRoot ?? '' }
}

async function reopen(enclaveId: string, image: string, sealedRoot: string, manifests: Offers) {
  const enclave = start(enclaveId, image)
  return { ...enclave, ...(await enclave.call('boot', { sealedRoot, manifests })) }
}

/** An enclave of `image` that has seen a manifest of both images, whose delay is over; and the gateway's way to prove it. */
async function afterDelay() {
  const former = await found('enclave-9', 'image')
  const manifest = await listing(2, 'image', 'next')
  const { notice } = await former.call('manifest.offer', { manifest, notice: null })
  later(delay)
  return { former, manifest, notice, offers: [{ manifest, notice }] }
}

const invalid = { code: 'manifest.invalid' }
const stale = { code: 'manifest.stale' }

describe('a manifest', () => {
  it('lets enclaves of two images know each other when its delay is over, and not before', async () => {
    const [a, b] = [await found('enclave-7', 'image'), await found('enclave-8', 'next')]
    const manifest = await listing(2, 'image', 'next')
    for (const enclave of [a, b]) await enclave.call('manifest.offer', { manifest, notice: null })
    later(delay - 1)
    await expect(introduce(a, b)).rejects.toMatchObject({ code: 'attestation.invalid' })
    later(1)
    await introduce(a, b)
    await introduce(b, a)
    await expect(introduce(a, await found('enclave-9', 'other'))).rejects.toMatchObject({ code: 'attestation.invalid' })
  })

  it('is refused with too few signatures, the same key twice, and keys that the enclave does not know', async () => {
    const [first, second] = releaseSigners as [Signer, Signer]
    const [member] = cluster.members
    for (const signers of [[first], [first, first], [first, strangerSigner]])
      await expect(
        member!.call('manifest.offer', { manifest: await signedBy(...signers), notice: null }),
      ).rejects.toMatchObject(invalid)
    await member!.call('manifest.offer', { manifest: await signedBy(first, second), notice: null })
  })

  it('is refused with a debug image in it, whoever signed', async () => {
    const debug = { 0: '0'.repeat(96), 1: '0'.repeat(96), 2: '0'.repeat(96) }
    const manifest = await makeManifest(2, [cluster.measurementsOf('image'), debug], releaseSigners)
    await expect(cluster.members[0]!.call('manifest.offer', { manifest, notice: null })).rejects.toMatchObject(invalid)
  })

  it('is refused by an enclave whose image names no release keys', async () => {
    const { members } = await createCluster({ size: 1 })
    const manifest = await listing(2, 'image')
    await expect(members[0]!.call('manifest.offer', { manifest, notice: null })).rejects.toMatchObject(invalid)
  })

  it('goes up only, and never below the least serial of the image', async () => {
    const [member] = cluster.members
    const offer = async (manifest: Manifest) => member!.call('manifest.offer', { manifest, notice: null })
    await expect(offer(await listing(1, 'image'))).rejects.toMatchObject(stale)
    const first = await offer(await listing(4, 'image', 'next'))
    await expect(offer(await listing(3, 'image', 'next'))).rejects.toMatchObject(stale)
    await expect(offer(await listing(4, 'image', 'other'))).rejects.toMatchObject(stale)
    later(1_000)
    expect(await offer(await listing(4, 'image', 'next'))).toEqual(first)
  })

  it('that is still coming is called back by the next', async () => {
    const [a, b] = [await found('enclave-7', 'image'), await found('enclave-8', 'other')]
    for (const images of [
      ['image', 'other'],
      ['image', 'next'],
    ])
      await a.call('manifest.offer', {
        manifest: await listing(images[1] === 'other' ? 2 : 3, ...images),
        notice: null,
      })
    later(2 * delay)
    await expect(introduce(a, b)).rejects.toMatchObject({ code: 'attestation.invalid' })
  })
})

describe('a notice', () => {
  it('saves the delay from beginning anew when the enclave restarts', async () => {
    const { former, offers } = await afterDelay()
    const again = await reopen('enclave-9', 'image', former.sealedRoot, offers)
    await introduce(again, await found('enclave-8', 'next'))
    const forgotten = await reopen('enclave-9', 'image', former.sealedRoot, [])
    await expect(introduce(forgotten, await found('enclave-7', 'next'))).rejects.toMatchObject({
      code: 'attestation.invalid',
    })
  })

  it('counts for the enclave that gave it, the manifest that it was given for, and the past', async () => {
    const { former, manifest, notice } = await afterDelay()
    const [member] = cluster.members
    const offer = (enclave: Enclave, given: Notice, of = manifest) =>
      enclave.call('manifest.offer', { manifest: of, notice: given })
    await expect(offer(member!, notice)).rejects.toMatchObject(invalid)
    const earlier = { ...notice, body: { ...notice.body, seenAt: notice.body.seenAt - delay } }
    await expect(offer(former, earlier)).rejects.toMatchObject(invalid)
    await expect(offer(former, notice, await listing(3, 'image', 'next'))).rejects.toMatchObject(invalid)
    cluster.clock.now = notice.body.seenAt - 1
    await expect(offer(former, notice)).rejects.toMatchObject(invalid)
  })
})

describe('the status of manifests', () => {
  it('is signed by V over the asker’s nonce, and says what is in force and what is coming', async () => {
    const { former, notice } = await afterDelay()
    const { effectiveAt } = await former.call('manifest.offer', { manifest: await listing(3, 'next'), notice: null })
    const nonce = 'ab'.repeat(32)
    const status = await former.call('manifest.status', { nonce })
    expect(await verifyBody(former.identity.signKey, 'manifest-status', status)).toBe(true)
    expect(status.body).toMatchObject({
      nonce,
      enclaveId: 'enclave-9',
      inForce: { serial: 2, manifestDigest: notice.body.manifestDigest, effectiveAt: notice.body.seenAt + delay },
      coming: { serial: 3, effectiveAt },
    })
    expect(effectiveAt).toBe(cluster.clock.now + delay)
  })
})

describe('a root that another image drew', () => {
  it('opens under a manifest in force that lists both images, as the same enclave, and is sealed anew', async () => {
    const { former, offers } = await afterDelay()
    const next = await reopen('enclave-9', 'next', former.sealedRoot, offers)
    expect(next.identity).toEqual(former.identity)
    expect(next.sealedRoot).not.toBeNull()
    // From now on it is a root of the next image, which needs no manifest for it.
    const again = await reopen('enclave-9', 'next', next.sealedRoot!, [])
    expect(again.sealedRoot).toBeNull()
    expect(again.identity).toEqual(former.identity)
  })

  it('gives the same answer again when the gateway lost the first', async () => {
    const { former, offers } = await afterDelay()
    const next = await reopen('enclave-9', 'next', former.sealedRoot, offers)
    const { sealedRoot } = next
    const again = await next.call('boot', { sealedRoot: former.sealedRoot, manifests: offers })
    expect(again.sealedRoot).toBe(sealedRoot)
    expect((await next.call('boot', { sealedRoot })).sealedRoot).toBeNull()
  })

  it('goes back to the former image while the manifest lists both', async () => {
    const { former, offers } = await afterDelay()
    const next = await reopen('enclave-9', 'next', former.sealedRoot, offers)
    const back = await reopen('enclave-9', 'image', next.sealedRoot!, offers)
    expect(back.identity).toEqual(former.identity)
  })

  it('stays closed without a manifest, before its delay is over, without a notice or with one that is not its own', async () => {
    const { former, manifest, notice, offers } = await afterDelay()
    const { former: other, offers: ofAnother } = await afterDelay()
    const forged = { ...notice, body: { ...notice.body, seenAt: 1 } }
    const cheats: Offers[] = [
      [],
      [{ manifest, notice: null }],
      [{ manifest, notice: forged }],
      ofAnother,
      [{ manifest: await signedBy(releaseSigners[0]!), notice }],
    ]
    for (const cheat of cheats)
      await expect(reopen('enclave-9', 'next', former.sealedRoot, cheat)).rejects.toMatchObject({
        code: 'root.invalid',
      })
    cluster.clock.now = notice.body.seenAt + delay - 1
    await expect(reopen('enclave-9', 'next', former.sealedRoot, offers)).rejects.toMatchObject({ code: 'root.invalid' })
    later(1)
    // Nothing was lost: it opens where it may.
    expect((await reopen('enclave-9', 'next', former.sealedRoot, offers)).identity).toEqual(former.identity)
    expect(other.identity).not.toEqual(former.identity)
  })

  it('stays closed to an image that is not listed, whatever else is', async () => {
    const { former, offers } = await afterDelay()
    await expect(reopen('enclave-9', 'other', former.sealedRoot, offers)).rejects.toMatchObject({
      code: 'root.invalid',
    })
  })
})

describe('an image that a manifest drops', () => {
  it('is forgotten by those who had verified it, at once', async () => {
    const [a, b] = [await found('enclave-7', 'next'), await found('enclave-8', 'image')]
    const both = await listing(2, 'image', 'next')
    for (const enclave of [a, b]) await enclave.call('manifest.offer', { manifest: both, notice: null })
    later(delay)
    await introduce(a, b)
    await introduce(b, a)
    const hosts = [a, b].map((enclave) => ({ ...cluster.members[0]!, ...enclave }))
    await makeKey({ ...cluster, members: hosts }, { hosts, users: ['alice', 'bob'] })

    await a.call('manifest.offer', { manifest: await listing(3, 'next'), notice: null })
    later(delay)
    await expect(makeKey({ ...cluster, members: hosts }, { hosts, users: ['alice', 'bob'] })).rejects.toMatchObject({
      code: 'peer.unknown',
    })
    await expect(introduce(a, b)).rejects.toMatchObject({ code: 'attestation.invalid' })
  })

  it('takes part in nothing itself, says why, and still hears of the next manifest', async () => {
    const [member] = cluster.members
    await member!.call('manifest.offer', { manifest: await listing(2, 'next'), notice: null })
    expect(await member!.call('challenge', {})).toHaveProperty('nonce')
    later(delay)
    await expect(makeKey(cluster)).rejects.toMatchObject({ code: 'image.retired' })
    expect(await member!.call('hello', {})).toMatchObject({ locked: false, retired: true })
    await expect(member!.call('challenge', {})).rejects.toMatchObject({ code: 'image.retired' })
    await member!.call('attest', { nonce: '00'.repeat(32) })
    await member!.call('manifest.offer', { manifest: await listing(3, 'image', 'next'), notice: null })
    later(delay)
    expect(await member!.call('hello', {})).toMatchObject({ locked: false, retired: false })
    await makeKey(cluster)
  })

  it('opens its own root still, and no root that the next one has sealed', async () => {
    const { former, offers } = await afterDelay()
    const next = await reopen('enclave-9', 'next', former.sealedRoot, offers)
    const manifest = await listing(3, 'next')
    const { notice } = await former.call('manifest.offer', { manifest, notice: null })
    later(delay)
    const dropping = [...offers, { manifest, notice }]
    const retired = await reopen('enclave-9', 'image', former.sealedRoot, dropping)
    await expect(retired.call('challenge', {})).rejects.toMatchObject({ code: 'image.retired' })
    await expect(reopen('enclave-9', 'image', next.sealedRoot!, dropping)).rejects.toMatchObject({
      code: 'root.invalid',
    })
  })
})
