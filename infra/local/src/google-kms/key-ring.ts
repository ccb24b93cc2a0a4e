import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { GoogleError } from './google-error.ts'

/** One version of a symmetric key with protection level HSM: in this stub, 32 bytes in the memory of a process. */
export type HeldVersion = {
  readonly name: string
  readonly secret: Uint8Array
  state: 'ENABLED' | 'DISABLED'
  /** What `cryptoKeyVersions.get` gives as `attestation`. */
  attestation: object | null
}

/** Versions by their resource names. */
export type KeyRing = ReadonlyMap<string, HeldVersion>

export const makeVersion = (name: string, attestation: object | null = null): HeldVersion => ({
  name,
  secret: Uint8Array.from(randomBytes(32)),
  state: 'ENABLED',
  attestation,
})

/** The version that is named, or the highest of the key that is named. Throws a `GoogleError`. */
export function versionOf(ring: KeyRing, name: string): HeldVersion {
  const held = ring.get(name) ?? [...ring.values()].findLast((version) => keyOf(version.name) === name)
  if (held === undefined) throw new GoogleError('NOT_FOUND', `${name} not found.`)
  if (held.state !== 'ENABLED')
    throw new GoogleError('FAILED_PRECONDITION', `${held.name} is not enabled, current state is: ${held.state}.`)
  return held
}

export const keyOf = (version: string): string => version.replace(/\/cryptoKeyVersions\/\d+$/, '')

/*
 * A ciphertext of the stub: length of the version's number, that number, nonce (12), AES-256-GCM ciphertext and tag. Google's own
 * form is not published; its users may not look into it either.
 */
const nonceLength = 12
const tagLength = 16

export function encrypt({ name, secret }: HeldVersion, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
  const number = Buffer.from(name.split('/').at(-1) ?? '')
  const nonce = randomBytes(nonceLength)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.concat([number, associated]))
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return Uint8Array.from([number.length, ...number, ...nonce, ...sealed])
}

/** Throws `INVALID_ARGUMENT` unless a version of this key made it for this associated data. */
export function decrypt(ring: KeyRing, key: string, ciphertext: Uint8Array, associated: Uint8Array): Uint8Array {
  const end = 1 + (ciphertext[0] ?? 0)
  const number = Buffer.from(ciphertext.subarray(1, end))
  const held = ring.get(`${key}/cryptoKeyVersions/${number.toString('latin1')}`)
  if (held === undefined || ciphertext.length < end + nonceLength + tagLength) return refuse()
  versionOf(ring, held.name)
  try {
    const nonce = ciphertext.subarray(end, end + nonceLength)
    const decipher = createDecipheriv('aes-256-gcm', held.secret, nonce, { authTagLength: tagLength })
    decipher.setAAD(Buffer.concat([number, associated])).setAuthTag(ciphertext.subarray(-tagLength))
    const sealed = ciphertext.subarray(end + nonceLength, -tagLength)
    return Uint8Array.from(Buffer.concat([decipher.update(sealed), decipher.final()]))
  } catch {
    return refuse()
  }
}

const refuse = (): never => {
  throw new GoogleError('INVALID_ARGUMENT', "Decryption failed: verify that 'name' refers to the correct CryptoKey.")
}
