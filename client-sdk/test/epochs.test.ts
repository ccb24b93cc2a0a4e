import { describe, expect, it } from 'vitest'
import { exportKey, importKey, type Key } from '../src/index.ts'
import { fleet, gateway, refusedAs, sentTo, withOwnGateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'
import { digestOf } from '@quorate/shared/crypto/sign'
import { certify } from './fleet.ts'

withOwnGateway()

const stale = refusedAs('epoch.stale')

describe('a refresh that two ask for', () => {
  it('carries the words of both, for whom each is checked before it is signed or sent', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const draft = await alice.draftRefresh(key)
    await expect(alice.secondRefresh(key, draft)).rejects.toMatchObject(refusedAs('refresh.request_invalid', [1]))
    const changed = { ...draft, body: { ...draft.body, askedAt: 1 } }
    await expect(bob.secondRefresh(key, changed)).rejects.toMatchObject(refusedAs('refresh.request_invalid'))
    const request = await bob.secondRefresh(key, draft)
    const forged = { ...request, seconded: { ...request.seconded!, signature: draft.signature } }
    await expect(alice.requestRefresh(key, { request: forged })).rejects.toMatchObject({
      code: 'refresh.request_invalid',
    })
    expect(sentTo('requestRefresh')).toEqual([])
    const next = await (await alice.requestRefresh(key, { request })).completed()
    expect(sentTo('requestRefresh').map(({ body }) => body)).toEqual([request])
    await expect(bob.secondRefresh(next, draft)).rejects.toMatchObject(stale)
  })
})

describe('an epoch that is over', () => {
  it('gets no yes, whichever of its keys a person still has at hand, and can be looked at and rejected', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const [early, late] = await Promise.all(['a', 'b'].map((text) => alice.requestSignature(key, text)))
    const looked = await bob.signing(key, early!.signingId)
    const next = await alice.refreshKey(key)
    await bob.update(key)
    await expect(bob.approve(looked)).rejects.toMatchObject(stale)
    for (const known of [key, next]) {
      const old = await bob.signing(known, late!.signingId)
      expect(old.items).toEqual(late!.items)
      await expect(bob.approve(old)).rejects.toMatchObject(stale)
    }
    expect(sentTo('approveSigning')).toEqual([])
    await bob.reject(looked)
    expect(sentTo('approveSigning')).toHaveLength(1)
  })

  it('gets no request, for signatures or new shares, once the SDK has seen the next one', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const next = await alice.refreshKey(key)
    await expect(alice.requestSignature(key, 'x')).rejects.toMatchObject(stale)
    await expect(alice.requestRefresh(key)).rejects.toMatchObject(stale)
    await bob.pendingSignings(next)
    await expect(bob.requestSignature(key, 'x')).rejects.toMatchObject(stale)
    expect(sentTo('requestSigning')).toEqual([])
    expect(sentTo('requestRefresh')).toHaveLength(1)
    await bob.requestSignature(next, 'x')
  })

  it('is not the present one, however often the gateway says so', async () => {
    const { alice, key } = await makeKey(fleet, gateway)
    await alice.refreshKey(key)
    gateway.lies.listCertificates = (honest: { epochs: unknown[] }) => ({
      ...honest,
      epochs: honest.epochs.slice(0, 1),
    })
    await expect(alice.update(key)).rejects.toMatchObject(refusedAs('reply.mismatch'))
  })

  it('leads to one next epoch, and a key on another branch is worked with no more', async () => {
    const { alice, key } = await makeKey(fleet, gateway)
    const { body } = key.certificate
    const previous = digestOf('certificate', body)
    const fork = await certify(fleet, { ...body, epoch: 1, previous, transcript: '44'.repeat(32) as never })
    const file = JSON.parse(exportKey(key)) as object
    const other: Key = await importKey(JSON.stringify({ ...file, certificate: fork, earlier: [key.certificate] }))
    await alice.refreshKey(key)
    await expect(alice.requestSignature(other, 'x')).rejects.toMatchObject(refusedAs('certificate.invalid'))
  })
})
