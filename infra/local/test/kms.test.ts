import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { DecryptCommand, DescribeKeyCommand, GenerateDataKeyCommand, GenerateRandomCommand } from '@aws-sdk/client-kms'
import { createAttestedKms } from '@quorate/enclave/platform/attested-kms'
import { openEnvelope } from '@quorate/enclave/platform/cms-envelope'
import type { SealingKms } from '@quorate/enclave/platform/kms'
import { makeKeyPolicy } from '@quorate/aws/key-policy/key-policy'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { developmentPrincipals } from '../src/kms/development-policy.ts'
import { sealToRecipient } from '../src/kms/cms-writer.ts'
import { arnOf, developmentKeyId } from '../src/kms/key-store.ts'
import { loadOrCreateChain } from '../src/nsm/development-root.ts'
import { clientOf } from './support/kms-client.ts'
import { context, image, keyArn, KmsDesk, otherKeyId, pcrsOf, policy, recipientOf } from './support/kms-desk.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
let desk: KmsDesk
beforeAll(async () => {
  desk = await KmsDesk.open()
})
afterAll(() => desk.close())

describe('an attested enclave', () => {
  it('gets a data key on its first boot, and the same one back on the next', async () => {
    const first = await desk.attested().generateDataKey(context)
    expect(first.plaintext).toHaveLength(32)
    expect(first.keyId).toBe(keyArn)
    const { plaintext, keyId } = await desk.attested().decrypt(first.ciphertext, context)
    expect([plaintext, keyId]).toEqual([first.plaintext, keyArn])
    const second = await desk.attested().generateDataKey(context)
    expect(hex(second.plaintext)).not.toBe(hex(first.plaintext))
  })

  it('gets it back after KMS itself was restarted, its keys readable by their owner alone', async () => {
    const { plaintext, ciphertext } = await desk.attested().generateDataKey(context)
    await desk.restart()
    await expect(desk.attested().decrypt(ciphertext, context)).resolves.toMatchObject({ plaintext })
    expect((await stat(join(desk.folder, 'kms', `${developmentKeyId}.key`))).mode & 0o777).toBe(0o600)
  })

  it('gets randomness of KMS, of any length, another one each time', async () => {
    const [first, second] = [await desk.attested().random(32), await desk.attested().random(32)]
    expect([first.length, second.length, (await desk.attested().random(1024)).length]).toEqual([32, 32, 1024])
    expect(hex(first)).not.toBe(hex(second))
  })

  it('may name its context in any order', async () => {
    const { plaintext, ciphertext } = await desk.attested().generateDataKey(context)
    const reversed = Object.fromEntries(Object.entries(context).reverse())
    await expect(desk.attested().decrypt(ciphertext, reversed)).resolves.toMatchObject({ plaintext })
  })

  it('of an image that a rolling upgrade leaves is served until its day, and not from then on', async () => {
    const until = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10)
    const day = Date.parse(`${until}T00:00:00Z`)
    const images = [
      { pcrs: pcrsOf(image(2)), until: null },
      { pcrs: pcrsOf(image(1)), until },
    ]
    const { administrator, local } = developmentPrincipals
    const roles = {
      account: '000000000000',
      administrators: [administrator],
      enclaveRoles: [local],
      enclaveIds: ['e1'],
    }
    const keys = [{ keyId: developmentKeyId, policy: makeKeyPolicy({ ...roles, images, now: day - 1 }) }] as const
    const askAt = async (now: number, byte: number) => {
      await desk.restart({ keys, now: () => now })
      return desk.attested({ nsm: desk.nsm(image(byte), desk.chain, () => now) }).generateDataKey(context)
    }
    await expect(askAt(day - 1, 1)).resolves.toMatchObject({ keyId: keyArn })
    await expect(askAt(day, 1)).rejects.toMatchObject({ code: 'kms.denied' })
    await expect(askAt(day, 2)).resolves.toMatchObject({ keyId: keyArn })
    await desk.restart()
  })

  const of = (byte: number, now = Date.now) => desk.attested({ nsm: desk.nsm(image(byte), desk.chain, now) })
  const stranger = async () =>
    desk.attested({ nsm: desk.nsm(image(1), await loadOrCreateChain(join(desk.folder, 'stranger'))) })
  const unknownKey = arnOf(developmentKeyId.replace(/1$/, '9'))

  it.each<[string, (blob: Uint8Array, enclave: SealingKms) => Promise<unknown>]>([
    ['another image', (blob) => of(2).decrypt(blob, context)],
    ['an image in debug mode', (blob) => of(0).decrypt(blob, context)],
    ['a document older than five minutes', (blob) => of(1, () => Date.now() - 301_000).decrypt(blob, context)],
    ['another root', async (blob) => (await stranger()).decrypt(blob, context)],
    ['the context of another', (blob, enclave) => enclave.decrypt(blob, { ...context, 'quorate:enclave': 'e2' })],
    ['a context outside the policy', (blob, enclave) => enclave.decrypt(blob, { ...context, more: '1' })],
    ['no context', (blob, enclave) => enclave.decrypt(blob, {})],
    ['another key', (blob) => desk.attested({ arn: arnOf(otherKeyId) }).decrypt(blob, context)],
    ['a key that does not exist', (blob) => desk.attested({ arn: unknownKey }).decrypt(blob, context)],
    ['a flipped ciphertext', (blob, enclave) => enclave.decrypt(blob.with(-1, blob.at(-1)! ^ 1), context)],
    [
      'another key named in the ciphertext',
      (blob) => desk.attested({ arn: arnOf(otherKeyId) }).decrypt(blob.with(77, 0x32), context),
    ],
    ['a ciphertext of another version', (blob, enclave) => enclave.decrypt(blob.with(0, 2), context)],
    ['an empty ciphertext', (blob, enclave) => enclave.decrypt(blob.subarray(0, 0), context)],
    ['a truncated ciphertext', (blob, enclave) => enclave.decrypt(blob.subarray(0, 40), context)],
    ['an older ciphertext, cut by one byte', (blob, enclave) => enclave.decrypt(blob.subarray(0, -1), context)],
  ])('is refused with %s', async (_, decrypt) => {
    const { ciphertext } = await desk.attested().generateDataKey(context)
    await expect(decrypt(ciphertext, desk.attested())).rejects.toMatchObject({ code: 'kms.denied' })
  })
})

