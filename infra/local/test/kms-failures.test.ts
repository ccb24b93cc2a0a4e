import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { GenerateDataKeyCommand } from '@aws-sdk/client-kms'
import { defaultTiming } from '@quorate/gateway/hosts/enclaves/timing'
import { Refusal } from '@quorate/shared/errors'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeDevelopmentPolicy } from '../src/kms/development-policy.ts'
import { lies, type Fault } from '../src/kms/faults.ts'
import type { KmsErrorName } from '../src/kms/kms-error.ts'
import { arnOf, developmentKeyId } from '../src/kms/key-store.ts'
import {
  context,
  image,
  keyArn,
  KmsDesk,
  otherKeyId,
  pcrsOf,
  policy,
  recipientOf,
  startEnclave,
} from './support/kms-desk.ts'

let desk: KmsDesk
/** The root that the enclave made when all was well, and who it is. */
let sealedRoot: string
let identity: unknown

const boot = async (root: string | null = sealedRoot) => (await startEnclave(desk)).boot({ sealedRoot: root })
const codeOf = (error: unknown) => (error instanceof Refusal ? error.code : error)
const refusalOf = (call: Promise<unknown>) => call.then(() => null, codeOf)
const refusing = (error: KmsErrorName): Fault => ({ name: 'refusing', error })
/** How often KMS is asked while this happens. */
async function countAsked(act: () => Promise<unknown>): Promise<number> {
  const before = desk.kms.asked()
  await act()
  return desk.kms.asked() - before
}

beforeAll(async () => {
  desk = await KmsDesk.open()
  const made = await boot(null)
  if (made.sealedRoot === null) throw new Error('no root')
  ;({ sealedRoot, identity } = { sealedRoot: made.sealedRoot, identity: made.identity })
})
afterEach(async () => {
  desk.kms.suffer(null)
  desk.kms.keys.setState(developmentKeyId, 'Enabled')
  desk.kms.keys.putPolicy(developmentKeyId, policy)
  // Whatever it was: nothing is lost.
  expect((await boot()).identity).toEqual(identity)
})
afterAll(() => desk.close())

describe('while KMS', () => {
  it.each<[string, Fault, string]>([
    ['throttles', refusing('ThrottlingException'), 'kms.throttled'],
    ['fails', refusing('KMSInternalException'), 'kms.unavailable'],
    ['is not in service', refusing('ServiceUnavailableException'), 'kms.unavailable'],
  ])('%s, an enclave asks three times, no more, and says so', async (_, fault, code) => {
    desk.kms.suffer(fault)
    expect(await countAsked(async () => expect(await refusalOf(boot())).toBe(code))).toBe(3)
  })

  it.each(['ThrottlingException', 'KMSInternalException'] as const)(
    'answers %s twice, then well, a boot succeeds',
    async (error) => {
      desk.kms.suffer(refusing(error), 2)
      expect(await countAsked(async () => expect((await boot()).identity).toEqual(identity))).toBe(3)
    },
  )

  it.each<[string, Fault]>([
    ['hangs', { name: 'hanging' }],
    ['begins to answer and stalls', { name: 'stalling' }],
  ])('%s, an enclave gives up before its gateway does', { timeout: 60_000 }, async (_, fault) => {
    desk.kms.suffer(fault)
    const started = performance.now()
    expect(await refusalOf(boot())).toBe('kms.unavailable')
    // Its patience is 6 s.
    expect(performance.now() - started).toBeLessThan(defaultTiming.bootMs)
  })

  it('hangs once, then answers, a boot succeeds', async () => {
    desk.kms.suffer({ name: 'hanging' }, 1)
    expect((await boot()).identity).toEqual(identity)
  })

  it('stalls in more answers than there are connections, the same process asks again and is answered', async () => {
    const kms = desk.attested()
    desk.kms.suffer({ name: 'stalling' }, 4)
    const calls = Array.from({ length: 5 }, () => refusalOf(kms.random(8)))
    expect(new Set(await Promise.all(calls))).toContain('kms.unavailable')
    await expect(kms.random(8)).resolves.toHaveLength(8)
  })

  it('is away, an enclave says so', async () => {
    expect(await refusalOf(desk.attested({ port: 9 }).generateDataKey(context))).toBe('kms.unavailable')
  })

  it.each(['Disabled', 'PendingDeletion'] as const)(
    'has the key %s, an enclave asks once and says so',
    async (state) => {
      desk.kms.keys.setState(developmentKeyId, state)
      expect(await countAsked(async () => expect(await refusalOf(boot())).toBe('kms.disabled'))).toBe(1)
      // No key takes part in this.
      await expect(desk.attested().random(8)).resolves.toHaveLength(8)
    },
  )

  it('has another policy, an enclave asks once and is denied, also in the same process', async () => {
    const kms = desk.attested()
    const { ciphertext } = await kms.generateDataKey(context)
    desk.kms.keys.putPolicy(developmentKeyId, makeDevelopmentPolicy(pcrsOf(image(2)), ['e1'], Date.now()))
    expect(
      await countAsked(async () => expect(await refusalOf(kms.decrypt(ciphertext, context))).toBe('kms.denied')),
    ).toBe(1)
    expect(await refusalOf(boot())).toBe('kms.denied')
    expect(() => desk.kms.keys.putPolicy(developmentKeyId, { ...policy, Version: '1' })).toThrow('Version')
    expect(await refusalOf(boot())).toBe('kms.denied')
  })

  it('rotates the key, what was sealed before opens, also after KMS was restarted, and new keys are sealed under the new one', async () => {
    await desk.kms.keys.rotate(developmentKeyId)
    expect((await boot()).identity).toEqual(identity)
    const { plaintext, ciphertext } = await desk.attested().generateDataKey(context)
    await desk.kms.keys.rotate(developmentKeyId)
    await desk.restart()
    await expect(desk.attested().decrypt(ciphertext, context)).resolves.toMatchObject({ plaintext })
  })
})

