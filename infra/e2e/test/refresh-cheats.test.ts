import { randomBytes } from '@noble/hashes/utils.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { schnorr } from '@noble/curves/secp256k1.js'
import type { Frost } from '@quorate/shared/mpc'
import { createSigner, digestOf } from '@quorate/shared/crypto/sign'
import { verifySuccessor } from '@quorate/shared/verify/refresh'
import { fromHex } from '@quorate/shared/wire/bytes'
import type { RoundOne } from '@quorate/shared/wire/keygen'
import type { Certificate } from '@quorate/shared/wire/certificate'
import { makesBy, schemeNames } from '@quorate/shared/schemes/table'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  commitAll,
  enrol,
  loadKey,
  makeKey,
  recall,
  runDkg,
  sign,
  type MadeKey,
} from '../../../shared/party/test/ceremony.js'
import { createCluster, createLyingCluster, type Cluster } from './support/cluster.ts'
import { approve, ask, bytesItem, draw, openSignatures, type GrantTerms } from '../../../shared/party/test/people.js'
import { agree, installAt, prepareAll, prepareAt } from '../../../shared/party/test/epoch-change.js'
import { askRefresh, refresh, runRounds } from '../../../shared/party/test/refresh.js'
import { expectRefusal } from '../../../shared/party/test/refused.js'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'

const cluster = await createCluster()

/** Asked by participant 1, with the approval of 2, under this version of the key. */
async function signWith(of: Cluster, key: MadeKey, text = 'hello'): Promise<Uint8Array> {
  const until = of.clock.now + 60_000
  const { epoch } = key.certificate.body
  const asked = await ask(key.plan, key, 1, [bytesItem(text)], until, (body) => ({ ...body, epoch }))
  const approvals = [await approve(key.plan, 2, asked.requestDigest, until)]
  const { sealedSignatures } = await sign(key, asked, approvals, [1, 2])
  return openSignatures(key.plan, asked.request.body.signingId, sealedSignatures)[0]!
}

describe('a refresh', () => {
  it.each(schemeNames.filter((one) => makesBy(one, 'refresh')))(
    'gives a key of %s new shares, again and again',
    async (scheme) => {
      const verify = scheme === 'frost-ed25519' ? ed25519.verify : schnorr.verify
      let key = await makeKey(cluster, { scheme })
      const { groupKey } = key.certificate.body
      for (const epoch of [1, 2]) {
        const next = await refresh(cluster, key)
        expect(next.certificate.body).toMatchObject({ epoch, previous: key.digest, groupKey })
        expect(next.certificate.body.publicKeys).not.toBe(key.certificate.body.publicKeys)
        await expectRefusal(signWith(cluster, key), 'epoch.stale')
        expect(verify(await signWith(cluster, next), hashOfBytes('hello'), fromHex(groupKey))).toBe(true)
        key = next
      }
    },
  )

  it('lets the old shares sign until it is installed, and not a moment longer', async () => {
    const key = await makeKey(cluster)
    const next = await runRounds(key, await askRefresh(cluster, key))
    await signWith(cluster, key)
    const prepared = await prepareAll(next)
    await signWith(cluster, key)
    await installAt(next, 1, prepared)
    await expectRefusal(signWith(cluster, key), 'epoch.stale')
  })

  it('changes over at once for all participants whom one enclave hosts', async () => {
    const key = await makeKey(cluster, { hosts: cluster.members.slice(0, 2) })
    const next = await runRounds(key, await askRefresh(cluster, key))
    const prepared = await prepareAll(next)
    await installAt(next, 3, prepared)
    await expectRefusal(signWith(cluster, key), 'key.unknown')
    for (const index of [1, 2]) await installAt(next, index, prepared)
    await signWith(cluster, next)
  })

  it('ends a signing that is under way, whose nonces then sign nothing', async () => {
    const key = await makeKey(cluster)
    const until = cluster.clock.now + 60_000
    const asked = await ask(key.plan, key, 1, [bytesItem('under way')], until)
    const approvals = [await approve(key.plan, 2, asked.requestDigest, until)]
    const commitments = await commitAll(key, asked, approvals, [1, 2])
    await refresh(cluster, key)
    const { signingId } = asked.request.body
    const partial = { signingId, attempt: 1, index: 1, consents: approvals, commitments }
    await expectRefusal(key.plan.hosts.get(1)!.call('signing.partial', partial), 'epoch.stale')
  })

  it('changes nothing of how often a standing grant was used, which others remember after a restart', async () => {
    const grant: GrantTerms = {
      askers: ['alice'],
      content: ['bytes'],
      expiresAt: 9e12,
      limit: { count: 1, seconds: 3_600 },
    }
    const key = await makeKey(cluster, { grants: new Map([[2, grant]]) })
    const before = await ask(key.plan, key, 1, [bytesItem('by grant')], cluster.clock.now + 60_000)
    await sign(key, before, [], [1, 2])
    cluster.clock.now += 1_000
    await key.plan.hosts.get(2)!.restart()
    await cluster.introduceAll()
    await loadKey(key, [2])
    await recall(key, 2)
    cluster.clock.now += 1_000
    const next = await refresh(cluster, key)
    const asked = await ask(next.plan, next, 1, [bytesItem('by grant')], cluster.clock.now + 60_000, (body) => ({
      ...body,
      epoch: 1,
    }))
    await expectRefusal(sign(next, asked, [], [1, 2]), 'grant.exhausted', [2])
  })

  it('gives the same answer again to the same question, in every step', async () => {
    const key = await makeKey(cluster)
    const request = await askRefresh(cluster, key)
    const [host] = cluster.members
    const once = await host!.call('refresh.round1', { index: 1, attempt: 1, request })
    expect(await host!.call('refresh.round1', { index: 1, attempt: 1, request })).toEqual(once)
    const next = await runRounds(key, request)
    expect(await prepareAll(next)).toEqual(await prepareAll(next))
    const prepared = await prepareAll(next)
    expect(await installAt(next, 1, prepared)).toEqual(await installAt(next, 1, prepared))
  })
})

