import { schnorr } from '@noble/curves/secp256k1.js'
import { randomBytes } from '@noble/hashes/utils.js'
import type { Key, Signing } from '@quorate/client'
import { fromHex } from '@quorate/shared/wire/bytes'
import { beforeAll, describe, expect, it } from 'vitest'
import { hashOfBytes } from '../../../shared/test/bytes-hash.js'
import { joinKey, peopleBy, reserveKey, type People } from '../src/people.ts'
import { shownTo, valuesOf } from './support/together.ts'
import { withFleet } from './support/sdk-fleet.ts'

/*
 * Several keys of the same people in one call, through the public SDK, with three enclaves.
 */

const long = 240_000
const fleet = withFleet(long)
let people: People
let keys: Key[]
/** Paths that the SDK has posted to. */
const posted: string[] = []

const counting: typeof fetch = (input, init) => {
  if (init?.method === 'POST') posted.push(new URL(input instanceof Request ? input.url : input).pathname)
  return fetch(input, init)
}

async function newKey(scheme: Key['scheme'], threshold: number): Promise<Key> {
  const wish = { scheme, threshold, grant: null } as const
  const keygen = await reserveKey(people, wish)
  await joinKey(people, keygen, wish)
  return keygen.completed({ timeout: long })
}

beforeAll(async () => {
  const quorate = fleet.quorate({ fetch: counting })
  people = peopleBy((name) => quorate.participant(name, { seed: randomBytes(32) }))
  keys = []
  for (const [scheme, threshold] of [
    ['frost-secp256k1-tr', 2],
    ['musig2', 3],
    ['frost-secp256k1-tr', 3],
  ] as const)
    keys.push(await newKey(scheme, threshold))
}, long)

const isSigned = async (signing: Signing, text: string): Promise<boolean> => {
  const [signature] = (await signing.completed({ timeout: long })).signatures
  return schnorr.verify(signature!, hashOfBytes(text), fromHex(signing.key.groupKey))
}

describe('several keys of the same people', { timeout: long }, () => {
  it('sign something each, asked for in one call and approved in one call by each person', async () => {
    posted.length = 0
    const wishes = keys.map((key, at) => ({ key, what: `for key ${at}` }))
    const signings = valuesOf(await people.alice.requestSignatures(wishes))
    const reason = 'all of them'
    valuesOf(await people.bob.decideTogether(await shownTo(people, 'bob', signings), { reason }))
    // Two of three have signed the first of them meanwhile, or not.
    const [, ...others] = await people.carol.decideTogether(await shownTo(people, 'carol', signings), { reason })
    valuesOf(others)
    const signed = await Promise.all(signings.map((signing, at) => isSigned(signing, `for key ${at}`)))
    expect(signed).toEqual([true, true, true])
    // A word that names lives of before goes out again, with the others.
    const calls = new Set(posted.filter((path) => path.includes('/signing')))
    expect(calls).toEqual(new Set(['/api/v1/signings', '/api/v1/signings/approve']))
    const words = (await Promise.all(signings.map((signing) => signing.status()))).flatMap(({ approvals }) => approvals)
    expect(words.length).toBeGreaterThanOrEqual(5)
    expect(new Set(words.map(({ signature }) => signature)).size).toBe(words.length)
  })

  it('sign the same bytes, a hundred at once, of which one may be asked for twice', async () => {
    const wishes = Array.from({ length: 100 }, (_, at) => ({ key: keys[at % keys.length]!, what: 'the same' }))
    const signings = valuesOf(await people.alice.requestSignatures(wishes))
    expect(new Set(signings.map(({ signingId }) => signingId)).size).toBe(100)
    for (const name of ['bob', 'carol'] as const)
      await people[name].decideTogether(await shownTo(people, name, signings))
    const signed = await Promise.all(signings.map((signing) => isSigned(signing, 'the same')))
    expect(signed.filter(Boolean)).toHaveLength(100)
  })

  it('are refused one by one: what is wrong with one keeps none of the others from being signed', async () => {
    const { alice, bob } = people
    const [first, , third] = keys as [Key, Key, Key]
    const two = valuesOf(await alice.requestSignatures(['not this', 'good'].map((what) => ({ key: first, what }))))
    const shown = await shownTo(people, 'bob', two)
    await bob.reject(shown[0]!)
    const [turned, taken] = await bob.decideTogether(shown)
    expect(turned).toMatchObject({ status: 'rejected', reason: { code: 'session.conflict', by: 'gateway' } })
    expect(taken).toEqual({ status: 'fulfilled', value: undefined })
    expect(await isSigned(two[1]!, 'good')).toBe(true)

    const asked = await alice.requestSignatures([
      { key: first, what: { type: 'raw', bytes: 'ab' } },
      { key: third, what: 'also good' },
    ])
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    const again = await alice.requestSignatures([{ key: third, what: 'x' }], { expiresIn: 1e12 })
    expect(again).toMatchObject([{ status: 'rejected', reason: { code: 'request.invalid', by: 'gateway' } }])
  })

  it('are 100 at most, and one at least', async () => {
    const [key] = keys as [Key]
    const many = Array.from({ length: 101 }, () => ({ key, what: 'x' }))
    for (const wishes of [many, []])
      await expect(people.alice.requestSignatures(wishes)).rejects.toMatchObject({ code: 'request.invalid' })
  })
})
