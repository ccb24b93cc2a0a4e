import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAttestedKms } from '@quorate/enclave/platform/attested-kms'
import { createKmsClient } from '@quorate/enclave/platform/kms-client'
import { TunnelTlsAgent } from '@quorate/enclave/platform/tunnel'
import { Refusal } from '@quorate/shared/errors'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dialLoopback } from '../src/enclave/dial-loopback.ts'
import { lies } from '../src/kms/faults.ts'
import { context, image, keyArn, KmsDesk } from './support/kms-desk.ts'

let desk: KmsDesk
/** Answers in KMS's place, under its name, and counts. */
let server: Server
let listener: RequestListener
let asked: number

beforeAll(async () => {
  desk = await KmsDesk.open()
  server = createServer(desk.tls.server, (request, response) => {
    asked += 1
    request.resume().on('end', () => listener(request, response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
beforeEach(() => void (asked = 0))
afterEach(() => desk.kms.suffer(null))
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await desk.close()
})

const json = { 'content-type': 'application/x-amz-json-1.1' }
const answering =
  (status: number, body: string, headers: Record<string, string> = json): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body)
const ask = async () => {
  const { port } = server.address() as AddressInfo
  return desk
    .attested({ port })
    .generateDataKey(context)
    .then(
      () => null,
      (error: unknown) => (error instanceof Refusal ? error.code : error),
    )
}

describe('a plaintext beside an envelope', () => {
  it('is taken when it is empty, as AWS documents it, and the envelope counts', async () => {
    desk.kms.suffer({ name: 'lying', lie: lies.emptyPlaintext })
    const kms = desk.attested()
    const { plaintext, ciphertext } = await kms.generateDataKey(context)
    expect(plaintext).toHaveLength(32)
    expect((await kms.decrypt(ciphertext, context)).plaintext).toEqual(plaintext)
    expect(await kms.random(16)).toHaveLength(16)
  })

  it('is refused when there is a byte of it', async () => {
    desk.kms.suffer({ name: 'lying', lie: (reply) => Object.assign({}, reply, { Plaintext: 'AA==' }) })
    await expect(desk.attested().generateDataKey(context)).rejects.toMatchObject({ code: 'kms.invalid' })
    await expect(desk.attested().random(16)).rejects.toMatchObject({ code: 'kms.invalid' })
  })
})

describe('an answer that the request is not of this time', () => {
  const because = (name: string, message = '') => JSON.stringify({ __type: name, message })
  const expired = 'Signature expired: 20261128T100000Z is now earlier than 20261128T101500Z (20261128T102000Z - 5 min.)'
  const early = 'Signature not yet current: 20261128T100000Z is still later than 20261128T094500Z'
  const hourAgo = () => ({ ...json, date: new Date(Date.now() - 3_600_000).toUTCString() })
  it.each<[string, () => RequestListener, string]>([
    [
      'InvalidSignatureException, expired',
      () => answering(400, because('InvalidSignatureException', expired)),
      'kms.clock',
    ],
    [
      'InvalidSignatureException, early',
      () => answering(400, because('InvalidSignatureException', early)),
      'kms.clock',
    ],
    ['RequestTimeTooSkewed', () => answering(403, because('RequestTimeTooSkewed')), 'kms.clock'],
    [
      'SignatureDoesNotMatch an hour ago',
      () => answering(403, because('SignatureDoesNotMatch'), hourAgo()),
      'kms.clock',
    ],
    ['SignatureDoesNotMatch now', () => answering(403, because('SignatureDoesNotMatch')), 'kms.denied'],
    [
      'InvalidSignatureException, of another key',
      () => answering(400, because('InvalidSignatureException', 'The request signature we calculated does not match')),
      'kms.denied',
    ],
  ])('is told as that, and never as a policy that says no: %s', async (_, answer, code) => {
    listener = answer()
    expect(await ask()).toBe(code)
  })

  it('tells by how much', async () => {
    const told: number[] = []
    listener = answering(403, because('RequestTimeTooSkewed'), hourAgo())
    const { port } = server.address() as AddressInfo
    const kms = desk.attested({ port, clockDiffers: (seconds: number) => told.push(seconds) })
    await expect(kms.random(16)).rejects.toMatchObject({ code: 'kms.clock' })
    expect(told).toEqual([expect.closeTo(3_600, -1)])
  })
})

describe('an answer in KMS’s place', () => {
  it('is read up to 1 MiB, and then the connection is cut', async () => {
    let sent = 0
    const cut = new Promise<void>((resolve) => {
      listener = (_, response) => {
        const chunk = Buffer.alloc(65_536, ' ')
        const pour = () => {
          while (response.write(chunk)) sent += chunk.length
          response.once('drain', pour)
        }
        response.writeHead(200, json).once('close', resolve)
        pour()
      }
    })
    expect(await ask()).toBe('kms.invalid')
    await cut
    // Some more is in the buffers of both ends.
    expect(sent).toBeLessThan(32 * 1024 * 1024)
    expect(asked).toBe(1)
  })

  it.each<[string, RequestListener, string, number]>([
    [
      'base64 that is none',
      answering(200, `{"KeyId":"${keyArn}","CiphertextBlob":"*","CiphertextForRecipient":"*"}`),
      'kms.invalid',
      1,
    ],
    ['text that is no JSON', answering(200, '<html>'), 'kms.invalid', 1],
    ['a number for a blob', answering(200, `{"KeyId":"${keyArn}","CiphertextBlob":1}`), 'kms.invalid', 1],
    ['a way to elsewhere', answering(302, '', { location: 'https://localhost:1/' }), 'kms.invalid', 1],
    ['a way to elsewhere, for ever', answering(308, '{}', { location: 'https://localhost:1/' }), 'kms.invalid', 1],
    ['a no', answering(400, '{"__type":"AccessDeniedException"}'), 'kms.denied', 1],
    ['a no without a name', answering(403, '{}'), 'kms.denied', 1],
    ['a no by a page of something before it', answering(403, '<html>'), 'kms.invalid', 1],
    ['an error page of a service that fails', answering(503, '<html>'), 'kms.unavailable', 3],
    ['an error page of a service that is asked too often', answering(429, '<html>'), 'kms.throttled', 3],
  ])('that is %s is told as what it is', async (_, answer, code, times) => {
    listener = answer
    expect(await ask()).toBe(code)
    expect(asked).toBe(times)
  })
})

describe('credentials', () => {
  /** KMS as an enclave asks it, and how often it fetched its credentials. */
  const fetching = () => {
    let fetched = 0
    const credentials = () => {
      fetched += 1
      const expiration = new Date(Date.now() + 3_600_000)
      return Promise.resolve({ accessKeyId: 'local', secretAccessKey: 'local', expiration })
    }
    const { port } = desk.kms
    const agent = new TunnelTlsAgent((signal) => dialLoopback(port, signal), [desk.tls.authority])
    const client = createKmsClient({ endpoint: `https://localhost:${port}`, region: 'local-1', credentials, agent })
    return { kms: createAttestedKms({ nsm: desk.nsm(image(1)), client, keyArn }), fetched: () => fetched }
  }

  // As reported in aws/aws-sdk-cpp#1684 and aws/aws-nitro-enclaves-sdk-c#67.
  it('that have expired before they said are fetched anew, and the call succeeds', async () => {
    const { kms, fetched } = fetching()
    await kms.random(8)
    await kms.random(8)
    expect(fetched()).toBe(1)
    for (const error of ['ExpiredTokenException', 'UnrecognizedClientException'] as const) {
      const before = fetched()
      desk.kms.suffer({ name: 'refusing', error }, 1)
      await expect(kms.random(8)).resolves.toHaveLength(8)
      expect(fetched()).toBe(before + 1)
    }
  })

  it.each([
    ['ExpiredTokenException', 'kms.unavailable'],
    ['UnrecognizedClientException', 'kms.denied'],
  ] as const)('that are none again are fetched once in a call: %s', async (error, code) => {
    const { kms, fetched } = fetching()
    desk.kms.suffer({ name: 'refusing', error })
    const before = desk.kms.asked()
    await expect(kms.random(8)).rejects.toMatchObject({ code })
    expect([fetched(), desk.kms.asked() - before]).toEqual([2, 2])
    desk.kms.suffer(null)
    await expect(kms.random(8)).resolves.toHaveLength(8)
  })
})
