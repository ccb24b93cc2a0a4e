import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkSealing, context, type Bench } from './contract.ts'
import { createKeyVault, makeOctKey, makeRsaKey, type VaultKey } from './key-vault.ts'
import { openMeasured } from './parts.ts'
import { answering, authorityPem, startParent, startService } from './service.ts'

const vaults = {
  'RSA-OAEP-256': { host: 'quorate.vault.azure.net', resource: 'vault', make: makeRsaKey },
  A256KW: { host: 'quorate.managedhsm.azure.net', resource: 'managedhsm', make: makeOctKey },
} as const
type Algorithm = keyof typeof vaults

const tokenOf = (token: string) => JSON.stringify({ access_token: token, expires_in: '86399', token_type: 'Bearer' })

async function startAzure(algorithm: Algorithm) {
  const { host, resource, make } = vaults[algorithm]
  const keyId = `https://${host}/keys/root/${'0a'.repeat(16)}`
  const otherId = `https://${host}/keys/root/${'0b'.repeat(16)}`
  const keys: readonly [VaultKey, VaultKey] = [make(keyId), make(otherId)]
  const tokens = new Map([['good', 'use'] as const, ['poor', 'nothing'] as const])
  const service = await startService(host, createKeyVault({ keys, tokens }))
  const query = `api-version=2018-02-01&resource=${encodeURIComponent(`https://${resource}.azure.net`)}`
  const parentOf = (token: string) =>
    startParent(new Map([[`/metadata/identity/oauth2/token?${query}`, tokenOf(token)]]))
  const parents = [await parentOf('good'), await parentOf('poor'), await parentOf('unknown')] as const
  const open = (id = keyId, credentialsPort = parents[0].port, port = service.port) =>
    openMeasured({ provider: 'azure', keyId: id, algorithm, authorities: [authorityPem], credentialsPort }, port)
  const close = async () => {
    for (const one of [service, ...parents]) await one.close()
  }
  return { keyId, otherId, keys, service, parents, open, close }
}

for (const algorithm of Object.keys(vaults) as Algorithm[])
  checkSealing(`Azure with ${algorithm}, by a stub of its REST wire`, async (): Promise<Bench> => {
    const { otherId, keyId, keys, parents, open, close } = await startAzure(algorithm)
    return {
      open,
      close,
      openOther: () => open(otherId),
      openStranger: () => open(keyId, parents[1].port),
      openLost: () => open(keyId, parents[0].port, 9),
      disable: () => {
        keys[0].enabled = false
        return 'kms.disabled'
      },
      stride: 5,
    }
  })

describe('an enclave does not take from Azure’s endpoint', () => {
  let azure: Awaited<ReturnType<typeof startAzure>>
  beforeAll(async () => {
    azure = await startAzure('RSA-OAEP-256')
  })
  afterAll(() => azure.close())

  it.each<[string, (ids: { keyId: string; otherId: string }) => object]>([
    ['the answer of another version', ({ otherId }) => ({ kid: otherId, value: 'AAAA' })],
    ['an answer that names no key', () => ({ value: 'AAAA' })],
    ['an answer without a value', ({ keyId }) => ({ kid: keyId })],
    ['a value that is no base64url', ({ keyId }) => ({ kid: keyId, value: 'A+A=' })],
  ])('%s', async (_, bodyOf) => {
    azure.service.faults.push(answering(200, bodyOf(azure)))
    await expect(azure.open().kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.invalid' })
  })

  it('another secret than the one that was wrapped', async () => {
    const { kms } = azure.open()
    const { ciphertext } = await kms.generateDataKey(context)
    const other = { kid: azure.keyId, value: Buffer.alloc(32, 7).toString('base64url') }
    azure.service.faults.push(answering(200, other))
    await expect(kms.decrypt(ciphertext, context)).rejects.toMatchObject({ code: 'kms.denied' })
  })

  it('randomness of another length', async () => {
    const hsm = await startAzure('A256KW')
    for (const length of [0, 31, 33]) {
      hsm.service.faults.push(answering(200, { value: Buffer.alloc(length).toString('base64url') }))
      await expect(hsm.open().kms.random(32)).rejects.toMatchObject({ code: 'kms.invalid' })
    }
    await hsm.close()
  })

  it('a token that it does not know', async () => {
    const { kms } = azure.open(azure.keyId, azure.parents[2].port)
    await expect(kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.denied' })
  })

  it('and says that the host’s credentials alone release the key', () => {
    expect(azure.open().claims).toEqual({
      ...{ provider: 'azure', releasesTo: 'holder-of-credentials', keyAttestation: 'not-verified' },
    })
  })
})
