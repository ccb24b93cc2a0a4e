import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPolicy } from './document.ts'
import { allows, type Call } from './evaluate.ts'

const role = (name: string) => `arn:aws:iam::111122223333:role/${name}`
const image = 'kms:RecipientAttestation:ImageSha384'
const context = 'kms:EncryptionContext:purpose'
const contextKeys = 'kms:EncryptionContextKeys'

const statement = (more: object = {}) => ({
  Effect: 'Allow',
  Principal: { AWS: role('host') },
  Action: 'kms:Decrypt',
  Resource: '*',
  ...more,
})
const policyOf = (...statements: object[]) => readPolicy({ Version: '2012-10-17', Statement: statements })
const ask = (more: Partial<Call> = {}): Call => ({ principal: role('host'), action: 'kms:Decrypt', keys: {}, ...more })

describe('a policy', () => {
  it('allows what a statement allows, and nothing that none speaks of', () => {
    const policy = policyOf(statement())
    expect(allows(policy, ask())).toBe(true)
    expect(allows(policy, ask({ action: 'kms:Encrypt' }))).toBe(false)
    expect(allows(policy, ask({ principal: role('host2') }))).toBe(false)
    expect(allows(policy, ask({ principal: `${role('host')}/session` }))).toBe(false)
  })

  it('denies what any statement denies, wherever that stands', () => {
    const deny = statement({ Effect: 'Deny', Principal: '*', Condition: { Null: { [image]: 'true' } } })
    for (const policy of [policyOf(statement(), deny), policyOf(deny, statement())]) {
      expect(allows(policy, ask())).toBe(false)
      expect(allows(policy, ask({ keys: { [image]: 'aa' } }))).toBe(true)
    }
  })

  it.each([
    ['kms:*', 'kms:Decrypt', true],
    ['*', 'kms:Decrypt', true],
    ['kms:de?rypt', 'kms:Decrypt', true],
    ['kms:Generate*', 'kms:GenerateDataKeyPair', true],
    ['kms:GenerateDataKey', 'kms:GenerateDataKeyPair', false],
    ['kms:Decrypt?', 'kms:Decrypt', false],
  ])('takes the pattern %s for %s: %s', (pattern, action, yes) => {
    expect(allows(policyOf(statement({ Action: ['kms:TagResource', pattern] })), ask({ action }))).toBe(yes)
    const { Action, ...rest } = statement({ NotAction: pattern })
    expect(Action).toBe('kms:Decrypt')
    expect(allows(policyOf(rest), ask({ action }))).toBe(!yes)
  })
})

/** Operator, key, what the policy wants, what the call has, whether the statement applies. */
const conditions: [string, string, string | boolean | string[], string | string[] | undefined, boolean][] = [
  ['StringEquals', image, 'aa', 'aa', true],
  ['StringEquals', image, 'aa', 'AA', false],
  ['StringEquals', image, 'aa', 'aab', false],
  ['StringEquals', image, 'a*', 'aa', false],
  ['StringEquals', image, ['aa', 'bb'], 'bb', true],
  ['StringEquals', image, 'aa', undefined, false],
  ['StringEqualsIfExists', image, 'aa', undefined, true],
  ['StringEqualsIfExists', image, 'aa', 'bb', false],
  ['StringEqualsIgnoreCase', image, 'aA', 'Aa', true],
  ['StringEqualsIgnoreCase', image, 'aa', 'ab', false],
  ['StringNotEquals', image, ['aa', 'bb'], 'bb', false],
  ['StringNotEquals', image, ['aa', 'bb'], 'cc', true],
  ['StringNotEquals', image, 'aa', undefined, true],
  ['StringNotEqualsIgnoreCase', image, 'AA', 'aa', false],
  ['StringLike', context, 'ro*', 'root', true],
  ['StringLike', context, 'r??t', 'root', true],
  ['StringLike', context, 'ro.t', 'root', false],
  ['StringLike', context, 'root', 'Root', false],
  ['StringNotLike', context, 'ro*', 'root', false],
  ['Null', image, 'true', undefined, true],
  ['Null', image, true, 'aa', false],
  ['Null', image, 'False', 'aa', true],
  ['Bool', 'aws:SecureTransport', 'true', 'true', true],
  ['Bool', 'aws:SecureTransport', false, 'true', false],
  ['Bool', 'aws:SecureTransport', 'true', undefined, false],
  ['BoolIfExists', 'aws:SecureTransport', 'true', undefined, true],
  ['ArnLike', 'aws:PrincipalArn', 'arn:aws:iam::*:role/h*', role('host'), true],
  ['ArnLike', 'aws:PrincipalArn', 'arn:*', role('host'), false],
  ['ArnNotEquals', 'aws:PrincipalArn', role('host'), role('host'), false],
  ['DateLessThan', 'aws:CurrentTime', '2026-12-01T00:00:00Z', '2026-11-30T23:59:59Z', true],
  ['DateLessThan', 'aws:CurrentTime', '2026-12-01T00:00:00Z', '2026-12-01T00:00:00.000Z', false],
  ['DateGreaterThanEquals', 'aws:CurrentTime', '2026-12-01T00:00:00Z', '2026-12-01T00:00:00.000Z', true],
  ['ForAllValues:StringEquals', contextKeys, ['a', 'b'], ['b'], true],
  ['ForAllValues:StringEquals', contextKeys, ['a', 'b'], ['b', 'c'], false],
  ['ForAllValues:StringEquals', contextKeys, ['a', 'b'], undefined, true],
  ['ForAllValues:StringNotEquals', contextKeys, ['a', 'b'], ['c', 'd'], true],
  ['ForAllValues:StringNotEquals', contextKeys, ['a', 'b'], ['c', 'a'], false],
  ['ForAnyValue:StringEquals', contextKeys, ['a', 'b'], ['c', 'a'], true],
  ['ForAnyValue:StringEquals', contextKeys, ['a', 'b'], ['c'], false],
  ['ForAnyValue:StringEquals', contextKeys, ['a', 'b'], undefined, false],
  ['ForAnyValue:StringNotEquals', contextKeys, ['a'], ['a', 'c'], true],
  ['ForAnyValue:StringNotEquals', contextKeys, ['a'], undefined, false],
]