describe('the stand-in speaks to the AWS SDK as KMS does', () => {
  const KeyId = keyArn
  const dataKey = (more: object) =>
    new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext: context, ...more })

  it('leaves the plaintext out when a recipient is named', async () => {
    const { recipient: Recipient, privateKey } = await recipientOf(desk.nsm(image(1)))
    const reply = await desk.client().send(dataKey({ Recipient }))
    expect(reply.Plaintext).toBeUndefined()
    expect(openEnvelope(reply.CiphertextForRecipient!, privateKey)).toHaveLength(32)
    const random = await desk.client().send(new GenerateRandomCommand({ NumberOfBytes: 77, Recipient }))
    expect(random.Plaintext).toBeUndefined()
    expect(openEnvelope(random.CiphertextForRecipient!, privateKey)).toHaveLength(77)
  })

  it('denies access without a recipient, and gives randomness openly to who asks openly', async () => {
    const client = desk.client()
    const denied = { name: 'AccessDeniedException', $fault: 'client' }
    await expect(client.send(dataKey({}))).rejects.toMatchObject(denied)
    const { ciphertext: CiphertextBlob } = await desk.attested().generateDataKey(context)
    const decrypt = new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext: context })
    await expect(client.send(decrypt)).rejects.toMatchObject(denied)
    expect((await client.send(new GenerateRandomCommand({ NumberOfBytes: 5 }))).Plaintext).toHaveLength(5)
  })

  it('takes no document without an RSA key in it', async () => {
    for (const publicKey of [null, Uint8Array.of(1, 2, 3)]) {
      const AttestationDocument = await desk.nsm(image(1)).attest({ publicKey, userData: null, nonce: null })
      const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const, AttestationDocument }
      await expect(desk.client().send(dataKey({ Recipient }))).rejects.toMatchObject({ name: 'ValidationException' })
    }
  })

  it('names its errors as KMS names them', async () => {
    const { recipient: Recipient } = await recipientOf(desk.nsm(image(1)))
    const client = desk.client()
    const { CiphertextBlob } = await client.send(dataKey({ Recipient }))
    const decrypt = (input: object) =>
      client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: context, Recipient, ...input }))
    await expect(decrypt({})).resolves.toMatchObject({ KeyId })
    await expect(decrypt({ KeyId: otherKeyId })).rejects.toMatchObject({ name: 'IncorrectKeyException' })
    const EncryptionContext = { ...context, 'quorate:enclave': 'e2' }
    await expect(decrypt({ EncryptionContext })).rejects.toMatchObject({ name: 'InvalidCiphertextException' })
    await expect(decrypt({ KeyId: 'nothing' })).rejects.toMatchObject({ name: 'NotFoundException' })
    const { recipient: other } = await recipientOf(desk.nsm(image(2)))
    await expect(decrypt({ Recipient: other })).rejects.toMatchObject({ name: 'AccessDeniedException' })
    const { recipient: debug } = await recipientOf(desk.nsm(image(0)))
    await expect(decrypt({ Recipient: debug })).rejects.toMatchObject({ name: 'ValidationException' })
  })

  it('tells people apart by their access key, and each may what the policy says', async () => {
    const describeKey = new DescribeKeyCommand({ KeyId: developmentKeyId })
    await expect(desk.client('administrator').send(describeKey)).resolves.toMatchObject({
      KeyMetadata: { Arn: KeyId, Enabled: true, KeyState: 'Enabled' },
    })
    await expect(desk.client().send(describeKey)).rejects.toMatchObject({ name: 'AccessDeniedException' })
    const nobody = { name: 'UnrecognizedClientException' }
    await expect(desk.client('nobody').send(describeKey)).rejects.toMatchObject(nobody)
    const { recipient: Recipient } = await recipientOf(desk.nsm(image(1)))
    const denied = { name: 'AccessDeniedException' }
    await expect(desk.client('administrator').send(dataKey({ Recipient }))).rejects.toMatchObject(denied)
  })

  it('refuses bodies that are too large, no JSON, of nobody, or for nothing that it knows', async () => {
    const authorization = 'AWS4-HMAC-SHA256 Credential=local/20261121/local-1/kms/aws4_request'
    const post = async (target: string, body: string, headers: object = { authorization }) => {
      const options = { method: 'POST', ca: desk.tls.authority, headers: { 'x-amz-target': target, ...headers } }
      const [response] = (await once(request(desk.kms.url, options).end(body), 'response')) as [IncomingMessage]
      return ((await json(response)) as { __type: string }).__type
    }
    const large = JSON.stringify({ CiphertextBlob: 'A'.repeat(70_000) })
    expect(await post('TrentService.Decrypt', '{')).toBe('ValidationException')
    expect(await post('TrentService.Decrypt', large)).toBe('ValidationException')
    expect(await post('TrentService.Decrypt', '{}', {})).toBe('MissingAuthenticationTokenException')
    expect(await post('TrentService.ScheduleKeyDeletion', '{}')).toBe('UnknownOperationException')
    expect(await post('TrentService.constructor', '{}')).toBe('UnknownOperationException')
  })

  it('writes envelopes in the shape of the genuine one, octet by octet where nothing is secret', async () => {
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

describe('the stand-in as a process', () => {
  it('says where it listens, serves, and ends cleanly', async () => {
    const keys = [{ keyId: developmentKeyId, policy }]
    const config = { port: 0, folder: join(desk.folder, 'process'), roots: [desk.chain.rootPem], keys }
    const main = new URL('../src/kms/main.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--conditions=source', main, JSON.stringify(config)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const said = JSON.parse(line.toString()) as { ready: string; keyArn: string; authority: string }
    const client = clientOf({ port: Number(new URL(said.ready).port), authority: said.authority })
    const enclave = createAttestedKms({ nsm: desk.nsm(image(1)), client, keyArn: said.keyArn })
    await expect(enclave.generateDataKey(context)).resolves.toMatchObject({ keyId: said.keyArn })
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })

  it('does not start with a policy that it does not understand', async () => {
    const Statement = { ...policy.Statement[0], NotPrincipal: '*' }
    const keys = [{ keyId: developmentKeyId, policy: { ...policy, Statement } }] as const
    await expect(desk.restart({ keys })).rejects.toThrow('NotPrincipal')
    await desk.restart()
  })
})
