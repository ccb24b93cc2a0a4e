import { randomBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { decode, encode } from '@quorate/shared/seal/cbor'
import { deriveKey } from '@quorate/shared/seal/session-keys'
import { openWith, sealWith } from '@quorate/shared/seal/symmetric'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import { Base64url } from '@quorate/shared/wire/ids'
import { z } from 'zod'
import type { SealingKms } from '../platform/kms.ts'
import type { Nsm } from '../platform/nsm.ts'

/*
 * The root secret: 32 bytes made in the enclave on its first boot, from which all its keys come. The gateway keeps it,
 * sealed under a KMS data key that KMS gives to this image only.
 */
const SealedRoot = z.strictObject({
  version: z.literal(1),
  keyId: z.string().max(256),
  wrappedKey: Base64url,
  sealed: Base64url,
})

type Sealer = { kms: SealingKms; enclaveId: string }

const encryptionContext = (enclaveId: string) => ({ 'quorate:purpose': 'root', 'quorate:enclave': enclaveId })
const place = (enclaveId: string, keyId: string) => ['root', 1, enclaveId, keyId]

/** 32 bytes from the NSM and the kernel together, so that neither alone decides them. */
async function drawRoot(nsm: Nsm): Promise<Uint8Array> {
  const fromNsm = await nsm.random(32)
  const material = new Uint8Array([...fromNsm, ...randomBytes(32)])
  const root = deriveKey(material, 'root')
  material.fill(0)
  fromNsm.fill(0)
  return root
}

/** Makes a root secret and the sealed form of it for the gateway to keep. Throws `kms.*`. The caller owns the secret. */
export async function createRoot(
  { kms, enclaveId }: Sealer,
  nsm: Nsm,
): Promise<{ root: Uint8Array; sealedRoot: Uint8Array }> {
  const { plaintext, ciphertext, keyId } = await kms.generateDataKey(encryptionContext(enclaveId))
  try {
    const root = await drawRoot(nsm)
    const sealed = sealWith(plaintext, place(enclaveId, keyId), root)
    const blob = { version: 1, keyId, wrappedKey: toBase64url(ciphertext), sealed: toBase64url(sealed) }
    return { root, sealedRoot: encode(blob) }
  } finally {
    plaintext.fill(0)
  }
}

/** Inverse of `createRoot`. Throws `root.invalid` for whatever this enclave did not seal, `kms.*` when KMS says no. */
export async function openRoot({ kms, enclaveId }: Sealer, sealedRoot: Uint8Array): Promise<Uint8Array> {
  const blob = parseSealedRoot(sealedRoot)
  const { plaintext, keyId } = await kms.decrypt(fromBase64url(blob.wrappedKey), encryptionContext(enclaveId))
  try {
    if (keyId !== blob.keyId) throw new Refusal('root.invalid')
    return openWith(plaintext, place(enclaveId, keyId), fromBase64url(blob.sealed))
  } catch {
    throw new Refusal('root.invalid')
  } finally {
    plaintext.fill(0)
  }
}

function parseSealedRoot(sealedRoot: Uint8Array): z.infer<typeof SealedRoot> {
  try {
    return SealedRoot.parse(decode(sealedRoot))
  } catch {
    throw new Refusal('root.invalid')
  }
}
