import { lineageOf } from '@quorate/shared/verify/certificate'
import type { HostMethod } from '@quorate/shared/ceremonies/host-methods'
import type { KeyId } from '@quorate/shared/wire/ids'
import { beforeEach, describe, expect, it } from 'vitest'
import { makeKey, type MadeKey } from '../../shared/party/test/ceremony.js'
import type { Host } from '../../shared/party/test/host.js'
import { createRecall } from '../src/keys/recall.ts'
import type { RecalledKey } from '../src/keys/recollections.ts'
import { bringShare } from '../src/keys/restore-share.ts'
import { PartiesAsEnclaves } from './parties.ts'

/* Real parties, and a gateway that has the shares of three keys. */

const timeoutMs = 60_000
let enclaves: PartiesAsEnclaves
let keys: readonly RecalledKey[]
/** Of these keys the gateway has only something that does not open. */
const spoilt = new Set<KeyId>()

beforeEach(async () => {
  spoilt.clear()
  enclaves = await PartiesAsEnclaves.start(3)
  await enclaves.acquaint()
  const grant = { askers: ['alice'], content: ['bytes' as const], expiresAt: 9e12, limit: { count: 9, seconds: 60 } }
  const make = () => makeKey(enclaves.group, { grants: new Map([[2, grant]]) })
  keys = [await make(), await make(), await make()].map(recalled)
})

function recalled({ certificate, sealedShares, prepared }: MadeKey<Host>): RecalledKey {
  const { keyId, participants } = certificate.body.roster.skeleton
  const sealed = (share: string) => (spoilt.has(keyId) ? 'AAAA' : share)
  const shares = () => [...sealedShares].map(([index, share]) => ({ index, sealed: sealed(share) }))
  return {
    ...{ keyId, lineage: lineageOf(certificate.body), index: 1 },
    seats: participants.map(({ index, host }) => ({ index, host: host.identity.enclaveId })),
    restore: (seat) => bringShare({ hosts: enclaves, timeoutMs }, { certificate, shares: shares(), prepared }, seat),
  }
}

async function recall(): Promise<readonly boolean[]> {
  const outcomes = await createRecall(enclaves, timeoutMs).many(keys[0]!.seats[0]!.host, keys)
  expect(outcomes.map(({ keyId }) => keyId)).toEqual(keys.map(({ keyId }) => keyId))
  return outcomes.map(({ settled }) => settled)
}
const asked = (method: HostMethod) => enclaves.calls.filter((call) => call.method === method).length
const restart = (at: number) => enclaves.group.members[at]!.restart()

describe('a host that hears of many keys', () => {
  it('takes one question to each peer for all of them, and is given its shares once', async () => {
    await restart(0)
    expect(await recall()).toEqual([true, true, true])
    expect({ tell: asked('recall.tell'), load: asked('key.load') }).toEqual({ tell: 2, load: 3 })
    // The first answer came before the shares.
    expect(asked('recall.learn')).toBe(3)
  })

  it('is given no share again that it has', async () => {
    expect(await recall()).toEqual([true, true, true])
    expect(asked('key.load')).toBe(0)
  })

  it('has a peer that has restarted given its shares, without which that one says nothing', async () => {
    await restart(1)
    expect(await recall()).toEqual([true, true, true])
    // Once in vain.
    expect({ tell: asked('recall.tell'), load: asked('key.load') }).toEqual({ tell: 3, load: 3 })
  })

  it('hears of the others when one share does not open', async () => {
    await restart(0)
    spoilt.add(keys[1]!.keyId)
    expect(await recall()).toEqual([true, false, true])
  })
})
