import type { Key } from '@quorate/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, makeKey, sign, signed, startCrashFleet, type CrashFleet } from './support/crash-fleet.ts'
import { enclaveLog, remainsOf } from '../src/traces.ts'
import { expectNoncesOnce } from './support/crash-traces.ts'

const long = 120_000
const roundTimeoutMs = 4_000
let crashing: CrashFleet
let key: Key

beforeAll(async () => {
  crashing = await startCrashFleet({ roundTimeoutMs })
  key = await makeKey(crashing.people)
}, long)

afterAll(() => crashing.close(), long)

/** Where the share of this index is. */
const hostOf = ({ certificate }: Key, index: number): string =>
  certificate.body.roster.skeleton.participants[index - 1]!.host.identity.enclaveId

/** Does it while these enclaves are stuck: they take what they are sent, and answer nothing. */
async function without<T>(enclaves: readonly string[], act: () => Promise<T>): Promise<T> {
  const { fleet } = crashing
  for (const enclave of enclaves) fleet.pause(enclave)
  try {
    return await act()
  } finally {
    for (const enclave of enclaves) fleet.resume(enclave)
    await fleet.ready()
  }
}

/** Signs by a standing grant, so that nobody else is asked. Gives how many attempts it took: a lost round costs one. */
async function attemptsOf(standing: Key, text: string): Promise<number> {
  const signing = await ask(crashing.people, standing, text, { approvers: [] })
  await signed(signing, text)
  return (await signing.status()).attempt
}

describe('hosts that are not there', { timeout: long }, () => {
  it('end a keygen by its deadline with a code, and the next when they are back works', async () => {
    const { people } = crashing
    const [participants, expiresIn] = [['alice', 'bob', 'carol'], 10_000]
    const keygen = await people.alice.reserveKey({
      scheme: 'frost-secp256k1-tr',
      threshold: 2,
      participants,
      expiresIn,
    })
    await people.bob.participate(keygen.invitation('bob'))
    const away = keygen.skeleton.participants[1]!.host.identity.enclaveId
    await without([away], async () => {
      await people.carol.participate(keygen.invitation('carol'))
      await expect(keygen.completed()).rejects.toMatchObject({ code: 'keygen.hosts_lost', by: 'gateway' })
    })
    key = await makeKey(people)
  })

  it('cost one signing no more than a round when one is stuck, and the next ones nothing', async () => {
    const { people } = crashing
    const standing = await makeKey(people, {
      askers: [people.alice.userId],
      content: ['bytes'],
      expiresAt: Date.now() + 600_000,
      limit: { count: 100, per: 600_000 },
    })
    const { receipts } = await sign(people, standing, 'all are well', { approvers: [] })
    const stuck = hostOf(standing, receipts[0]!.body.index)
    await without([stuck], async () => {
      expect(await attemptsOf(standing, 'one is stuck')).toBe(2)
      for (const text of ['the second', 'the third', 'the fourth']) expect(await attemptsOf(standing, text)).toBe(1)
    })
    await sign(people, key, 'it is well again')
  })

  it('end a signing by its deadline with a code when too few are left, and the next when they are back works', async () => {
    const { people } = crashing
    const expiresIn = 8_000
    const signing = await without([hostOf(key, 2), hostOf(key, 3)], async () => {
      const asked = await ask(people, key, 'nobody signs this', { expiresIn, approvers: [people.bob, people.carol] })
      const refusal = { code: 'signing.expired', by: 'gateway' }
      await expect(signed(asked, 'nobody signs this')).rejects.toMatchObject(refusal)
      expect(await people.bob.pendingSignings(key)).toEqual([])
      return asked
    })
    await sign(people, key, 'they are back')
    expect((await signing.status()).state).toBe('expired')
  })

  it('let a signing that began without them finish when they come back in time', async () => {
    const { people } = crashing
    const text = 'late but signed'
    const signing = await without([hostOf(key, 2), hostOf(key, 3)], async () => {
      const asked = await ask(people, key, text)
      expect((await asked.status()).state).not.toBe('completed')
      return asked
    })
    await signed(signing, text)
  })

  it('have spent no nonce twice, and leave nothing half open', async () => {
    const { fleet } = crashing
    await fleet.stop()
    expectNoncesOnce(enclaveLog(fleet))
    expect((await remainsOf(fleet)).open).toEqual([])
  })
})
