import { digestOf, signBody } from '@quorate/shared/crypto/sign'
import type { SigningRequest, Withdrawal } from '@quorate/shared/wire/signing'
import { describe, expect, it } from 'vitest'
import { until } from '../../../shared/test/noticing.js'
import {
  ask,
  code,
  coordinator,
  decisionFor,
  enclaves,
  finished,
  inFreshHouses,
  isSigned,
  restartGateway,
  store,
  storedKey,
  type Key,
} from './house.ts'

inFreshHouses()

/** The word of this participant that the request is taken back. */
const wordOf = ({ plan }: Key, { body }: SigningRequest, by: number): Promise<Withdrawal> =>
  signBody(plan.signers.get(by)!, 'withdrawal', { requestDigest: digestOf('request', body), withdrawnAt: Date.now() })

const isWithdrawn = { state: 'failed', failure: { code: 'signing.withdrawn', culprits: [] } }

describe('a signing that its asker withdraws', () => {
  it('ends, says so, stands in the audit, and makes room for another', async () => {
    await restartGateway({ openSigningsPerAsker: 1 })
    const key = await storedKey()
    const { request, status } = await ask(key)
    await expect(ask(key)).rejects.toEqual(code('bound.reached'))
    const { records } = await store.verifyAudit()
    const word = await wordOf(key, request, 1)
    expect(await coordinator.withdraw(status.signingId, word)).toMatchObject(isWithdrawn)
    expect(await coordinator.withdraw(status.signingId, word)).toMatchObject(isWithdrawn)
    expect((await store.verifyAudit()).records).toBe(records + 1)
    const approval = await decisionFor(key, request, 2)
    await expect(coordinator.approve(status.signingId, approval)).rejects.toEqual(code('session.conflict'))
    expect((await coordinator.openSignings(status.keyId)).signings).toEqual([])
    await ask(key)
  })

  it('is signed by no host that can be reached, whoever brings it there, also one that had forgotten the key', async () => {
    const key = await storedKey()
    const { request, sealedItems, status } = await ask(key)
    const away = enclaves.ids()[2]!
    enclaves.kill(away)
    await coordinator.withdraw(status.signingId, await wordOf(key, request, 1))
    const hosts = enclaves.ids().slice(0, 2)
    const isTold = (id: string) => enclaves.host(id).events.some(({ event }) => event === 'signing.withdrawn')
    await until(() => hosts.every(isTold), 'both hosts are told')
    expect([enclaves.count('signing.withdraw', away), isTold(away)]).toEqual([1, false])
    const consents = [await decisionFor(key, request, 2)]
    for (const [at, id] of hosts.entries()) {
      const commit = { attempt: 1, index: at + 1, request, sealedItems, consents }
      await expect(enclaves.ask(id, 'signing.commit', commit)).rejects.toEqual(code('signing.withdrawn'))
    }
  })

  it('is withdrawn by its asker alone, by a word on this very request', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const other = await ask(key)
    for (const word of [await wordOf(key, request, 2), await wordOf(key, other.request, 1)])
      await expect(coordinator.withdraw(status.signingId, word)).rejects.toEqual(code('signing.withdrawal_invalid'))
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    const done = await finished(status)
    expect(isSigned(key, done)).toBe(true)
    await expect(coordinator.withdraw(status.signingId, await wordOf(key, request, 1))).rejects.toEqual(
      code('session.conflict'),
    )
  })

  it('goes on once all partials of a quorum are there, since they are the signature', async () => {
    const key = await storedKey()
    const { request, status } = await ask(key)
    const aggregating = enclaves.hang('enclave-0', 'signing.aggregate')
    await coordinator.approve(status.signingId, await decisionFor(key, request, 2))
    await aggregating.asked()
    await expect(coordinator.withdraw(status.signingId, await wordOf(key, request, 1))).rejects.toEqual(
      code('session.conflict'),
    )
    aggregating.timeOut()
    expect(isSigned(key, await finished(status))).toBe(true)
  })
})
