import { allows } from '@quorate/aws/policy-language/evaluate'
import type { EncryptionContext } from './ciphertext.ts'
import type { HeldKey } from './key-store.ts'
import { KmsError } from './kms-error.ts'
import type { Attested } from './recipient.ts'

/** Access key id → ARN of the role or user whose it is. */
export type Principals = Readonly<Record<string, string>>

/** Who asks what of a key. `attested`: null for a request without `Recipient`. `now` in ms. */
export type Ask = Readonly<{
  principal: string
  action: string
  context: EncryptionContext
  attested: Attested | null
  now: number
}>

/**
 * Whose access key the `Authorization` header (SigV4) names. The signature itself is not checked: whoever reaches the loopback may
 * call himself anybody of the table. Throws as KMS does when it knows nobody of that name.
 */
export function principalOf(authorization: string | undefined, principals: Principals): string {
  const [, accessKeyId] = /^AWS4-HMAC-SHA256 Credential=([\w-]+)\//.exec(authorization ?? '') ?? []
  if (accessKeyId === undefined) throw new KmsError('MissingAuthenticationTokenException')
  const arn = Object.hasOwn(principals, accessKeyId) ? principals[accessKeyId] : undefined
  if (arn === undefined) throw new KmsError('UnrecognizedClientException')
  return arn
}

/** Throws `AccessDeniedException` unless the key's policy allows it. */
export function permit(key: HeldKey, ask: Ask): void {
  const { principal, action } = ask
  if (!allows(key.policy, { principal, action, keys: conditionKeys(ask) })) throw new KmsError('AccessDeniedException')
}

/** Throws what KMS says of a key that is there and is not to be used. */
export function requireEnabled({ state }: HeldKey): void {
  if (state === 'Disabled') throw new KmsError('DisabledException')
  if (state === 'PendingDeletion') throw new KmsError('KMSInvalidStateException')
}

/** The condition keys of a call; without a document none of RecipientAttestation is there. ImageSha384 is PCR0. */
function conditionKeys({ principal, context, attested, now }: Ask): Record<string, string | string[]> {
  const registers = Object.entries(attested?.pcrs ?? {})
  const pairs = Object.entries(context)
  return {
    'aws:PrincipalArn': principal,
    'aws:CurrentTime': new Date(now).toISOString(),
    'aws:SecureTransport': 'true',
    'kms:EncryptionContextKeys': Object.keys(context),
    ...Object.fromEntries(pairs.map(([name, value]) => [`kms:EncryptionContext:${name}`, value])),
    ...Object.fromEntries(registers.map(([index, value]) => [`kms:RecipientAttestation:PCR${index}`, value])),
    ...(attested?.pcrs['0'] !== undefined && { 'kms:RecipientAttestation:ImageSha384': attested.pcrs['0'] }),
  }
}
