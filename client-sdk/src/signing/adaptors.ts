import { MpcError, type Mpc, type PreSigned } from '@quorate/shared/mpc'
import { adapt, extract, proveAdaptor as prove, sumSecrets } from '@quorate/shared/schemes/adaptors'
import { toHex } from '@quorate/shared/wire/bytes'
import { refuse, refusing } from '../errors.ts'
import type { Key } from '../key.ts'
import { signedTask } from './items.ts'
import { resultOfItem, withoutAdaptor, type PreSignedItem, type SignedItem } from './result.ts'
import { signedItem, verifyItem } from './verify.ts'
import { mpcHere } from '../wasm.ts'

/*
 * What people do with pre-signatures, without a gateway. Secrets are 32 bytes. Those that are given are borrowed.
 */

/** For terms of `all`: the point of a secret, with the proof that somebody knows the secret. */
export async function proveAdaptor(secret: Uint8Array): Promise<{ point: string; proof: string }> {
  const mpc = await mpcHere()
  const { point, proof } = orRefuse('adaptor.secret_invalid', () => prove(mpc, secret))
  return { point: toHex(point), proof: toHex(proof) }
}

/** Verifies that whoever learns the secret has the signature of this item under the key. Throws `signature.invalid`. */
export async function verifyPreSignature(key: Key, item: PreSignedItem): Promise<void> {
  const mpc = await mpcHere()
  await refusing(() => Promise.resolve(void verifyItem(mpc, key, item, resultOfItem(item))))
}

/**
 * Makes the signature of a pre-signature: with the secret that it asks for; of terms of `any`, with one of them; of terms of `all`, with all of
 * them, in any order. Whoever sees the signature then has the secret, or the sum of all. Throws `adaptor.secret_invalid`, `signature.invalid`.
 */
export async function completeSignature(
  key: Key,
  item: PreSignedItem,
  secrets: Uint8Array | readonly Uint8Array[],
): Promise<SignedItem> {
  const given = secrets instanceof Uint8Array ? [secrets] : secrets
  const mpc = await mpcHere()
  return refusing(() => {
    verifyItem(mpc, key, item, resultOfItem(item))
    const secret = item.adaptor?.kind === 'all' ? sumOf(mpc, given) : (given[0] ?? new Uint8Array(0)).slice()
    try {
      if (item.adaptor?.kind !== 'all' && given.length !== 1) return refuse('adaptor.secret_invalid')
      const point = orRefuse('adaptor.secret_invalid', () => toHex(mpc.secp256k1.publicKey(secret)))
      const pre = preSignedOf(mpc, key, item).find(({ adaptor }) => toHex(adaptor) === point)
      if (pre === undefined) return refuse('adaptor.secret_invalid')
      const signature = adapt(mpc, pre, secret)
      return Promise.resolve(signedItem(mpc, key, { item: withoutAdaptor(item), signature, publicKey: item.publicKey }))
    } finally {
      secret.fill(0)
    }
  })
}

/**
 * The secret that a signature gives away of the pre-signature that it was made of; of terms of `any`, the one that made it. Of terms of `all` it is
 * their sum, or without those that are `known` what is left of it: the last one. Throws `signature.invalid` for any other signature.
 */
export async function extractSecret(
  key: Key,
  item: PreSignedItem,
  signature: Uint8Array,
  known: readonly Uint8Array[] = [],
): Promise<Uint8Array> {
  const mpc = await mpcHere()
  return refusing(() => {
    verifyItem(mpc, key, item, resultOfItem(item))
    const found = preSignedOf(mpc, key, item).flatMap((pre) => orNone(() => extract(mpc, pre, signature)))
    const [secret] = found
    if (secret === undefined) return refuse('signature.invalid')
    if (known.length === 0) return Promise.resolve(secret)
    const rest = orRefuse('adaptor.secret_invalid', () => sumSecrets(mpc, known, secret))
    secret.fill(0)
    return Promise.resolve(rest)
  })
}

/** By point, what the pre-signatures of an item are of. */
function preSignedOf(mpc: Mpc, key: Key, item: PreSignedItem): PreSigned[] {
  const { publicKey, message, adaptors = [] } = signedTask(mpc, key, item)
  return adaptors.flatMap((adaptor, nth) => {
    const preSignature = item.preSignatures[nth]
    return preSignature === undefined ? [] : [{ publicKey, message, adaptor, preSignature }]
  })
}

const sumOf = (mpc: Mpc, secrets: readonly Uint8Array[]): Uint8Array =>
  orRefuse('adaptor.secret_invalid', () => sumSecrets(mpc, secrets))

function orRefuse<T>(code: 'adaptor.secret_invalid', call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (error instanceof MpcError && error.code !== 'trapped') return refuse(code)
    throw error
  }
}

function orNone<T>(call: () => T): T[] {
  try {
    return [call()]
  } catch (error) {
    if (error instanceof MpcError && error.code !== 'trapped') return []
    throw error
  }
}