describe('an enclave that is asked for a refresh', () => {
  it('refuses a request that no participant signed, of another key or epoch, or that has expired', async () => {
    const key = await makeKey(cluster)
    const other = await makeKey(cluster)
    const stranger = await createSigner(randomBytes(32))
    const [host] = cluster.members
    const begin = async (request: ReturnType<typeof askRefresh>) =>
      host!.call('refresh.round1', { index: 1, attempt: 1, request: await request })
    await expectRefusal(begin(askRefresh(cluster, key, undefined, 1, stranger)), 'refresh.request_invalid')
    await expectRefusal(begin(askRefresh(cluster, key, (body) => ({ ...body, asker: 2 }))), 'refresh.request_invalid')
    await expectRefusal(begin(askRefresh(cluster, key, (body) => ({ ...body, asker: 9 }))), 'refresh.request_invalid')
    await expectRefusal(begin(askRefresh(cluster, key, (body) => ({ ...body, epoch: 1 }))), 'epoch.stale')
    const foreign = (body: Awaited<ReturnType<typeof askRefresh>>['body']) => ({
      ...body,
      certificateDigest: other.digest,
    })
    await expectRefusal(begin(askRefresh(cluster, key, foreign)), 'epoch.stale')
    const late = (body: Awaited<ReturnType<typeof askRefresh>>['body']) => ({ ...body, expiresAt: cluster.clock.now })
    await expectRefusal(begin(askRefresh(cluster, key, late)), 'consent.expired')
  })

  it('refuses another request under the same id, and a part but of those whom it hosts', async () => {
    const key = await makeKey(cluster)
    const request = await askRefresh(cluster, key)
    const [host] = cluster.members
    await host!.call('refresh.round1', { index: 1, attempt: 1, request })
    const again = await askRefresh(cluster, key, (body) => ({ ...body, refreshId: request.body.refreshId, askedAt: 1 }))
    await expectRefusal(
      host!.call('refresh.round1', { index: 1, attempt: 1, request: again }),
      'refresh.request_invalid',
    )
    await expectRefusal(host!.call('refresh.round1', { index: 2, attempt: 1, request }), 'key.unknown')
  })

  it('refuses hosts that it has not verified since it started', async () => {
    const key = await makeKey(cluster)
    const [host] = cluster.members
    await host!.restart()
    await loadKey(key, [1])
    const request = await askRefresh(cluster, key)
    await expectRefusal(host!.call('refresh.round1', { index: 1, attempt: 1, request }), 'peer.unknown')
    await cluster.introduceAll()
    await host!.call('refresh.round1', { index: 1, attempt: 1, request })
  })
})

