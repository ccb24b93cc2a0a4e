import { describe, expect, it } from 'vitest'
import { TrustPolicy } from '../src/attestation/policy.ts'
import { verifyDocument } from '../src/attestation/verify.ts'
import { base64, forgeChain } from './forge-documents.ts'
import { marlin } from './genuine-documents.ts'

const refused = { code: 'attestation.invalid' }
const other = base64((await forgeChain()).bundle[0]!.der)

// As reported in curioswitch/pyqwest#216, nsacyber/HIRS#1103 and p11-glue/p11-kit#205.
describe('a root', () => {
  const fits = (root: string) =>
    verifyDocument(marlin.document, { ...marlin.at, policy: { ...marlin.at.policy, roots: [root] } })
  const own = marlin.at.policy.roots[0]!
  const pemOf = (der: string) => `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`
  const base64Of = (pem: string) => pem.replaceAll(/-----[A-Z ]+-----|\s/g, '')
  it.each([
    ['as PEM', own],
    ['as base64', base64Of(own)],
    ['with lines of Windows', own.replaceAll('\n', '\r\n')],
    ['behind a text that tells what it is', `Subject: CN=aws.nitro-enclaves\n    Issuer: -\n${own}`],
    ['beside another in one file', `${pemOf(other)}\n${own}`],
    ['twice in one file', `${own}${own}`],
  ])('is read %s', async (_, root) => {
    await expect(fits(root)).resolves.toBeDefined()
  })

  it('in a file of several is compared whole, as one alone is', async () => {
    await expect(fits(pemOf(other))).rejects.toMatchObject(refused)
  })

  it.each([
    ['text', 'not a certificate'],
    ['half a certificate', own.slice(0, 300)],
    ['one that is damaged', own.replace('MII', 'MIJ')],
    ['a good one and a damaged one', own + own.replace('MII', 'MIJ')],
    ['a key', own.replaceAll('CERTIFICATE', 'PRIVATE KEY')],
    ['nothing', ''],
  ])('that is %s is refused by the policy, before it is blamed on an enclave', (_, root) => {
    const { error } = TrustPolicy.safeParse({ ...marlin.at.policy, roots: [root] })
    expect(error?.issues).toMatchObject([
      { path: ['roots', 0], message: expect.stringContaining('no certificate') as string },
    ])
  })
})

describe('measurements as AWS prints them', () => {
  const pcrs = { PCR0: 'AB'.repeat(48), PCR1: '12'.repeat(48), PCR2: 'cd'.repeat(48) }
  const HashAlgorithm = 'Sha384 { ... }'
  const ours = { 0: 'ab'.repeat(48), 1: '12'.repeat(48), 2: 'cd'.repeat(48) }
  const read = (set: unknown) => TrustPolicy.shape.measurements.safeParse([set])
  it.each([
    ['by build-enclave', { Measurements: { HashAlgorithm, ...pcrs } }],
    ['by describe-eif', { EifVersion: 4, Measurements: { HashAlgorithm, ...pcrs }, IsSigned: false, CheckCRC: true }],
    ['without their frame', { HashAlgorithm, ...pcrs }],
    ['without their algorithm', pcrs],
    ['in upper case', { 0: pcrs.PCR0, 1: pcrs.PCR1, 2: pcrs.PCR2 }],
  ])('%s are taken', (_, set) => {
    expect(read(set).data).toEqual([ours])
  })

  it.each([
    ['another algorithm', { HashAlgorithm: 'Sha256', ...pcrs }, 'HashAlgorithm'],
    ['a register that is too short', { ...pcrs, PCR1: 'ab' }, 'SHA-384'],
    ['a register that there is not', { ...pcrs, PCR32: pcrs.PCR0 }, '0 to 31'],
    ['a register under two names', { ...ours, PCR0: 'ef'.repeat(48) }, 'a PCR index'],
    ['no PCR0', { PCR1: pcrs.PCR1 }, 'each set names PCR0'],
    ['a text', 'PCR0', '"expected":"record"'],
  ])('of %s are refused with the reason', (_, set, why) => {
    expect(JSON.stringify(read(set).error?.issues)).toContain(why)
  })
})
