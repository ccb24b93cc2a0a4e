import * as z from 'zod/mini'
import { readerSeed } from '@quorate/shared/crypto/session-items'
import { openMode } from '@quorate/shared/verify/key-mode'
import { createSigner, digestOf } from '@quorate/shared/crypto/sign'
import { verifyCertificate } from '@quorate/shared/verify/certificate'
import { verifySuccessor } from '@quorate/shared/verify/refresh'
import type { VerifiedKey } from '@quorate/shared/verify/signing'
import { fromHex, toHex } from '@quorate/shared/wire/bytes'
import { KeyId, Random32, type Digest } from '@quorate/shared/wire/ids'
import type { SchemeName } from '@quorate/shared/schemes/table'
import { Certificate, type CertificateBody } from '@quorate/shared/wire/certificate'
import type { Mode } from '@quorate/shared/wire/mode'
import { QuorateError, refuse } from './errors.ts'

/** Some participants of a key, all of whom sign with a key of their own. `groupKey` is in the form of that of the whole key. */
export type Subgroup = Readonly<{ id: string; members: readonly string[]; groupKey: string }>

/** A key whose certificate has been verified. Prints without its session secret; a copy of it is not a key. */
export type Key = Readonly<{
  gateway: string
  keyId: KeyId
  scheme: SchemeName
  threshold: number
  participants: readonly string[]
  /** BIP-340 x-only or Ed25519 public key, 32 bytes, hex. */
  groupKey: string
  /** Those of its participants who have a key of their own in it, in the order of the certificate. */
  subgroups: readonly Subgroup[]
  /** The sub-group of this name. Throws `subgroup.unknown`. */
  subgroup: (id: string) => Subgroup
  /** In which items are signed that name no mode of their own, as the participants agreed. */
  mode: Mode
  /** Who dealt the key, and so has known all of it; null for a key that its hosts drew. */
  dealtBy: string | null
  certificate: Certificate
  /** H(certificate, body), hex: how requests name the key. */
  digest: Digest
  /** Of the epochs before, the oldest first: what was signed then is verified under them. */
  earlier: readonly Certificate[]
}>

/** As files keep it. SECRET: who has it reads messages and signatures of this key; it signs nothing by itself. */
const ExportedKey = z.strictObject({
  format: z.literal('quorate-key/v1'),
  warning: z.string(),
  gateway: z.string(),
  keyId: KeyId,
  sessionSecret: Random32,
  certificate: Certificate,
  earlier: z._default(z.array(Certificate), []),
})
type ExportedKey = z.infer<typeof ExportedKey>

const sessionSecrets = new WeakMap<Key, Uint8Array>()

const noKey = (what: string): QuorateError =>
  new QuorateError('key.invalid', 'client', { issues: [`${what} has no secret: use exportKey and importKey`] })

/** S of a key that was made here. Throws `key.invalid` for a copy, as spread, structuredClone and postMessage make it. */
export function sessionSecretOf(key: Key): Uint8Array {
  const secret = sessionSecrets.get(key)
  if (secret === undefined) throw noKey('a copy of a key')
  return secret
}

/** The key as the shared checks take it. */
export const verifiedKey = ({ certificate, digest }: Key): VerifiedKey => ({ certificate: certificate.body, digest })

/** The key as it was when its certificate had this digest; as it is when it never had. */
export function verifiedKeyOf(key: Key, certificateDigest: string): VerifiedKey {
  const earlier = key.earlier.find(({ body }) => digestOf('certificate', body) === certificateDigest)
  return earlier === undefined
    ? verifiedKey(key)
    : { certificate: earlier.body, digest: digestOf('certificate', earlier.body) }
}

const subgroupsOf = ({ roster, subgroupKeys = [] }: CertificateBody): Subgroup[] => {
  const { participants, subgroups = [] } = roster.skeleton
  return subgroups.map(({ id, members }, at) => ({
    id,
    members: members.map((index) => participants[index - 1]?.userId ?? ''),
    groupKey: subgroupKeys[at] ?? '',
  }))
}

/** What stands beside the data of a key, so that it prints and compares as its data. */
const methods = {
  subgroup(this: Pick<Key, 'subgroups'>, id: string): Subgroup {
    return this.subgroups.find((one) => one.id === id) ?? refuse('subgroup.unknown')
  },
  /** What is stringified is meant to be kept, and would be no key when it is read. */
  toJSON(): never {
    throw noKey('the JSON of a key')
  },
}

const hold = (of: Omit<Key, 'subgroup'>): Key =>
  Object.freeze(Object.assign(Object.create(methods) as typeof methods, of))

/** Only for certificates that have been verified, with their digest. */
export function holdKey(
  gateway: string,
  certificate: Certificate,
  digest: Digest,
  sessionSecret: Uint8Array,
  earlier: readonly Certificate[] = [],
): Key {
  const { roster, groupKey } = certificate.body
  const { keyId, scheme, threshold, participants, dealt } = roster.skeleton
  const names = participants.map(({ userId }) => userId)
  const subgroups = subgroupsOf(certificate.body)
  const key = hold({
    gateway,
    keyId,
    scheme,
    threshold,
    participants: names,
    groupKey,
    subgroups,
    mode: openMode(sessionSecret, roster.skeleton),
    dealtBy: dealt?.by ?? null,
    certificate,
    digest,
    earlier,
  })
  sessionSecrets.set(key, Uint8Array.from(sessionSecret))
  return key
}

/** The key with its session secret, as JSON. Keep it where secrets are kept. */
export function exportKey(key: Key): string {
  const exported: ExportedKey = {
    format: 'quorate-key/v1',
    warning: 'SECRET: whoever reads this file reads what is signed with this key',
    gateway: key.gateway,
    keyId: key.keyId,
    sessionSecret: toHex(sessionSecretOf(key)),
    certificate: key.certificate,
    earlier: [...key.earlier],
  }
  return JSON.stringify(exported, null, 2)
}

/**
 * Inverse of `exportKey`. The certificate's signatures are verified again, and that the secret belongs to it; that its hosts
 * are enclaves was verified when the key was made. Throws `key.invalid` or what is wrong with the certificate.
 */
export async function importKey(text: string): Promise<Key> {
  const exported = parseExported(text)
  const { certificate, gateway, earlier } = exported
  const secret = fromHex(exported.sessionSecret)
  const digest = await verifyHistory([...earlier, certificate])
  const { skeleton } = certificate.body.roster
  const reader = await createSigner(readerSeed(secret))
  if (skeleton.keyId !== exported.keyId || skeleton.readerKey !== toHex(reader.publicKey)) return refuse('key.invalid')
  return holdKey(gateway, certificate, digest, secret, earlier)
}

/** Verifies each certificate, and that each but the first follows the one before. Gives the digest of the last. */
async function verifyHistory([first, ...later]: readonly Certificate[]): Promise<Digest> {
  if (first === undefined) return refuse('key.invalid')
  let key: VerifiedKey = { certificate: first.body, digest: await verifyCertificate(first) }
  for (const next of later) key = await verifySuccessor(key, next)
  return key.digest
}

function parseExported(text: string): ExportedKey {
  try {
    return ExportedKey.parse(JSON.parse(text))
  } catch {
    return refuse('key.invalid')
  }
}
