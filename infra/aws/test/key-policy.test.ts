import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { isAccepted } from '@quorate/shared/attestation/policy'
import { type Measurements } from '@quorate/shared/wire/measurements'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPcrs } from '../src/key-policy/image.ts'
import { formatKeyPolicy, makeKeyPolicy, type KeyPolicyRequest } from '../src/key-policy/key-policy.ts'
import { readPolicy } from '../src/policy-language/document.ts'
import { allows, type Call } from '../src/policy-language/evaluate.ts'

const roleArn = (name: string): string => `arn:aws:iam::111122223333:role/${name}`
const host = roleArn('quorate-enclave')
const administrator = roleArn('key-admin-a')
const pcr = (digit: string): string => digit.repeat(96)
const current: Measurements = { 0: pcr('a'), 1: pcr('b'), 2: pcr('c'), 8: pcr('d') }
const former: Measurements = { 0: pcr('1'), 1: pcr('b'), 2: pcr('2'), 8: pcr('d') }
const now = Date.parse('2026-11-21T00:00:00Z')

const request: KeyPolicyRequest = {
  account: '111122223333',
  administrators: [administrator, roleArn('key-admin-b')],
  enclaveRoles: [host],
  enclaveIds: ['enclave-0', 'enclave-1', 'enclave-2'],
  images: [
    { pcrs: current, until: null },
    { pcrs: former, until: '2026-12-01' },
  ],
  now,
}
const policy = makeKeyPolicy(request)
const understood = readPolicy(JSON.parse(formatKeyPolicy(policy)))

/** A call as an enclave makes it (enclave/src/platform/attested-kms.ts). */
function ask(
  pcrs: Measurements | null,
  change: Partial<Call> & { context?: Record<string, string>; at?: string } = {},
) {
  const { context = { 'quorate:purpose': 'root', 'quorate:enclave': 'enclave-1' }, at = '2026-11-25T12:00:00Z' } =
    change
  const attested = Object.entries(pcrs ?? {}).flatMap(([index, value]) => [
    [`kms:RecipientAttestation:PCR${index}`, value],
    ...(index === '0' ? [['kms:RecipientAttestation:ImageSha384', value]] : []),
  ])
  const contextKeys = Object.entries(context).map(([name, value]) => [`kms:EncryptionContext:${name}`, value])
  const keys = {
    ...(Object.fromEntries([...attested, ...contextKeys]) as Record<string, string>),
    'kms:EncryptionContextKeys': Object.keys(context),
    'aws:CurrentTime': at,
  }
  const { principal = host, action = 'kms:Decrypt' } = change
  return allows(understood, { principal, action, keys })
}

