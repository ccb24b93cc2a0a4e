import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { Refusal } from '../errors.ts'
import type { Signer } from './signer.ts'

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

/** An Ed25519 pair (RFC 8032) from its 32-byte seed, which the caller may wipe afterwards. */
export function createSigner(seed: Uint8Array): Promise<Signer> {
  const der = Buffer.concat([PKCS8, seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  const publicKey = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI.length))
  return Promise.resolve({ publicKey, sign: (message) => Promise.resolve(new Uint8Array(sign(null, message, key))) })
}

/** Public keys come back again and again, and making a KeyObject costs as much as verifying. Bounded. */
const imported = new Map<string, KeyObject>()

function importKey(publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey).toString('latin1')
  let key = imported.get(name)
  if (key === undefined) {
    if (publicKey.length !== 32) throw new Refusal('message.invalid')
    key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' })
    if (imported.size >= 4096) imported.clear()
    imported.set(name, key)
  }
  return key
}

/** False for whatever is not a signature of `message` under `publicKey` (32 bytes). */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return Promise.resolve(verify(null, message, importKey(publicKey), signature))
  } catch {
    return Promise.resolve(false)
  }
}
