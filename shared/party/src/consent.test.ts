import { KnownWords } from '@quorate/shared/crypto/known-words'
import { digestOf } from '@quorate/shared/crypto/sign'
import { describe, expect, it } from 'vitest'
import { introduceAll, startHosts } from '../test/host.ts'
import { makeKey } from '../test/ceremony.ts'
import { approve, ask, bytesItem, type GrantTerms } from '../test/people.ts'
import { requireConsent, type Plea } from './consent.ts'

const group = await startHosts()
await introduceAll(group.members)
const soon = () => group.clock.now + 60_000
const grant: GrantTerms = {
  askers: ['alice'],
  content: ['bytes'],
  expiresAt: 9e12,
  limit: { count: 5, seconds: 60 },
}
const key = await makeKey(group, { grants: new Map([[3, grant]]) })
const asked = await ask(key.plan, key, 1, [bytesItem('hello')], soon())
const yes = await approve(key.plan, 2, asked.requestDigest, soon())
const no = await approve(key.plan, 2, asked.requestDigest, soon(), 'reject')
const granted = key.certificate.body.roster.registrations[2]!.body.grant!

const plea = (...consents: Plea['consents']): Plea => ({
  key: { certificate: key.certificate.body, digest: digestOf('certificate', key.certificate.body) },
  request: asked.request.body,
  requestDigest: asked.requestDigest,
  consents,
  known: new KnownWords(16),
  standing: () => [null],
})
const ground = (of: Plea, index: number, now = group.clock.now) => requireConsent(of, index, now)
const refused = (code: string, culprits: number[]) => expect.objectContaining({ code, culprits }) as Error

describe('a share takes part', () => {
  it('when its owner asks, approves, or has granted it', async () => {
    await ground(plea(), 1)
    await ground(plea(yes), 2)
    await ground(plea(granted), 3)
  })

  it('on no word but its own owner’s, and names whose word is missing or false', async () => {
    await expect(ground(plea(), 2)).rejects.toEqual(refused('consent.missing', [2]))
    await expect(ground(plea(yes), 3)).rejects.toEqual(refused('consent.missing', [3]))
    const forged = { ...yes, signature: granted.signature }
    await expect(ground(plea(forged), 2)).rejects.toEqual(refused('consent.invalid', [2]))
    const taken = { ...yes, body: { ...yes.body, index: 3 } }
    await expect(ground(plea(taken), 3)).rejects.toEqual(refused('consent.invalid', [3]))
  })

  it('not once its owner has rejected, whatever else was said', async () => {
    await expect(ground(plea(yes, no), 2)).rejects.toEqual(refused('consent.missing', [2]))
  })

  it('not after the request or the word has ended, and blames nobody for the request', async () => {
    await expect(ground(plea(yes), 2, soon() + 1)).rejects.toEqual(refused('consent.expired', []))
    const short = await approve(key.plan, 2, asked.requestDigest, group.clock.now + 1)
    await expect(ground(plea(short), 2, group.clock.now + 2)).rejects.toEqual(refused('consent.expired', [2]))
  })
})
