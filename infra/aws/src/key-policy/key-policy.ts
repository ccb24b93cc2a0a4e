import { readPcrs, startOf, type AcceptedImage } from './image.ts'
import { readEnclaveIds, readRoles } from './principals.ts'

/**
 * What a key policy is made of. `images`: none while the key waits for its first image; else exactly one that stays, and
 * beside it those that a rolling upgrade leaves, each with its end. `now` in ms: an end must lie after it.
 */
export type KeyPolicyRequest = Readonly<{
  account: string
  administrators: readonly string[]
  enclaveRoles: readonly string[]
  enclaveIds: readonly string[]
  images: readonly AcceptedImage[]
  now: number
}>

type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>

export type Statement = Readonly<{
  Sid: string
  Effect: 'Allow' | 'Deny'
  Principal: Readonly<{ AWS: string | readonly string[] }>
  Action: readonly string[]
  Resource: '*'
  Condition?: Condition
}>

export type KeyPolicy = Readonly<{ Version: '2012-10-17'; Id: string; Statement: readonly Statement[] }>

/** What the field of AWS KMS takes. */
const longestPolicy = 32_768

/** Without deletion, grants and use. Deleting the key begins with a change of this policy, which raises an alarm. */
const administration = [
  'kms:CancelKeyDeletion',
  'kms:DescribeKey',
  'kms:DisableKey',
  'kms:EnableKey',
  'kms:EnableKeyRotation',
  'kms:GetKeyPolicy',
  'kms:GetKeyRotationStatus',
  'kms:ListGrants',
  'kms:ListKeyPolicies',
  'kms:ListResourceTags',
  'kms:PutKeyPolicy',
  'kms:RevokeGrant',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:UpdateKeyDescription',
]

/** What an enclave needs to seal and open its root (enclave/src/vault/root.ts), and no more. */
const sealing = ['kms:Decrypt', 'kms:GenerateDataKey']

/** All that gives plaintext, moves a ciphertext to another key, or hands the right to do so to somebody else. */
const use = [
  'kms:CreateGrant',
  'kms:Decrypt',
  'kms:DeriveSharedSecret',
  'kms:Encrypt',
  'kms:GenerateDataKey*',
  'kms:ReEncrypt*',
]

const forbiddenToEnclaves = [
  'kms:CancelKeyDeletion',
  'kms:CreateGrant',
  'kms:DeleteImportedKeyMaterial',
  'kms:Disable*',
  'kms:Enable*',
  'kms:PutKeyPolicy',
  'kms:RetireGrant',
  'kms:RevokeGrant',
  'kms:ScheduleKeyDeletion',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:Update*',
]

const attestation = 'kms:RecipientAttestation:'

/**
 * The policy of the key that seals the roots of enclaves: administrators cannot decrypt, enclave hosts cannot administer, and
 * a key is given to these images only. Equal requests give equal policies, in whatever order their lists stand. Throws a
 * plain Error that says what is wrong.
 */
export function makeKeyPolicy(request: KeyPolicyRequest): KeyPolicy {
  const administrators = readRoles(request.administrators, request.account, 'administrators')
  const enclaveRoles = readRoles(request.enclaveRoles, request.account, 'enclave roles')
  const both = administrators.find((arn) => enclaveRoles.includes(arn))
  if (both !== undefined) throw new Error(`who administers the key must not use it: ${both}`)
  const enclaveIds = readEnclaveIds(request.enclaveIds)
  const images = readImages(request.images, request.now)
  const policy: KeyPolicy = {
    Version: '2012-10-17',
    Id: 'quorate-sealing-key',
    Statement: [
      statement('Administration', 'Allow', administrators, administration),
      ...images.map((image) => serveImage(image, enclaveRoles, enclaveIds)),
      statement('NothingWithoutAttestation', 'Deny', '*', use, { Null: { [`${attestation}ImageSha384`]: 'true' } }),
      statement('NoAdministrationByEnclaveHosts', 'Deny', enclaveRoles, forbiddenToEnclaves),
    ],
  }
  if (formatKeyPolicy(policy).length > longestPolicy) throw new Error('the policy is longer than KMS takes')
  return policy
}

/** As it is stored and applied: JSON with a newline at its end. */
export const formatKeyPolicy = (policy: KeyPolicy): string => `${JSON.stringify(policy, null, 2)}\n`

const statement = (
  Sid: string,
  Effect: Statement['Effect'],
  AWS: Statement['Principal']['AWS'],
  Action: readonly string[],
  Condition?: Condition,
): Statement => ({ Sid, Effect, Principal: { AWS }, Action, Resource: '*', ...(Condition && { Condition }) })

function readImages(images: readonly AcceptedImage[], now: number): readonly AcceptedImage[] {
  const read = images.map(({ pcrs, until }) => ({ pcrs: readPcrs(pcrs), until }))
  if (new Set(read.map(({ pcrs }) => pcrs['0'])).size !== read.length) throw new Error('images: each PCR0 once')
  for (const { until } of read)
    if (until !== null && startOf(until) <= now) throw new Error(`images: this end is past: ${until}`)
  if (read.length > 0 && read.filter(({ until }) => until === null).length !== 1)
    throw new Error('images: exactly one stays; each of the others has an end')
  return read.toSorted((a, b) => (String(a.pcrs['0']) < String(b.pcrs['0']) ? -1 : 1))
}

/** The end stands in the statement's name for people, and in its condition for KMS. */
function serveImage(
  { pcrs, until }: AcceptedImage,
  roles: readonly string[],
  enclaveIds: readonly string[],
): Statement {
  const registers = Object.entries(pcrs).map(([index, value]) => [
    `${attestation}${index === '0' ? 'ImageSha384' : `PCR${index}`}`,
    value,
  ])
  const end = until === null ? {} : { DateLessThan: { 'aws:CurrentTime': `${until}T00:00:00Z` } }
  const name = `Image${(pcrs['0'] ?? '').slice(0, 12)}${until === null ? '' : `Until${until.replaceAll('-', '')}`}`
  return statement(name, 'Allow', roles, sealing, {
    StringEquals: {
      'kms:EncryptionContext:quorate:enclave': enclaveIds,
      'kms:EncryptionContext:quorate:purpose': 'root',
    },
    'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['quorate:enclave', 'quorate:purpose'] },
    StringEqualsIgnoreCase: Object.fromEntries(registers) as Record<string, string>,
    ...end,
  })
}
