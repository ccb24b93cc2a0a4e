import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { DecryptCommand, DescribeKeyCommand, GenerateDataKeyCommand, GenerateRandomCommand } from '@aws-sdk/client-kms'
import { createAttestedKms } from '@quorate/enclave/platform/attested-kms'
import { openEnvelope } from '@quorate/enclave/platform/cms-envelope'
import { createNsm, type Nsm } from '@quorate/enclave/platform/nsm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sealToRecipient } from '../src/kms/cms-writer.ts'
import { arnOf, developmentKeyId } from '../src/kms/key-store.ts'
import { startKms, type RunningKms } from '../src/kms/server.ts'
import { loadOrCreateChain, type DevelopmentChain } from '../src/nsm/development-root.ts'
import { createModule } from '../src/nsm/hypervisor.ts'
import { loadOrCreateTls, type TlsMaterial } from '../src/nsm/tls.ts'
import { clientOf as clientAt } from './support/kms-client.ts'

const otherKeyId = '00000000-0000-4000-8000-000000000002'
const pcr = (byte: number) => new Uint8Array(48).fill(byte)
const image = (byte: number) => new Map([0, 1, 2, 3, 4].map((index) => [index, pcr(byte)]))
const context = { 'quorate:purpose': 'root', 'quorate:enclave': 'e1' }
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

let folder: string
let chain: DevelopmentChain
let kms: RunningKms
let tls: TlsMaterial

const policy = () => ({ roots: [chain.rootPem], measurements: [{ '0': hex(pcr(1)), '3': hex(pcr(1)) }] })
const start = (more: object = {}) =>
  startKms({
    port: 0,
    tls: tls.server,
    folder: join(folder, 'kms'),
    policy: policy(),
    keyIds: [developmentKeyId, otherKeyId],
    ...more,
  })

const nsmOf = (pcrs: Map<number, Uint8Array>, from = chain, now = Date.now): Nsm => {
  const module = createModule({ chain: from, pcrs, moduleId: 'i-0-enc1', now })
  return createNsm((request) => Promise.resolve(module(request)))
}
const clientOf = (port = kms.port) => clientAt({ port, authority: tls.authority })
const attested = (nsm = nsmOf(image(1)), keyArn = kms.keyArn, port = kms.port) =>
  createAttestedKms({ nsm, client: clientOf(port), keyArn })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kms-'))
  chain = await loadOrCreateChain(join(folder, 'nsm'))
  tls = await loadOrCreateTls(join(folder, 'kms'))
  kms = await start()
})

afterAll(async () => {
  await kms.close()
  await rm(folder, { recursive: true })
})

describe('an attested enclave', () => {
  it('gets a data key on its first boot, and the same one back on the next', async () => {
    const first = await attested().generateDataKey(context)
    expect(first.plaintext).toHaveLength(32)
    expect(first.keyId).toBe(kms.keyArn)
    await expect(attested().decrypt(first.ciphertext, context)).resolves.toEqual({
      plaintext: first.plaintext,
      keyId: kms.keyArn,
    })
    const second = await attested().generateDataKey(context)
    expect(hex(second.plaintext)).not.toBe(hex(first.plaintext))
  })

  it('gets it back after KMS itself was restarted, its keys readable by their owner alone', async () => {
    const { plaintext, ciphertext } = await attested().generateDataKey(context)
    await kms.close()
    kms = await start()
    await expect(attested().decrypt(ciphertext, context)).resolves.toMatchObject({ plaintext })
    expect((await stat(join(folder, 'kms', `${developmentKeyId}.key`))).mode & 0o777).toBe(0o600)
  })

  it('gets randomness of KMS, of any length, another one each time', async () => {
    const [once, again] = [await attested().random(32), await attested().random(32)]
    expect([once.length, again.length, (await attested().random(1024)).length]).toEqual([32, 32, 1024])
    expect(hex(once)).not.toBe(hex(again))
  })

  it('may name its context in any order', async () => {
    const { plaintext, ciphertext } = await attested().generateDataKey(context)
    const reversed = Object.fromEntries(Object.entries(context).reverse())
    await expect(attested().decrypt(ciphertext, reversed)).resolves.toMatchObject({ plaintext })
  })

  it.each<[string, (ciphertext: Uint8Array) => Promise<unknown>]>([
    ['another image', (blob) => attested(nsmOf(image(2))).decrypt(blob, context)],
    [
      'an image in debug mode',
      (blob) =>
        attested(
          nsmOf(
            new Map([
              [3, pcr(1)],
              [4, pcr(1)],
            ]),
          ),
        ).decrypt(blob, context),
    ],
    [
      'another role in the same image',
      (blob) => attested(nsmOf(new Map([...image(1), [3, pcr(2)]]))).decrypt(blob, context),
    ],
    [
      'a document older than five minutes',
      (blob) => attested(nsmOf(image(1), chain, () => Date.now() - 301_000)).decrypt(blob, context),
    ],
    [
      'another root',
      async (blob) =>
        attested(nsmOf(image(1), await loadOrCreateChain(join(folder, 'stranger')))).decrypt(blob, context),
    ],
    ['another context', (blob) => attested().decrypt(blob, { ...context, 'quorate:enclave': 'e2' })],
    ['no context', (blob) => attested().decrypt(blob, {})],
    ['another key', (blob) => attested(nsmOf(image(1)), arnOf(otherKeyId)).decrypt(blob, context)],
    [
      'a key that does not exist',
      (blob) => attested(nsmOf(image(1)), arnOf(developmentKeyId.replace(/1$/, '9'))).decrypt(blob, context),
    ],
    ['a flipped ciphertext', (blob) => attested().decrypt(blob.with(blob.length - 1, blob.at(-1)! ^ 1), context)],
    [
      'another key named in the ciphertext',
      (blob) => attested(nsmOf(image(1)), arnOf(otherKeyId)).decrypt(blob.with(77, 0x32), context),
    ],
    ['an empty ciphertext', (blob) => attested().decrypt(blob.subarray(0, 0), context)],
    ['a truncated ciphertext', (blob) => attested().decrypt(blob.subarray(0, 40), context)],
  ])('is refused with %s', async (_, decrypt) => {
    const { ciphertext } = await attested().generateDataKey(context)
    await expect(decrypt(ciphertext)).rejects.toMatchObject({ code: 'kms.denied' })
  })
})