describe('an enclave does not take what somebody answers in KMS’s place', () => {
  /** What KMS says is exchanged on its way: TLS ends at the liar, as it never does for an enclave. */
  const lying = (lie: Parameters<typeof desk.kms.suffer>[0] & { name: 'lying' }) => desk.kms.suffer(lie)
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

  it.each<[string, () => Promise<Fault & { name: 'lying' }>]>([
    ['another key’s answer', () => Promise.resolve({ name: 'lying', lie: lies.anotherKey(arnOf(otherKeyId)) })],
    ['a plaintext', () => Promise.resolve({ name: 'lying', lie: lies.plaintextToo })],
    [
      'an envelope to another recipient',
      async () => {
        const { recipient: Recipient } = await recipientOf(desk.nsm(image(1)))
        const command = new GenerateDataKeyCommand({
          KeyId: keyArn,
          KeySpec: 'AES_256',
          EncryptionContext: context,
          Recipient,
        })
        const { CiphertextForRecipient } = await desk.client().send(command)
        return { name: 'lying', lie: lies.replay(base64(CiphertextForRecipient!)) }
      },
    ],
    [
      'no envelope',
      () => Promise.resolve({ name: 'lying', lie: (reply) => ({ ...reply, CiphertextForRecipient: undefined }) }),
    ],
    ['a short envelope', () => Promise.resolve({ name: 'lying', lie: lies.replay('AAAA') })],
    ['nothing', () => Promise.resolve({ name: 'lying', lie: () => ({}) })],
    ['a key of 31 bytes', () => Promise.resolve({ name: 'lying', lie: lies.forgery(randomBytes(31)) })],
    ['a key of 33 bytes', () => Promise.resolve({ name: 'lying', lie: lies.forgery(randomBytes(33)) })],
  ])('such as %s', async (_, lie) => {
    lying(await lie())
    expect(await refusalOf(desk.attested().generateDataKey(context))).toBe('kms.invalid')
    expect(await refusalOf(boot())).toBe('kms.invalid')
  })

  it('such as an envelope of an earlier call of the same process', async () => {
    let seen = ''
    const kms = desk.attested()
    lying({
      name: 'lying',
      lie: (reply) => {
        seen = (reply as { CiphertextForRecipient: string }).CiphertextForRecipient
        return reply
      },
    })
    const { ciphertext } = await kms.generateDataKey(context)
    lying({ name: 'lying', lie: lies.replay(seen) })
    expect(await refusalOf(kms.decrypt(ciphertext, context))).toBe('kms.invalid')
    expect(await refusalOf(kms.random(32))).toBe('kms.invalid')
  })

  it('such as text that is no JSON, or another kind of it', async () => {
    for (const body of ['{', 'null', '[]', '']) {
      const server = createServer(desk.tls.server, (request, response) => {
        request
          .resume()
          .on('end', () => response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(body))
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      expect(await refusalOf(desk.attested({ port }).generateDataKey(context)), body).toBe('kms.invalid')
      server.closeAllConnections()
      server.close()
    }
  })

  it('such as an envelope of the liar’s own making, with a key that he knows, once something was sealed under another', async () => {
    const known = randomBytes(32)
    lying({ name: 'lying', lie: lies.forgery(known) })
    // The envelope authenticates nobody: it opens. That TLS ends in the enclave keeps the liar out, and that the root does not open.
    expect((await desk.attested().generateDataKey(context)).plaintext).toEqual(Uint8Array.from(known))
    expect(await refusalOf(boot())).toBe('root.invalid')
  })

  it('and without TLS it speaks to nobody', async () => {
    const stranger = await KmsDesk.open()
    const kms = desk.attested({ port: stranger.kms.port })
    expect(await refusalOf(kms.generateDataKey(context))).toBe('kms.unavailable')
    expect(stranger.kms.asked()).toBe(0)
    await stranger.close()
  })
})
