import type { Mpc } from '@quorate/shared/mpc'
import { digestOf } from '@quorate/shared/crypto/sign'
import { describesKey } from '@quorate/shared/verify/certificate'
import { verifyInForce, verifySuccessor } from '@quorate/shared/verify/refresh'
import type { Certificate } from '@quorate/shared/wire/certificate'
import { MAX_CERTIFICATES } from '@quorate/shared/wire/routes/keys'
import type { Context } from '../context.ts'
import { refuse } from '../errors.ts'
import { holdKey, sessionSecretOf, verifiedKey, type Key } from '../key.ts'

/**
 * The key at the epoch that follows: same people, same hosts, same group key, signed by every host, naming the certificate
 * before. The hosts have proved themselves when the key was made, and sign with the same keys. Throws `certificate.invalid`.
 */
export async function succeed(mpc: Mpc, key: Key, next: Certificate): Promise<Key> {
  const { digest } = await verifySuccessor(verifiedKey(key), next)
  if (!describesKey(mpc, next.body)) return refuse('certificate.invalid')
  return holdKey(key.gateway, next, digest, sessionSecretOf(key), [...key.earlier, key.certificate])
}

/**
 * The key at its present epoch, each certificate on the way verified against the one before, and that all hosts have installed it. Throws
 * `certificate.invalid` for a history that is not that of this key, `receipt.invalid` for an epoch without the word of every host, and `reply.mismatch` for one that ends before the epoch that is known here.
 */
export async function latestKey(context: Context, key: Key, signal?: AbortSignal): Promise<Key> {
  const { keyId } = key
  const query = { from: String(key.certificate.body.epoch) }
  const reader = await context.readerOf(keyId, sessionSecretOf(key))
  const reply = await reader('listCertificates', { params: { keyId }, query, signal })
  const [own, ...later] = reply.epochs
  if (reply.keyId !== keyId || own === undefined) return refuse('reply.mismatch')
  if (digestOf('certificate', own.certificate.body) !== key.digest) return refuse('certificate.invalid')
  const mpc = await context.mpc()
  let latest = key
  for (const { certificate, installed } of later) {
    latest = await succeed(mpc, latest, certificate)
    await verifyInForce(verifiedKey(latest), installed)
  }
  const known = context.known.epochOf(latest)
  if (reply.epochs.length === MAX_CERTIFICATES) return latestKey(context, latest, signal)
  return known > latest.certificate.body.epoch ? refuse('reply.mismatch') : latest
}