describe('the rounds of a refresh under a gateway that cheats', () => {
  it('refuse round-one messages of another refresh, or of an older attempt, and accuse nobody', async () => {
    const key = await makeKey(cluster)
    const request = await askRefresh(cluster, key)
    const other = await askRefresh(cluster, key)
    const foreign = await key.plan.hosts.get(3)!.call('refresh.round1', { index: 3, attempt: 1, request: other })
    const swapped = runRounds(key, request, { roundOne: (all) => [all[0]!, all[1]!, foreign.message] })
    await expectRefusal(swapped, 'keygen.misdelivered', [])
    const old = await key.plan.hosts.get(1)!.call('refresh.round1', { index: 1, attempt: 1, request })
    const shown = (all: RoundOne[], to: number) => (to === 1 ? all : [old.message, all[1]!, all[2]!])
    await expectRefusal(runRounds(key, request, { roundOne: shown }, 2), 'keygen.misdelivered', [])
  })

  it('find out that one host was shown another round one, and accuse nobody', async () => {
    const key = await makeKey(cluster)
    const request = await askRefresh(cluster, key)
    const third = key.plan.hosts.get(3)!
    const first = await third.call('refresh.round1', { index: 3, attempt: 1, request })
    await third.restart()
    await cluster.introduceAll()
    await loadKey(key, [3])
    const made = runRounds(key, request, {
      roundOne: (all, forIndex) => (forIndex === 1 ? [all[0]!, all[1]!, first.message] : all),
    })
    await expectRefusal(made, 'keygen.equivocation', [])
  })

  it('refuse round-two packages that were exchanged, and accuse nobody', async () => {
    const key = await makeKey(cluster)
    const exchanged = runRounds(key, await askRefresh(cluster, key), {
      roundTwo: ([a, b]) => [
        { ...a!, body: { ...a!.body, sealed: b!.body.sealed } },
        { ...b!, body: { ...b!.body, sealed: a!.body.sealed } },
      ],
    })
    await expectRefusal(exchanged, 'keygen.misdelivered', [])
  })
})

describe('a host that lies in a refresh', () => {
  it('is named by all others for a polynomial of another degree', async () => {
    const rigged = await createLyingCluster((f) => ({
      refreshPart1: (a) => f.refreshPart1({ ...a, threshold: a.threshold + 1 }),
    }))
    const key = await makeKey(rigged)
    await expectRefusal(runRounds(key, await askRefresh(rigged, key)), 'keygen.bad_package', [3])
  })

  it('is named by who got a share that does not fit', async () => {
    const rigged = await createLyingCluster((f) => ({
      refreshPart2: (a) => {
        const { secret, packages } = f.refreshPart2(a)
        return { secret, packages: new Map([...packages].map(([to]) => [to, packages.get(to === 1 ? 2 : 1)!])) }
      },
    }))
    const key = await makeKey(rigged)
    await expectRefusal(runRounds(key, await askRefresh(rigged, key)), 'keygen.bad_package', [3])
  })

  it('signs no certificate of another key, whatever its cryptography came to', async () => {
    let stray: ReturnType<Frost['dkgPart3']> | null = null
    const rigged = await createLyingCluster((f) => ({
      dkgPart3: (a) => (stray = f.dkgPart3(a)),
      refreshPart3: () => ({ share: stray!.share.slice(), publicKeys: stray!.publicKeys }),
    }))
    const key = await makeKey(rigged)
    await makeKey(rigged)
    await expectRefusal(runRounds(key, await askRefresh(rigged, key)), 'certificate.invalid')
  })
})