describe('the key policy', () => {
  it('gives data keys to the images that it names, and nothing else', () => {
    for (const action of ['kms:Decrypt', 'kms:GenerateDataKey']) {
      expect(ask(current, { action })).toBe(true)
      expect(ask(former, { action })).toBe(true)
    }
    for (const action of ['kms:Encrypt', 'kms:ReEncryptFrom', 'kms:CreateGrant', 'kms:GenerateDataKeyWithoutPlaintext'])
      expect(ask(current, { action }), action).toBe(false)
  })

  it.each(['0', '1', '2', '8'])('refuses an image that differs in PCR%s', (index) => {
    expect(ask({ ...current, [index]: pcr('e') })).toBe(false)
  })

  it('refuses an image without one of the registers, and a call without a document', () => {
    const { 8: signature, ...unsigned } = current
    expect(signature).toBeDefined()
    expect(ask(unsigned)).toBe(false)
    expect(ask(null)).toBe(false)
  })

  it('refuses registers of two images mixed', () => {
    expect(ask({ ...current, 2: former['2'] ?? '' })).toBe(false)
  })

  it('refuses another purpose, an enclave of another fleet, and a context with more or less in it', () => {
    const context = { 'quorate:purpose': 'root', 'quorate:enclave': 'enclave-1' }
    expect(ask(current, { context })).toBe(true)
    expect(ask(current, { context: { ...context, 'quorate:purpose': 'share' } })).toBe(false)
    expect(ask(current, { context: { ...context, 'quorate:enclave': 'enclave-9' } })).toBe(false)
    expect(ask(current, { context: { ...context, more: '1' } })).toBe(false)
    expect(ask(current, { context: { 'quorate:purpose': 'root' } })).toBe(false)
    expect(ask(current, { context: {} })).toBe(false)
  })

  it('lets an image go at the beginning of its last day, and keeps the one that stays', () => {
    expect(ask(former, { at: '2026-11-30T23:59:59Z' })).toBe(true)
    expect(ask(former, { at: '2026-12-01T00:00:00Z' })).toBe(false)
    expect(ask(current, { at: '2036-12-01T00:00:00Z' })).toBe(true)
  })

  it('lets administrators change the policy, and neither use the key nor delete it, nor let others use it', () => {
    const as = (action: string) => ask(null, { principal: administrator, action })
    expect(as('kms:PutKeyPolicy')).toBe(true)
    for (const action of ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:CreateGrant', 'kms:ScheduleKeyDeletion'])
      expect(as(action), action).toBe(false)
    expect(ask(current, { principal: administrator })).toBe(false)
  })

  it('lets hosts of enclaves change nothing', () => {
    for (const action of ['kms:PutKeyPolicy', 'kms:CreateGrant', 'kms:DisableKey', 'kms:ScheduleKeyDeletion'])
      expect(ask(current, { action }), action).toBe(false)
  })

  it('knows nobody else', () => {
    for (const action of ['kms:Decrypt', 'kms:PutKeyPolicy', 'kms:DescribeKey'])
      expect(ask(current, { principal: roleArn('somebody'), action })).toBe(false)
  })

  it('accepts exactly the documents that our verifier accepts for the same images', () => {
    const trust = { roots: ['-'], measurements: [current, former] }
    const register = fc.constantFrom(...['a', 'b', 'c', 'd', '1', '2', '0'].map(pcr))
    const fields = { 0: register, 1: register, 2: register, 8: register }
    const near = fc.tuple(fc.constantFrom(current, former), fc.record(fields, { requiredKeys: [] }))
    const anything = near.map(([image, change]): Measurements => ({ ...image, ...(change as Measurements) }))
    fc.assert(
      fc.property(anything, (pcrs) => {
        expect(ask(pcrs)).toBe(isAccepted(pcrs, trust))
      }),
    )
  })

  it('serves nobody while there is no image', () => {
    const empty = makeKeyPolicy({ ...request, images: [] })
    expect(empty.Statement.filter(({ Effect }) => Effect === 'Allow').map(({ Sid }) => Sid)).toEqual(['Administration'])
  })

  it('is the same text in whatever order it was asked for', () => {
    const turned = Object.fromEntries(
      Object.entries(request).map(([name, value]) => [name, Array.isArray(value) ? value.toReversed() : value]),
    ) as unknown as KeyPolicyRequest
    expect(formatKeyPolicy(makeKeyPolicy(turned))).toBe(formatKeyPolicy(policy))
    expect(policy.Statement.map(({ Sid }) => Sid)).toEqual([
      'Administration',
      'Image111111111111Until20261201',
      'Imageaaaaaaaaaaaa',
      'NothingWithoutAttestation',
      'NoAdministrationByEnclaveHosts',
    ])
  })
})

describe('a request for a key policy', () => {
  it('takes measurements as nitro-cli prints them', () => {
    const [PCR0, PCR1, PCR2] = [current[0]!.toUpperCase(), current[1], current[2]]
    const printed = { Measurements: { HashAlgorithm: 'Sha384 { ... }', PCR0, PCR1, PCR2 } }
    expect(readPcrs(printed)).toEqual({ 0: current[0], 1: current[1], 2: current[2] })
  })

  const refused = (change: Partial<KeyPolicyRequest>) => expect(() => makeKeyPolicy({ ...request, ...change }))

  it.each(['0', '1', '2', '8'])('is refused when PCR%s is zero', (index) => {
    refused({ images: [{ pcrs: { ...current, [index]: pcr('0') }, until: null }] }).toThrow(`PCR${index} is zero`)
  })

  it.each(['0', '1', '2'])('is refused when PCR%s is missing', (index) => {
    const pcrs = Object.fromEntries(Object.entries(current).filter(([name]) => name !== index))
    refused({ images: [{ pcrs, until: null }] }).toThrow(`PCR${index} is missing`)
  })

  it('is refused with a register that is cut, longer, no text, or one that no image determines', () => {
    for (const wrong of ['a'.repeat(94), 'a'.repeat(98), '', 7, null, 'g'.repeat(96)])
      expect(() => readPcrs({ ...current, 1: wrong })).toThrow('PCR1 is not 48 bytes')
    for (const index of ['3', '4', '00', 'PCR0'])
      expect(() => readPcrs({ ...current, [index]: pcr('a') })).toThrow('is not one of PCR')
    for (const wrong of [null, [], 'text', 1]) expect(() => readPcrs(wrong)).toThrow('pcrs.json')
  })

  it('is refused with principals that are wider than a role, or are not of the account', () => {
    const wide = ['*', 'arn:aws:iam::111122223333:role/*', 'arn:aws:iam::*:role/x', 'arn:aws:iam::111122223333:role/x?']
    for (const arn of wide) {
      refused({ administrators: [arn] }).toThrow('a wildcard names nobody')
      refused({ enclaveRoles: [arn] }).toThrow('a wildcard names nobody')
    }
    for (const arn of ['111122223333', 'arn:aws:iam::111122223333:root', 'arn:aws:iam::111122223333:user/x', ''])
      refused({ enclaveRoles: [arn] }).toThrow('not the ARN of a role')
    refused({ enclaveRoles: ['arn:aws:iam::444455556666:role/x'] }).toThrow('another account')
    refused({ account: '1234' }).toThrow('twelve digits')
    refused({ administrators: [] }).toThrow('at least one')
  })

  it('is refused when one role would have both duties', () => {
    refused({ administrators: [host] }).toThrow('must not use it')
  })

  it('is refused when no image stays, two stay, one stands twice, or an end is past or no day', () => {
    const ends = (until: string | null) => ({ pcrs: former, until })
    refused({ images: [ends('2026-12-01')] }).toThrow('exactly one stays')
    refused({ images: [{ pcrs: current, until: null }, ends(null)] }).toThrow('exactly one stays')
    refused({ images: [{ pcrs: former, until: null }, ends('2026-12-01')] }).toThrow('each PCR0 once')
    refused({ images: [{ pcrs: current, until: null }, ends('2026-11-21')] }).toThrow('past')
    refused({ images: [{ pcrs: current, until: null }, ends('2026-02-30')] }).toThrow('not a date')
  })

  it('is refused when its policy would not fit', () => {
    const enclaveRoles = Array.from({ length: 400 }, (_, index) => roleArn(`enclave-${index}-${'x'.repeat(40)}`))
    refused({ enclaveRoles }).toThrow('longer than KMS takes')
  })
})

describe('the command', () => {
  const main = resolve(import.meta.dirname, '../src/key-policy/main.ts')
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'quorate-policy-'))
    writeFileSync(join(folder, 'pcrs.json'), JSON.stringify(current))
    writeFileSync(join(folder, 'old.json'), JSON.stringify(former))
    writeFileSync(join(folder, 'debug.json'), JSON.stringify({ ...current, 0: pcr('0') }))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const fixed = ['--account', '111122223333', '--administrator', administrator, '--enclave-role', host]
  const command = (args: readonly string[]): [string, readonly string[]] => [
    process.execPath,
    ['--conditions=source', main, ...args],
  ]
  const of = (name: string) => join(folder, name)

  it('prints the policy', () => {
    const until = `${of('old.json')}@2999-01-01`
    const args = [...fixed, '--enclave', 'enclave-0', '--image', of('pcrs.json'), '--leaving', until]
    const printed = execFileSync(...command(args), { encoding: 'utf8' })
    expect(JSON.parse(printed)).toMatchObject({ Statement: { 1: { Sid: 'Image111111111111Until29990101' } } })
  })

  it('says what is wrong and prints nothing', () => {
    const run = (args: readonly string[]) =>
      spawnSync(...command([...fixed, '--enclave', 'e', ...args]), { encoding: 'utf8' })
    const debug = run(['--image', of('debug.json')])
    expect([debug.status, debug.stdout]).toEqual([1, ''])
    expect(debug.stderr).toContain('PCR0 is zero')
    expect(run([]).stderr).toContain('--no-image')
    expect(run(['--no-image']).status).toBe(0)
  })
})