describe('the stand-in speaks to the AWS SDK as KMS does', () => {
  const recipientOf = async (nsm = nsmOf(image(1))) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
    const document = await nsm.attest({ publicKey: spki, userData: null, nonce: null })
    return {
      privateKey,
      Recipient: { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const, AttestationDocument: document },
    }
  }
  const KeyId = arnOf(developmentKeyId)

  it('leaves the plaintext out when a recipient is named', async () => {
    const { Recipient, privateKey } = await recipientOf()
    const reply = await clientOf().send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', Recipient }))
    expect(reply.Plaintext).toBeUndefined()
    expect(openEnvelope(reply.CiphertextForRecipient!, privateKey)).toHaveLength(32)
    const random = await clientOf().send(new GenerateRandomCommand({ NumberOfBytes: 77, Recipient }))
    expect(random.Plaintext).toBeUndefined()
    expect(openEnvelope(random.CiphertextForRecipient!, privateKey)).toHaveLength(77)
  })

  it('denies access without a recipient', async () => {
    const denied = { name: 'AccessDeniedException', $fault: 'client' }
    const client = clientOf()
    await expect(client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))).rejects.toMatchObject(denied)
    await expect(client.send(new DecryptCommand({ KeyId, CiphertextBlob: new Uint8Array(99) }))).rejects.toMatchObject(
      denied,
    )
    await expect(client.send(new GenerateRandomCommand({ NumberOfBytes: 1 }))).rejects.toMatchObject(denied)
  })

  it('denies access to a document without an RSA key in it', async () => {
    for (const publicKey of [null, Uint8Array.of(1, 2, 3)]) {
      const AttestationDocument = await nsmOf(image(1)).attest({ publicKey, userData: null, nonce: null })
      const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const, AttestationDocument }
      const command = new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', Recipient })
      await expect(clientOf().send(command)).rejects.toMatchObject({ name: 'AccessDeniedException' })
    }
  })

  it('names its errors as KMS names them', async () => {
    const { Recipient } = await recipientOf()
    const client = clientOf()
    const { CiphertextBlob } = await client.send(
      new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext: context, Recipient }),
    )
    const decrypt = (input: object) =>
      client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context, Recipient, ...input }))
    await expect(decrypt({})).resolves.toMatchObject({ KeyId })
    await expect(decrypt({ KeyId: otherKeyId })).rejects.toMatchObject({ name: 'IncorrectKeyException' })
    await expect(decrypt({ EncryptionContext: {} })).rejects.toMatchObject({ name: 'InvalidCiphertextException' })
    await expect(decrypt({ KeyId: 'nothing' })).rejects.toMatchObject({ name: 'NotFoundException' })
    await expect(client.send(new DescribeKeyCommand({ KeyId: developmentKeyId }))).resolves.toMatchObject({
      KeyMetadata: { Arn: KeyId, Enabled: true },
    })
  })

  it('refuses bodies that are too large, no JSON, or for nothing that it knows', async () => {
    const post = async (target: string, body: string) => {
      const options = { method: 'POST', ca: tls.authority, headers: { 'x-amz-target': target } }
      const [response] = (await once(request(kms.url, options).end(body), 'response')) as [IncomingMessage]
      return ((await json(response)) as { __type: string }).__type
    }
    expect(await post('TrentService.Decrypt', '{')).toBe('ValidationException')
    expect(await post('TrentService.Decrypt', JSON.stringify({ CiphertextBlob: 'A'.repeat(70_000) }))).toBe(
      'ValidationException',
    )
    expect(await post('TrentService.ScheduleKeyDeletion', '{}')).toBe('UnknownOperationException')
    expect(await post('TrentService.constructor', '{}')).toBe('UnknownOperationException')
  })

  it('writes envelopes in the shape of the genuine one, octet by octet where nothing is secret', async () => {
    const { readFile } = await import('node:fs/promises')
    const vector = new URL('../../../shared/test/vectors/kms-cms/edgebit_ciphertext_for_recipient.ber', import.meta.url)
    const genuine = new Uint8Array(await readFile(vector))
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const ours = sealToRecipient(randomBytes(32), publicKey)
    const fixed = (envelope: Uint8Array) =>
      [
        [0, 33],
        [65, 131],
        [387, 415],
        [431, 435],
        [483, 493],
      ].map(([from, to]) => hex(envelope.subarray(from, to)))
    expect(ours).toHaveLength(genuine.length)
    expect(fixed(ours)).toEqual(fixed(genuine))
  })
})

