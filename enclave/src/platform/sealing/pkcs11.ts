import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { loadCryptoki, type Bytes, type Cryptoki, type Mechanism } from './cryptoki.ts'
import { gcmMechanism, ivLength, tagLength, words } from './cryptoki-structures.ts'
import { check, checkOpened, inSession, keep, type HsmKey, type HsmSession } from './hsm-session.ts'
import type { KeyWrapper } from './wrapping.ts'

/** `library`: the module's path in the image. */
export type Pkcs11Parts = Readonly<HsmKey & { library: string; mechanism: Mechanism; pin: () => Promise<Bytes> }>

const longestOutput = 4096

/**
 * An AES-256 key in an HSM behind PKCS #11. Who has the PIN, and a way to the HSM, can decrypt with it. A wrapped secret is
 * IV ‖ ciphertext ‖ tag (NIST SP 800-38D), with either mechanism. Throws a plain Error when there is no such module.
 */
export function wrapWithPkcs11({ library, token, key, mechanism, pin }: Pkcs11Parts): KeyWrapper {
  const hsm = loadCryptoki(library)
  const withKey = async <T>(use: (open: HsmSession) => T): Promise<T> => {
    const secret = await pin()
    try {
      return inSession(hsm, { token, key }, secret, use)
    } finally {
      secret.fill(0)
    }
  }
  return {
    keyId: `pkcs11:token=${encodeURIComponent(token)};object=${encodeURIComponent(key)};type=secret-key`,
    wrap: (secret, bound) => withKey((open) => encrypt(hsm, open, mechanism, Uint8Array.from(secret), own(bound))),
    unwrap: (wrapped, bound) => withKey((open) => decrypt(hsm, open, mechanism, own(wrapped), own(bound))),
    random: (length) =>
      withKey(({ session }) => {
        const bytes = new Uint8Array(length)
        check(hsm.C_GenerateRandom(session, bytes, BigInt(length)))
        return bytes
      }),
  }
}

/** A copy in a buffer of its own, so that an address in it stays good. */
const own = (bytes: Uint8Array): Bytes => Uint8Array.from(bytes)

/** Wipes the secret. */
function encrypt(
  hsm: Cryptoki,
  { session, key }: HsmSession,
  name: Mechanism,
  secret: Bytes,
  bound: Bytes,
): Uint8Array {
  // Some modules take this vector, some put their own in its place; CloudHSM's takes none and gives its own with the ciphertext.
  const iv = name === 'aes-gcm' ? own(randomBytes(ivLength)) : null
  const output = createOutput()
  try {
    keep(gcmMechanism(hsm.addressOf, name, iv, bound), (mechanism) => {
      check(hsm.C_EncryptInit(session, mechanism, key))
      check(hsm.C_Encrypt(session, secret, BigInt(secret.length), output.bytes, output.length))
    })
    const wrapped = Uint8Array.from([...(iv ?? []), ...output.read()])
    if (wrapped.length !== ivLength + secret.length + tagLength) throw new Refusal('kms.invalid')
    return wrapped
  } finally {
    secret.fill(0)
  }
}

function decrypt(
  hsm: Cryptoki,
  { session, key }: HsmSession,
  name: Mechanism,
  wrapped: Bytes,
  bound: Bytes,
): Uint8Array {
  if (wrapped.length < ivLength + tagLength) throw new Refusal('kms.denied')
  const iv = name === 'aes-gcm' ? own(wrapped.subarray(0, ivLength)) : null
  const sealed = iv === null ? wrapped : own(wrapped.subarray(ivLength))
  const output = createOutput()
  try {
    keep(gcmMechanism(hsm.addressOf, name, iv, bound), (mechanism) => {
      check(hsm.C_DecryptInit(session, mechanism, key))
      checkOpened(hsm.C_Decrypt(session, sealed, BigInt(sealed.length), output.bytes, output.length))
    })
    return output.read()
  } finally {
    output.bytes.fill(0)
  }
}

/** Room for what a call gives, and for how long it is. */
function createOutput() {
  const [bytes, length] = [new Uint8Array(longestOutput), words(BigInt(longestOutput))]
  const read = () => Uint8Array.from(bytes.subarray(0, Number(new BigUint64Array(length.buffer)[0])))
  return { bytes, length, read }
}
