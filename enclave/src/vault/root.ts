import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { openWith, sealWith } from '@quorate/shared/crypto/aead'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import { Base64url } from '@quorate/shared/wire/ids'
import * as z from 'zod'
import type { SealingKms } from '../platform/kms.ts'
import type { Nsm } from '../platform/nsm.ts'

/*
 * The root secret: 32 bytes made in the enclave on its first boot, from which all its keys come. The gateway keeps it,
 * sealed under a data key that KMS gives to this image only, with the document that proves its birth.
 */
const SealedRoot = z.strictObject({
  version: z.literal(2),
  keyId: z.string().max(256),
  wrappedKey: Base64url,
  /** 32 bytes of the enclave's, mixed with KMS's key. Not secret. */
  salt: Base64url,
  sealed: Base64url,
  birth: Base64url,
})

type Sealer = Readonly<{ kms: SealingKms; enclaveId: string }>

const encryptionContext = (enclaveId: string) => ({ 'quorate:purpose': 'root', 'quorate:enclave': enclaveId })
const place = (enclaveId: string, keyId: string) => ['root', 2, enclaveId, keyId]

/** 32 bytes from the NSM, the kernel and KMS together, so that none of them alone decides them. The caller owns them. Throws `kms.*`. */
export async function drawRoot(nsm: Nsm, kms: SealingKms): Promise<Uint8Array> {
  // The one that fails most comes first, when there is nothing to wipe yet.
  const sources = [await kms.random(32), await nsm.random(32), randomBytes(32)]
  const material = new Uint8Array(sources.flatMap((bytes) => [...bytes]))
  const root = deriveKey(material, 'root')
  for (const bytes of [...sources, material]) bytes.fill(0)
  return root
}

/**
 * The root secret and its birth document, for the gateway to keep. It has been opened again before it is given away, since KMS's
 * envelope has no checksum: a root under a key that KMS never gives back would be lost with the next restart. Throws `kms.*`.
 */
export async function sealRoot(sealer: Sealer, root: Uint8Array, birth: Uint8Array): Promise<Uint8Array> {
  const { kms, enclaveId } = sealer
  const { plaintext, ciphertext, keyId } = await kms.generateDataKey(encryptionContext(enclaveId))
  const salt = randomBytes(32)
  const key = mix(plaintext, salt)
  const sealed = sealWith(key, place(enclaveId, keyId), root)
  key.fill(0)
  const sealedRoot = encode({
    version: 2,
    keyId,
    wrappedKey: toBase64url(ciphertext),
    salt: toBase64url(salt),
    sealed: toBase64url(sealed),
    birth: toBase64url(birth),
  })
  if (!(await opens(sealer, sealedRoot))) throw new Refusal('kms.invalid')
  return sealedRoot
}

async function opens(sealer: Sealer, sealedRoot: Uint8Array): Promise<boolean> {
  try {
    const { root } = await openRoot(sealer, sealedRoot)
    root.fill(0)
    return true
  } catch (error) {
    if (error instanceof Refusal && error.code === 'root.invalid') return false
    throw error
  }
}

/**
 * Opens a sealed root. Throws `root.invalid` for whatever was not sealed for this enclave, `kms.*` when KMS says no. Who
 * sealed it is not known before the birth document is verified: `verifyBirth`. The caller owns the secret.
 */
export async function openRoot(
  { kms, enclaveId }: Sealer,
  sealedRoot: Uint8Array,
): Promise<{ root: Uint8Array; birth: Uint8Array }> {
  const blob = parseSealedRoot(sealedRoot)
  const { plaintext, keyId } = await kms.decrypt(fromBase64url(blob.wrappedKey), encryptionContext(enclaveId))
  const key = mix(plaintext, fromBase64url(blob.salt))
  try {
    if (keyId !== blob.keyId) throw new Refusal('root.invalid')
    const root = openWith(key, place(enclaveId, keyId), fromBase64url(blob.sealed))
    return { root, birth: fromBase64url(blob.birth) }
  } catch {
    throw new Refusal('root.invalid')
  } finally {
    key.fill(0)
  }
}

/** KMS may give the same key twice, or be made to: what is sealed under never is the same. Wipes the data key. */
function mix(dataKey: Uint8Array, salt: Uint8Array): Uint8Array {
  const material = new Uint8Array([...dataKey, ...salt])
  dataKey.fill(0)
  const key = deriveKey(material, 'root-seal')
  material.fill(0)
  return key
}

function parseSealedRoot(sealedRoot: Uint8Array): z.infer<typeof SealedRoot> {
  try {
    return SealedRoot.parse(decode(sealedRoot))
  } catch {
    throw new Refusal('root.invalid')
  }
}
