import type { PinnedHsm } from '@quorate/enclave/platform/sealing/cavium-statement'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyOf, makeVersion } from '../../src/google-kms/key-ring.ts'
import { createGoogleKms } from '../../src/google-kms/listener.ts'
import { checkSealing, context, type Bench } from './contract.ts'
import { attestationOf, makePair, pairs, pinnedTo, signStatement } from './hsm-chains.ts'
import { openMeasured } from './parts.ts'
import { answering, authorityPem, startParent, startService, type Service } from './service.ts'

const endpointName = 'cloudkms.googleapis.com'
const ring = 'projects/quorate/locations/europe-west3/keyRings/fleet'
const keyVersion = `${ring}/cryptoKeys/root/cryptoKeyVersions/1`
const nextVersion = `${ring}/cryptoKeys/root/cryptoKeyVersions/2`
const otherVersion = `${ring}/cryptoKeys/other/cryptoKeyVersions/1`
const tokenPath = '/computeMetadata/v1/instance/service-accounts/default/token'
const tokenOf = (token: string) => JSON.stringify({ access_token: token, expires_in: 3599, token_type: 'Bearer' })

const parentOf = (token: string) => startParent(new Map([[tokenPath, token]]))

async function startGoogle(hsm: PinnedHsm | null = null) {
  const held = new Map([keyVersion, nextVersion, otherVersion].map((name) => [name, makeVersion(name)]))
  const tokens = new Map([['good', 'use'] as const, ['poor', 'nothing'] as const])
  const service = await startService(endpointName, createGoogleKms({ ring: held, tokens }))
  const parents = [await parentOf(tokenOf('good')), await parentOf(tokenOf('poor'))] as const
  const open = (version = keyVersion, credentialsPort = parents[0].port, port = service.port) =>
    openMeasured(
      {
        provider: 'google',
        endpoint: `https://${endpointName}`,
        keyVersion: version,
        hsm,
        authorities: [authorityPem],
        credentialsPort,
      },
      port,
    )
  const close = async () => {
    for (const one of [service, ...parents]) await one.close()
  }
  return { held, service, parents, open, close }
}

checkSealing('Google Cloud KMS, by the stub of its REST wire', async (): Promise<Bench> => {
  const { held, parents, open, close } = await startGoogle()
  return {
    open,
    close,
    openOther: () => open(otherVersion),
    openStranger: () => open(keyVersion, parents[1].port),
    openLost: () => open(keyVersion, parents[0].port, 9),
    disable: () => {
      held.get(keyVersion)!.state = 'DISABLED'
      return 'kms.disabled'
    },
  }
})