describe('an enclave does not take what a proxy makes up', () => {
  /** A KMS that answers every call with this. */
  const answering = async (status: number, body: object, use: (port: number) => Promise<void>) => {
    let asked = 0
    const server = createServer(tls.server, (request, response) => {
      asked++
      request
        .resume()
        .on('end', () =>
          response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body)),
        )
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    await use((server.address() as AddressInfo).port)
    server.closeAllConnections()
    server.close()
    return asked
  }
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  const { publicKey: strangerKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

  it.each([
    [
      'another key’s answer',
      { KeyId: arnOf(otherKeyId), CiphertextForRecipient: base64(sealToRecipient(randomBytes(32), strangerKey)) },
    ],
    [
      'an envelope to another recipient',
      { KeyId: arnOf(developmentKeyId), CiphertextForRecipient: base64(sealToRecipient(randomBytes(32), strangerKey)) },
    ],
    [
      'a plaintext',
      { KeyId: arnOf(developmentKeyId), Plaintext: base64(randomBytes(32)), CiphertextForRecipient: 'AAAA' },
    ],
    ['no envelope', { KeyId: arnOf(developmentKeyId) }],
    ['nothing', {}],
  ])('such as %s', async (_, body) => {
    await answering(200, { CiphertextBlob: 'AAAA', ...body }, async (port) => {
      const enclave = attested(nsmOf(image(1)), arnOf(developmentKeyId), port)
      await expect(enclave.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.invalid' })
      await expect(enclave.decrypt(Uint8Array.of(1), context)).rejects.toMatchObject({ code: 'kms.invalid' })
    })
  })

  it('and asks three times, no more, when KMS throttles or fails', async () => {
    for (const [status, type] of [
      [400, 'ThrottlingException'],
      [500, 'KMSInternalException'],
    ] as const) {
      const asked = await answering(status, { __type: type }, async (port) => {
        const enclave = attested(nsmOf(image(1)), arnOf(developmentKeyId), port)
        await expect(enclave.decrypt(Uint8Array.of(1), context)).rejects.toMatchObject({ code: 'kms.unavailable' })
      })
      expect(asked, type).toBe(3)
    }
  })

  it('and says that KMS is away when nobody answers', async () => {
    await expect(attested(nsmOf(image(1)), kms.keyArn, 9).generateDataKey(context)).rejects.toMatchObject({
      code: 'kms.unavailable',
    })
  })
})

describe('the stand-in as a process', () => {
  it('says where it listens, serves, and ends cleanly', async () => {
    const config = { port: 0, folder: join(folder, 'process'), policy: policy() }
    const main = new URL('../src/kms/main.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--conditions=source', main, JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { ready, keyArn, authority } = JSON.parse(line.toString()) as {
      ready: string
      keyArn: string
      authority: string
    }
    const client = clientAt({ port: Number(new URL(ready).port), authority })
    await expect(
      createAttestedKms({ nsm: nsmOf(image(1)), client, keyArn }).generateDataKey(context),
    ).resolves.toMatchObject({
      keyId: keyArn,
    })
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
})
