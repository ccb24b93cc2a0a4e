import { loadCryptoki } from '@quorate/enclave/platform/sealing/cryptoki'
import { gcmMechanism, labelOf } from '@quorate/enclave/platform/sealing/cryptoki-structures'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkSealing, context, type Bench } from './contract.ts'
import { openMeasured } from './parts.ts'
import { startParent, type Service } from './service.ts'
import { makeKey, makeTokens, pin, removeKey, softHsm } from './soft-hsm.ts'

const pinPath = '/quorate/hsm-pin'
const token = 'quorate'

if (softHsm === undefined)
  process.stderr.write('SKIPPED: libsofthsm2.so is not installed, so PKCS #11 is not tried (apt install softhsm2)\n')

describe.skipIf(softHsm === undefined)('PKCS #11 with SoftHSM', () => {
  let tokens: ReturnType<typeof makeTokens>
  let parents: { good: Service; wrong: Service; empty: Service }
  beforeAll(async () => {
    tokens = makeTokens([token, 'another'])
    makeKey({ token, label: 'other' })
    const parentOf = (said: string) => startParent(new Map([[pinPath, said]]))
    parents = { good: await parentOf(`${pin}\n`), wrong: await parentOf('not-the-pin'), empty: await parentOf('') }
  })
  afterAll(async () => {
    for (const one of Object.values(parents)) await one.close()
    tokens.close()
  })

  const open = (key: string, { port = parents.good.port, at = token } = {}) =>
    openMeasured(
      { provider: 'aws-cloudhsm', library: softHsm!, token: at, key, mechanism: 'aes-gcm', credentialsPort: port },
      9,
    )

  checkSealing('as every provider', () => {
    makeKey({ token, label: 'root' })
    const bench: Bench = {
      open: () => open('root'),
      openOther: () => open('other'),
      openStranger: () => open('root', { port: parents.wrong.port }),
      openLost: () => open('root', { at: 'no such token' }),
      disable: () => {
        removeKey(token, 'root')
        return 'kms.denied'
      },
      close: () => Promise.resolve(),
    }
    return Promise.resolve(bench)
  })

  it.each<[string, Parameters<typeof makeKey>[0]]>([
    ['could leave the HSM', { token, label: 'extractable', extractable: true }],
    ['can be read', { token, label: 'readable', sensitive: false }],
    ['has 128 bits', { token, label: 'short', length: 16 }],
  ])('uses no key that %s', async (_, form) => {
    makeKey(form)
    await expect(open(form.label).kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.invalid' })
  })

  it('uses none of two keys of one label', async () => {
    makeKey({ token, label: 'twice' })
    await expect(open('twice').kms.generateDataKey(context)).resolves.toBeDefined()
    makeKey({ token, label: 'twice' })
    await expect(open('twice').kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.invalid' })
  })

  it('finds no key of another token', async () => {
    makeKey({ token: 'another', label: 'elsewhere' })
    await expect(open('elsewhere').kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.denied' })
    await expect(open('elsewhere', { at: 'another' }).kms.generateDataKey(context)).resolves.toBeDefined()
  })

  it('asks the HSM nothing before the host has given a PIN', async () => {
    const empty = open('other', { port: parents.empty.port })
    await expect(empty.kms.generateDataKey(context)).rejects.toMatchObject({ code: 'kms.unavailable' })
  })

  it('wraps in the form of NIST SP 800-38D, under a vector of its own each time', async () => {
    const { kms } = open('other')
    const blobs = [await kms.generateDataKey(context), await kms.generateDataKey(context)]
    expect(blobs.map(({ ciphertext }) => ciphertext.length)).toEqual([60, 60])
    expect(blobs[0]?.keyId).toBe('pkcs11:token=quorate;object=other;type=secret-key')
    const [first, second] = blobs.map(({ ciphertext }) => Buffer.from(ciphertext.subarray(0, 12)).toString('hex'))
    expect(first).not.toBe(second)
  })

  it('does not start with a module that is not in the image', () => {
    const [library, mechanism] = ['/opt/cloudhsm/lib/libcloudhsm_pkcs11.so', 'cloudhsm-aes-gcm'] as const
    const configuration = {
      provider: 'aws-cloudhsm',
      library,
      token,
      key: 'root',
      mechanism,
      credentialsPort: 1,
    } as const
    expect(() => openMeasured(configuration, 9)).toThrow()
  })

  it('says that the host’s PIN alone releases the key', () => {
    expect(open('other').claims).toEqual({
      ...{ provider: 'aws-cloudhsm', releasesTo: 'holder-of-credentials', keyAttestation: 'none' },
    })
  })

  it('asks CloudHSM for a vector of its own, by its mechanism and no vector', () => {
    const { addressOf } = loadCryptoki(softHsm!)
    const aad = Uint8Array.of(1, 2, 3)
    const { bytes, kept } = gcmMechanism(addressOf, 'cloudhsm-aes-gcm', null, aad)
    const parameters = kept.at(-1)!
    expect([...new BigUint64Array(bytes.buffer)]).toEqual([0x80001087n, addressOf(parameters), 48n])
    expect([...new BigUint64Array(parameters.buffer)]).toEqual([0n, 0n, 0n, addressOf(aad), 3n, 128n])
  })
})

describe('the label of a token', () => {
  it('ends before its blanks', () => {
    expect(labelOf(Uint8Array.from(Buffer.from('hsm1'.padEnd(32) + 'AWS')))).toBe('hsm1')
  })
})