describe('an enclave does not take from Google’s endpoint', () => {
  let google: Awaited<ReturnType<typeof startGoogle>>
  let service: Service
  let genuine: Record<string, unknown>
  beforeAll(async () => {
    google = await startGoogle()
    service = google.service
  })
  afterAll(() => google.close())

  /** A genuine answer for this associated data, which the cases below change. */
  async function ask(path: string, body: object): Promise<Record<string, unknown>> {
    const reply = { statusCode: 0, text: '' }
    const { request } = await import('node:https')
    await new Promise<void>((resolve, reject) => {
      const options = { port: service.port, host: '127.0.0.1', path, method: 'POST', ca: authorityPem }
      request({ ...options, servername: endpointName, headers: { authorization: 'Bearer good' } }, (response) => {
        response.on('data', (chunk: Buffer) => (reply.text += chunk.toString())).on('end', resolve)
      })
        .on('error', reject)
        .end(JSON.stringify(body))
    })
    return JSON.parse(reply.text) as Record<string, unknown>
  }

  it.each<[string, object]>([
    ['another version’s answer', { name: otherVersion }],
    ['a checksum that does not fit', { ciphertextCrc32c: '1' }],
    ['a plaintext whose checksum was not compared', { verifiedPlaintextCrc32c: undefined }],
    ['associated data whose checksum was not compared', { verifiedAdditionalAuthenticatedDataCrc32c: false }],
    ['a key that lives in software', { protectionLevel: 'SOFTWARE' }],
    ['an answer without a ciphertext', { ciphertext: undefined }],
  ])('%s', async (_, change) => {
    const body = { plaintext: 'AAAA', plaintextCrc32c: '2065535009', additionalAuthenticatedDataCrc32c: '0' }
    genuine = await ask(`/v1/${keyVersion}:encrypt`, { ...body, plaintextCrc32c: undefined })
    const whole = { verifiedPlaintextCrc32c: true, verifiedAdditionalAuthenticatedDataCrc32c: true }
    service.faults.push(answering(200, { ...genuine, ...whole, ...change }))
    await expect(google.open().kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.invalid' })
    // The same answer unchanged is taken: what is refused above is the change.
    service.faults.push(answering(200, { ...genuine, ...whole }))
    await expect(google.open().kms.generateDataKey(context)).resolves.toMatchObject({ keyId: keyVersion })
  })

  it('what another version of the same key has sealed', async () => {
    const { ciphertext } = await google.open(nextVersion).kms.generateDataKey(context)
    await expect(google.open().kms.decrypt(ciphertext, context)).rejects.toMatchObject({ code: 'kms.denied' })
    await expect(google.open(nextVersion).kms.decrypt(ciphertext, context)).resolves.toBeDefined()
  })

  it('a plaintext that its checksum does not fit, or of another length', async () => {
    const { kms } = google.open()
    const { ciphertext } = await kms.generateDataKey(context)
    const fixed = { usedPrimary: true, protectionLevel: 'HSM' }
    for (const answer of [
      { plaintext: Buffer.alloc(32).toString('base64'), plaintextCrc32c: '1' },
      // 9 bytes with the published check value of CRC-32C.
      { plaintext: Buffer.from('123456789').toString('base64'), plaintextCrc32c: String(0xe3069283) },
    ]) {
      service.faults.push(answering(200, { ...answer, ...fixed }))
      await expect(kms.decrypt(ciphertext, context)).rejects.toMatchObject({ code: 'kms.invalid' })
    }
  })

  it('anything without a token in its form from the host', async () => {
    for (const token of ['', 'good', JSON.stringify({ access_token: 'a\r\nb', token_type: 'Bearer' })]) {
      const parent = await parentOf(token)
      const { kms } = google.open(keyVersion, parent.port)
      await expect(kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.unavailable' })
      expect(parent.asked()).toBe(1)
      await parent.close()
    }
  })

  it('and says that the host’s credentials alone release the key', () => {
    expect(google.open().claims).toEqual({
      provider: 'google',
      releasesTo: 'holder-of-credentials',
      keyAttestation: 'not-verified',
    })
    expect(keyOf(keyVersion)).toBe(`${ring}/cryptoKeys/root`)
  })
})

describe('a key whose attestation is pinned', () => {
  const content = signStatement(pairs.partition.privateKey)
  let google: Awaited<ReturnType<typeof startGoogle>>
  beforeAll(async () => {
    google = await startGoogle(pinnedTo(content))
  })
  afterAll(() => google.close())

  it('is used once its HSM has proved itself, which is asked once', async () => {
    google.held.get(keyVersion)!.attestation = attestationOf(content)
    const { kms, claims } = google.open()
    expect(claims.keyAttestation).toBe('cavium-v2')
    const { ciphertext } = await kms.generateDataKey(context)
    expect(google.service.asked()).toBe(2)
    await kms.decrypt(ciphertext, context)
    expect(google.service.asked()).toBe(3)
  })

  it.each<[string, object | null]>([
    ['none', null],
    ['one of another key', attestationOf(signStatement(pairs.partition.privateKey, Buffer.from('another key')))],
    ['one that a stranger signed', attestationOf(signStatement(makePair().privateKey))],
    ['one in another format', { ...attestationOf(content), format: 'CAVIUM_V1_COMPRESSED' }],
  ])('is not used, for sealing or opening, when its version has %s', async (_, attestation) => {
    const version = google.held.get(keyVersion)!
    version.attestation = attestationOf(content)
    const { ciphertext } = await google.open().kms.generateDataKey(context)
    version.attestation = attestation
    const { kms } = google.open()
    await expect(kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.invalid' })
    await expect(kms.decrypt(ciphertext, context)).rejects.toMatchObject({ code: 'kms.invalid' })
  })

  it.each<[string, object, string]>([
    ['is the description of another version', { name: nextVersion }, 'kms.invalid'],
    ['says that the version is switched off', { state: 'DISABLED' }, 'kms.disabled'],
    ['says that the version is of another kind', { algorithm: 'HMAC_SHA256' }, 'kms.invalid'],
  ])('is not used when what comes %s', async (_, change, code) => {
    const attestation = attestationOf(content)
    const described = { name: keyVersion, state: 'ENABLED', protectionLevel: 'HSM', attestation }
    google.service.faults.push(answering(200, { ...described, algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION', ...change }))
    await expect(google.open().kms.generateDataKey(context)).rejects.toMatchObject({ code })
  })
})
