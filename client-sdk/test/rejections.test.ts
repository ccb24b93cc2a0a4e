import { createSigner, signBody } from '@quorate/shared/crypto/sign'
import type { RouteReply } from '@quorate/shared/wire/routes/table'
import { describe, expect, it } from 'vitest'
import { SigningRejected, type Key, type Participant, type Signing } from '../src/index.ts'
import { fleet, gateway, withOwnGateway } from './lying-gateway.ts'
import { makeKey } from './people.ts'

withOwnGateway()

type Status = RouteReply<'getSigning'>
type Word = Status['approvals'][number]

async function refusalOf(signing: Signing): Promise<SigningRejected> {
  const error: unknown = await signing.completed().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(SigningRejected)
  return error as SigningRejected
}

/** A request of alice to a key of whom all sign, and bob's no. */
async function rejected(reason: string | null): Promise<Readonly<{ bob: Participant; key: Key; signing: Signing }>> {
  const { alice, bob, key } = await makeKey(fleet, gateway, { threshold: 3 })
  const signing = await alice.requestSignature(key, ['one', 'two'])
  await bob.reject(signing, reason)
  return { bob, key, signing }
}

/** The gateway shows these words in place of those that it has. */
function show(write: (words: readonly Word[]) => unknown): void {
  gateway.lies.getSigning = async (honest: Status) => ({ ...honest, approvals: await write(honest.approvals) })
}

describe('a rejection', () => {
  it('stands on the error with who rejected, and why, once it has been verified', async () => {
    const { signing } = await rejected('not before Friday')
    const error = await refusalOf(signing)
    expect(error).toMatchObject({ code: 'signing.rejected', by: 'client', culprits: [2] })
    expect(error.rejections).toEqual([{ userId: 'bob', index: 2, reason: 'not before Friday', items: [0, 1] }])
    expect(error.message).toContain('bob rejects it: not before Friday')
  })

  it('without a reason names the rejecter', async () => {
    const { signing } = await rejected(null)
    const error = await refusalOf(signing)
    expect(error.rejections).toMatchObject([{ userId: 'bob', reason: null }])
    expect(error.issues).toEqual(['bob rejects it'])
  })

  it('with a reason that would show something else is written out in the message, and kept as it is', async () => {
    const reason = 'no\u202eyes\n\u001b[2Jgone'
    const { signing } = await rejected(reason)
    const error = await refusalOf(signing)
    expect(error.rejections[0]!.reason).toBe(reason)
    expect(error.issues).toEqual(['bob rejects it: no\\u{202e}yes\\u{a}\\u{1b}[2Jgone'])
  })

  it('that nobody of the key has signed is not believed: the failure is the word of the gateway alone', async () => {
    const { signing } = await rejected('no')
    const mallory = await createSigner(new Uint8Array(32))
    show((words) => Promise.all(words.map(({ body }) => signBody(mallory, 'consent', { ...body, reason: 'forged' }))))
    const error = await refusalOf(signing)
    expect(error).toMatchObject({ by: 'gateway', culprits: [2], rejections: [], issues: [] })
  })

  it('whose reason was changed, or that is of another request, is not believed', async () => {
    const { bob, key, signing } = await rejected('no')
    const other = await bob.requestSignature(key, 'other')
    await bob.reject(other, 'for something else').catch(() => undefined)
    const elsewhere = (await other.status()).approvals
    show((words) => [...words.map((word) => ({ ...word, body: { ...word.body, reason: 'yes' } })), ...elsewhere])
    expect((await refusalOf(signing)).rejections).toEqual([])
  })

  it('that is kept back leaves the word of the gateway', async () => {
    const { signing } = await rejected('no')
    show(() => [])
    expect(await refusalOf(signing)).toMatchObject({ by: 'gateway', rejections: [] })
  })

  it('that leaves a quorum is no reason by itself: that it failed is the word of the gateway', async () => {
    const { alice, bob, key } = await makeKey(fleet, gateway)
    const signing = await alice.requestSignature(key, 'no')
    await bob.reject(signing, 'I do not want it')
    const error = await refusalOf(signing)
    expect(error).toMatchObject({ by: 'gateway', culprits: [2], rejections: [{ reason: 'I do not want it' }] })
  })
})
