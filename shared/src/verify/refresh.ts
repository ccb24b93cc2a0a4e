import { isSignedBy } from '../consent/signed.ts'
import { isFresh } from '../consent/times.ts'
import { Refusal } from '../errors.ts'
import { digestOf, verifyBody } from '../crypto/sign.ts'
import { makesBy } from '../schemes/table.ts'
import type { Digest } from '../wire/ids.ts'
import type { Certificate } from '../wire/certificate.ts'
import type { Installed, Prepared, RefreshRequest } from '../wire/refresh.ts'
import { verifyCertificate } from './certificate.ts'
import type { VerifiedKey } from './signing.ts'

/** The second participant is another one of this key, and speaks of this request. Throws `refresh.request_invalid`, `consent.expired`. */
async function verifySeconded({ certificate }: VerifiedKey, { body, seconded }: RefreshRequest, now: number) {
  if (seconded === undefined) return
  const { index, scope, givenAt, expiresAt } = seconded.body
  const owner = certificate.roster.registrations[index - 1]?.body
  const isSound =
    owner !== undefined &&
    index !== body.asker &&
    scope.requestDigest === digestOf('refresh', body) &&
    (await isSignedBy(owner, seconded))
  if (!isSound) throw new Refusal('refresh.request_invalid')
  if (!isFresh(givenAt, expiresAt, now)) throw new Refusal('consent.expired', [index])
}

/**
 * Checks a request for a refresh against the key that it is for, and the time (ms), and gives its digest. If a second participant has
 * signed it, that word is checked too. Throws `refresh.unsupported`, `refresh.request_invalid`, `epoch.stale`, or `consent.expired`.
 */
export async function verifyRefreshRequest(key: VerifiedKey, request: RefreshRequest, now: number): Promise<Digest> {
  const { body } = request
  const { skeleton, registrations } = key.certificate.roster
  if (!makesBy(skeleton.scheme, 'refresh')) throw new Refusal('refresh.unsupported')
  const authKey = registrations[body.asker - 1]?.body.authKey
  if (authKey === undefined || body.keyId !== skeleton.keyId) throw new Refusal('refresh.request_invalid')
  if (!(await verifyBody(authKey, 'refresh', request))) throw new Refusal('refresh.request_invalid')
  if (body.certificateDigest !== key.digest || body.epoch !== key.certificate.epoch) throw new Refusal('epoch.stale')
  if (body.expiresAt <= now) throw new Refusal('consent.expired')
  await verifySeconded(key, request, now)
  return digestOf('refresh', body)
}

/** Is `next` the next epoch of the same key: the same people, hosts, group key and keys of sub-groups, and the digest of the one before? */
export const succeeds = ({ certificate, digest }: VerifiedKey, next: Certificate['body']): boolean =>
  next.previous === digest &&
  next.epoch === certificate.epoch + 1 &&
  next.groupKey === certificate.groupKey &&
  next.subgroupKeys?.join() === certificate.subgroupKeys?.join() &&
  digestOf('roster', next.roster) === digestOf('roster', certificate.roster)

/**
 * Checks a certificate against the one before it, which has been verified, and gives it verified. Whether its verifying
 * shares are of the group key takes cryptography, and each host has looked before it signed. Throws `certificate.invalid`.
 */
export async function verifySuccessor(key: VerifiedKey, next: Certificate): Promise<VerifiedKey> {
  if (!succeeds(key, next.body)) throw new Refusal('certificate.invalid')
  return { certificate: next.body, digest: await verifyCertificate(next) }
}

/** One word of every host, in the order of indices, about this very version. Throws `receipt.invalid`, which accuses nobody. */
async function verifyWords(
  { certificate, digest }: VerifiedKey,
  tag: 'prepared' | 'installed',
  words: readonly (Prepared | Installed)[],
): Promise<void> {
  const { keyId, participants } = certificate.roster.skeleton
  if (words.length !== participants.length) throw new Refusal('receipt.invalid')
  for (const { index, host } of participants) {
    const word = words[index - 1]
    const fits =
      word?.body.index === index &&
      word.body.keyId === keyId &&
      word.body.certificateDigest === digest &&
      word.body.epoch === certificate.epoch &&
      (await verifyBody(host.identity.signKey, tag, word))
    if (!fits) throw new Refusal('receipt.invalid')
  }
}

/** Checks that every host has prepared this version, and gives F. Throws `receipt.invalid`. */
export async function verifyPrepared(key: VerifiedKey, prepared: readonly Prepared[]): Promise<Digest> {
  await verifyWords(key, 'prepared', prepared)
  return digestOf('prepared-all', prepared)
}

/**
 * Checks that this version is in force: every host says that it has installed it, over the same F. A host says so only after it has
 * verified what F stands for, that all were prepared. Throws `receipt.invalid`.
 */
export async function verifyInForce(key: VerifiedKey, installed: readonly Installed[]): Promise<void> {
  const [first] = installed
  if (first === undefined) throw new Refusal('receipt.invalid')
  await verifyInstalled(key, first.body.preparedDigest, installed)
}

/** Checks that every host has installed this version over the same F: no share of an older epoch signs any more. */
export async function verifyInstalled(
  key: VerifiedKey,
  preparedDigest: Digest,
  installed: readonly Installed[],
): Promise<void> {
  await verifyWords(key, 'installed', installed)
  if (installed.some(({ body }) => body.preparedDigest !== preparedDigest)) throw new Refusal('receipt.invalid')
}
