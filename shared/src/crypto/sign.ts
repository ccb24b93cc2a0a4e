import { createSigner, verifyEd25519 } from '#ed25519'
import { fromHex, toHex } from '../wire/bytes.ts'
import type { Digest } from '../wire/ids.ts'
import { taggedHash, type Tag } from './hash.ts'
import type { Signer } from './signer.ts'

export { createSigner, verifyEd25519 }
export type { Signer }

/** Hex of H(tag, value). */
export const digestOf = (tag: Tag, value: unknown): Digest => toHex(taggedHash(tag, value)) as Digest

/** Signs H(tag, body) and joins body and signature. */
export async function signBody<T>(
  signer: Pick<Signer, 'sign'>,
  tag: Tag,
  body: T,
): Promise<{ body: T; signature: string }> {
  return { body, signature: toHex(await signer.sign(taggedHash(tag, body))) }
}

/** Is `signature` (hex) that of this digest of a body, under `publicKey` (hex)? */
export const verifyDigest = (publicKey: string, digest: Digest, signature: string): Promise<boolean> =>
  verifyEd25519(fromHex(publicKey), fromHex(digest), fromHex(signature))

/** Is `signature` (hex) that of H(tag, body) under `publicKey` (hex)? */
export const verifyBody = (
  publicKey: string,
  tag: Tag,
  { body, signature }: { body: unknown; signature: string },
): Promise<boolean> => verifyDigest(publicKey, digestOf(tag, body), signature)
