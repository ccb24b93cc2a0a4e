import type { Signing } from '@quorate/client'
import { expect, it } from 'vitest'
import { long, withFleet } from './support/sdk-fleet.ts'

const { draw } = withFleet()

it('whoever watches a key of a real fleet hears of each request as it comes', { timeout: long }, async () => {
  const [alice, bob] = draw(['alice', 'bob'])
  const keygen = await alice!.reserveKey({
    ...{ scheme: 'frost-secp256k1-tr', threshold: 2, participants: ['alice', 'bob'] },
  })
  await bob!.participate(keygen.invitation('bob'))
  const key = await keygen.completed({ timeout: long })
  const watching = bob!.watchPending(key)
  const first = await alice!.requestSignature(key, 'first')
  const seen: Signing[] = []
  for (const text of ['second', 'third', null]) {
    const { value } = await watching.next()
    seen.push(value as Signing)
    if (text !== null) await alice!.requestSignature(key, text)
  }
  await watching.return()
  expect(seen[0]!.signingId).toBe(first.signingId)
  expect(seen.map(({ items }) => items)).toEqual(
    ['first', 'second', 'third'].map((text) => [
      { content: { type: 'bytes', bytes: Buffer.from(text).toString('hex') }, mode: { kind: 'plain' } },
    ]),
  )
  await bob!.decideTogether(seen)
  expect(await bob!.pendingSignings(key)).toEqual([])
})
