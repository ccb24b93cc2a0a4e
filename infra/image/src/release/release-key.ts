import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { taggedHash } from '@quorate/shared/crypto/hash'
import { toHex } from '@quorate/shared/wire/bytes'
import { SignKey } from '@quorate/shared/wire/ids'
import type { Manifest, ManifestBody } from '@quorate/shared/wire/manifest'

/** Makes an Ed25519 key (RFC 8410, PKCS #8 as PEM) in a new file that its owner alone may read. Gives the public half, hex. */
export function makeReleaseKey(path: string): SignKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  return publicHalf(privateKey)
}

/** Throws a plain Error for a file that others may read, and for what is no Ed25519 key. */
export function readReleaseKey(path: string): KeyObject {
  const file = openSync(path, 'r')
  try {
    if ((fstatSync(file).mode & 0o077) !== 0) throw new Error(`${path}: others than its owner may read it; chmod 600`)
    const key = createPrivateKey(readFileSync(file))
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${path}: not an Ed25519 key`)
    return key
  } finally {
    closeSync(file)
  }
}

/** The last 32 octets of the SubjectPublicKeyInfo (RFC 8410 §4), hex. */
export const publicHalf = (privateKey: KeyObject): SignKey =>
  SignKey.parse(
    toHex(Uint8Array.from(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-32))),
  )

/** A signature over H(manifest, body). */
export const signManifest = (body: ManifestBody, key: KeyObject): Manifest['signatures'][number] => ({
  key: publicHalf(key),
  signature: toHex(Uint8Array.from(sign(null, taggedHash('manifest', body), key))),
})