describe('a condition', () => {
  it.each(conditions)('%s of %s, wanted %j, given %j: %s', (operator, key, wanted, given, yes) => {
    const policy = policyOf(statement({ Condition: { [operator]: { [key]: wanted } } }))
    expect(allows(policy, ask({ keys: given === undefined ? {} : { [key]: given } }))).toBe(yes)
  })

  it('knows keys whatever their case, and wants all of its tests to hold', () => {
    const Condition = { StringEquals: { [image.toUpperCase()]: 'aa', [context]: 'root' }, Null: { [image]: false } }
    const policy = policyOf(statement({ Condition }))
    expect(allows(policy, ask({ keys: { [image]: 'aa', [context]: 'root' } }))).toBe(true)
    expect(allows(policy, ask({ keys: { [image]: 'aa' } }))).toBe(false)
    expect(allows(policy, ask({ keys: { [image]: 'bb', [context]: 'root' } }))).toBe(false)
  })

  it('lets in just the values that are wanted, whatever they are', () => {
    const values = fc.uniqueArray(
      fc.string().filter((text) => !text.includes('${')),
      { minLength: 1 },
    )
    fc.assert(
      fc.property(values, fc.string(), (wanted, given) => {
        const policy = policyOf(statement({ Condition: { StringEquals: { [image]: wanted } } }))
        expect(allows(policy, ask({ keys: { [image]: given } }))).toBe(wanted.includes(given))
      }),
    )
  })
})

describe('a document', () => {
  it.each<[string, object, string]>([
    ['another version of the language', { Version: '2008-10-17' }, 'Version'],
    ['a field that nobody knows', { Statements: [] }, 'Statements'],
    ['no statement', { Statement: [] }, 'Statement'],
    ['an effect in another case', { Statement: statement({ Effect: 'allow' }) }, 'Effect'],
    ['NotPrincipal', { Statement: statement({ NotPrincipal: '*' }) }, 'NotPrincipal'],
    ['a service', { Statement: statement({ Principal: { Service: 'logs.amazonaws.com' } }) }, 'Principal'],
    ['an account', { Statement: statement({ Principal: { AWS: '111122223333' } }) }, 'neither a role nor a user'],
    ['its root', { Statement: statement({ Principal: { AWS: 'arn:aws:iam::111122223333:root' } }) }, 'neither a role'],
    ['a role with a wildcard', { Statement: statement({ Principal: { AWS: role('*') } }) }, 'neither a role'],
    ['both Action and NotAction', { Statement: statement({ NotAction: 'kms:Encrypt' }) }, 'either Action or NotAction'],
    ['an action of another service', { Statement: statement({ Action: 's3:GetObject' }) }, 'not an action of KMS'],
    ['a resource', { Statement: statement({ Resource: 'arn:aws:kms:r:1:key/x' }) }, 'Resource'],
    ['an operator that nobody knows', { Statement: test('StringEqual', image, 'a') }, 'no such operator'],
    ['an operator of the prototype', { Statement: test('constructor', image, 'a') }, 'no such operator'],
    ['Null with IfExists', { Statement: test('NullIfExists', image, 'true') }, 'no such operator'],
    ['a key that nobody knows', { Statement: test('StringEquals', 'kms:ViaService', 'a') }, 'no such condition key'],
    ['a register that is not there', { Statement: test('StringEquals', `${image.slice(0, 25)}PCR32`, 'a') }, 'PCR32'],
    ['a policy variable', { Statement: test('StringEquals', context, '${aws:username}') }, 'variables'],
    ['dates compared as text', { Statement: test('StringEquals', 'aws:CurrentTime', '2026') }, 'does not compare'],
    ['no date', { Statement: test('DateLessThan', 'aws:CurrentTime', 'tomorrow') }, 'takes dates'],
    ['no truth', { Statement: test('Null', image, 'yes') }, 'takes true or false'],
    ['many values without a set operator', { Statement: test('StringEquals', contextKeys, 'a') }, 'many values'],
    ['one value with a set operator', { Statement: test('ForAllValues:StringEquals', image, 'a') }, 'one value'],
    ['a number', { Statement: test('StringEquals', image, 7 as unknown as string) }, 'Condition'],
  ])('is refused with %s in it, since it could mean something', (_, change, message) => {
    expect(() => readPolicy({ Version: '2012-10-17', Statement: statement(), ...change })).toThrow(message)
  })
})

function test(operator: string, key: string, value: string) {
  return statement({ Condition: { [operator]: { [key]: value } } })
}