describe('the next epoch of a key', () => {
  let key: MadeKey
  let next: MadeKey
  let other: MadeKey
  beforeAll(async () => {
    ;[key, other] = [await makeKey(cluster), await makeKey(cluster)]
    next = await runRounds(key, await askRefresh(cluster, key))
  })
  const verified = ({ certificate, digest }: MadeKey) => ({ certificate: certificate.body, digest })

  it.each<[string, (body: Certificate['body'], other: Certificate['body']) => Certificate['body']]>([
    ['another roster', (body, other) => ({ ...body, roster: other.roster })],
    [
      'another threshold',
      (body) => ({ ...body, roster: { ...body.roster, skeleton: { ...body.roster.skeleton, threshold: 3 } } }),
    ],
    ['another group key', (body, other) => ({ ...body, groupKey: other.groupKey })],
    ['an epoch left out', (body) => ({ ...body, epoch: 2 })],
    ['another predecessor', (body, other) => ({ ...body, previous: digestOf('certificate', other) })],
    [
      'other verifying shares, which its hosts have not signed',
      (body, other) => ({ ...body, publicKeys: other.publicKeys }),
    ],
  ])('is refused with %s', async (_, change) => {
    const body = change(next.certificate.body, other.certificate.body)
    const changed = { ...next, certificate: { ...next.certificate, body } }
    await expectRefusal(prepareAt(changed, 1), 'certificate.invalid')
    await expect(verifySuccessor(verified(key), changed.certificate)).rejects.toMatchObject({
      code: 'certificate.invalid',
    })
  })

  it('follows the certificate that a host has, and is not just any that all hosts have signed', async () => {
    const plan = await draw(cluster)
    const roster = await enrol(plan)
    const [first, second] = [await runDkg(plan, roster, {}, 1), await runDkg(plan, roster, {}, 2)]
    const rival = { ...second.certificate, body: { ...second.certificate.body, epoch: 1, previous: first.digest } }
    const made = await agree(first)
    expect(made.certificate).not.toEqual(rival)
    await expectRefusal(prepareAt({ ...second, certificate: rival }, 1), 'certificate.invalid')
  })

  it('is prepared with its own share only', async () => {
    for (const wrong of [key.sealedShares.get(1)!, next.sealedShares.get(2)!])
      await expectRefusal(prepareAt({ ...next, sealedShares: new Map([[1, wrong]]) }, 1), 'seal.invalid')
  })

  it('is installed on the word of every host, each about this very version', async () => {
    const key = await makeKey(cluster)
    const [next, rival] = [
      await runRounds(key, await askRefresh(cluster, key)),
      await runRounds(key, await askRefresh(cluster, key)),
    ]
    const forRival = await prepareAt(rival, 2)
    const prepared = await prepareAll(next)
    await expectRefusal(installAt(next, 1, prepared.slice(0, 2)), 'receipt.invalid')
    await expectRefusal(installAt(next, 1, [prepared[0]!, prepared[0]!, prepared[2]!]), 'receipt.invalid', [])
    await expectRefusal(installAt(next, 1, [prepared[0]!, forRival, prepared[2]!]), 'receipt.invalid', [])
    const forged = { ...prepared[1]!, signature: prepared[0]!.signature }
    await expectRefusal(installAt(next, 1, [prepared[0]!, forged, prepared[2]!]), 'receipt.invalid', [])
    await installAt(next, 1, prepared)
  })

  it('is not installed on a word that was taken back, or that an earlier life gave', async () => {
    const key = await makeKey(cluster)
    const [next, rival] = [
      await runRounds(key, await askRefresh(cluster, key)),
      await runRounds(key, await askRefresh(cluster, key)),
    ]
    const prepared = await prepareAll(next)
    await prepareAt(rival, 1)
    await expectRefusal(installAt(next, 1, prepared), 'refresh.not_prepared')
    const second = key.plan.hosts.get(2)!
    await second.restart()
    await cluster.introduceAll()
    await loadKey(key, [2])
    await expectRefusal(installAt(next, 2, prepared), 'refresh.not_prepared')
    await expectRefusal(prepareAt(next, 2), 'epoch.unproven')
  })

  it('is prepared anew by every host that has restarted since, though each finds the words of the others over', async () => {
    const key = await makeKey(cluster)
    const next = await runRounds(key, await askRefresh(cluster, key))
    const prepared = await prepareAll(next)
    for (const index of [1, 2]) {
      await key.plan.hosts.get(index)!.restart()
      await cluster.introduceAll()
      await loadKey(key, [index])
      await recall(key, index)
    }
    await expectRefusal(installAt(next, 3, prepared), 'life.retired')
    for (const index of [1, 2]) {
      await expectRefusal(installAt(next, index, prepared), 'refresh.not_prepared')
      prepared[index - 1] = await prepareAt(next, index)
    }
    for (const index of [1, 2, 3]) await installAt(next, index, prepared)
    await signWith(cluster, next)
  })

  it('replaces the share in memory: the old one does not open again', async () => {
    const key = await makeKey(cluster)
    await refresh(cluster, key)
    await expectRefusal(loadKey(key, [1]), 'epoch.stale')
  })
})
