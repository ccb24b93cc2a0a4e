import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { Refusal } from '@quorate/shared/errors'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { deriveKey } from '@quorate/shared/crypto/hkdf'
import { openWith, sealWith } from '@quorate/shared/crypto/aead'
import { fromBase64url, toBase64url } from '@quorate/shared/wire/bytes'
import { Base64url } from '@quorate/shared/wire/ids'
import * as z from 'zod'
import type { AskKeyService } from './key-service.ts'
import type { KeyWrapper } from './wrapping.ts'

/** `keyId`: the key identifier with its version, as the service answers with it. A256KW is for `oct-HSM` keys of a Managed HSM. */
export type AzureKey = Readonly<{ keyId: string; algorithm: 'RSA-OAEP-256' | 'A256KW' }>

const version = 'api-version=7.4'

/** KeyOperationResult of the REST API. */
const KeyOperation = z.object({ kid: z.string(), value: Base64url.check(z.maxLength(2048)) })
const RandomBytes = z.object({ value: Base64url.check(z.maxLength(2048)) })

const Disabled = z.object({ error: z.object({ innererror: z.object({ code: z.literal('KeyDisabled') }) }) })

/** How Azure says with a 403 that the key is switched off. */
export const meansDisabledAtAzure = (body: unknown): boolean => Disabled.safeParse(body).success

/**
 * Neither algorithm authenticates anything beside the key that it wraps. So what Azure wraps is a secret of the enclave's, and
 * what is asked to be wrapped lies beside it, sealed under a key that comes from that secret, with `bound` as associated data.
 */
const Wrapped = z.strictObject({ version: z.literal(1), wrappedKey: Base64url, sealed: Base64url })
const place = (keyId: string, bound: Uint8Array) => ['azure', 1, keyId, toBase64url(bound)]

/** A key of Azure Key Vault or of a Managed HSM. Who holds a token for it can unwrap with it. */
export function wrapWithAzure(ask: AskKeyService, { keyId, algorithm }: AzureKey): KeyWrapper {
  const use = async (operation: 'wrapkey' | 'unwrapkey', value: Uint8Array): Promise<Uint8Array> => {
    const body = { alg: algorithm, value: toBase64url(value) }
    const answer = KeyOperation.safeParse(await ask({ method: 'POST', url: `${keyId}/${operation}?${version}`, body }))
    if (!answer.success || answer.data.kid !== keyId) throw new Refusal('kms.invalid')
    return fromBase64url(answer.data.value)
  }

  return {
    keyId,
    wrap: async (secret, bound) => {
      const inner = randomBytes(32)
      try {
        const wrappedKey = toBase64url(await use('wrapkey', inner))
        const sealed = withInnerKey(inner, (key) => sealWith(key, place(keyId, bound), secret))
        return encode({ version: 1, wrappedKey, sealed: toBase64url(sealed) })
      } finally {
        inner.fill(0)
      }
    },
    unwrap: async (wrapped, bound) => {
      const { wrappedKey, sealed } = parseWrapped(wrapped)
      const inner = await use('unwrapkey', fromBase64url(wrappedKey))
      try {
        return withInnerKey(inner, (key) => openWith(key, place(keyId, bound), fromBase64url(sealed)))
      } catch {
        throw new Refusal('kms.denied')
      } finally {
        inner.fill(0)
      }
    },
    random: async (length) => {
      if (algorithm === 'A256KW') return askRandom(ask, keyId, length)
      // Key Vault has no randomness to give, but each ciphertext of RSAES-OAEP holds a seed that it has drawn (RFC 8017 §7.1.1).
      const seeded = await use('wrapkey', new Uint8Array(32))
      return hkdf(sha256, seeded, undefined, utf8ToBytes('quorate/v1/azure-random'), length)
    },
  }
}

/** At most so many bytes come with one call of `rng`. */
const mostRandom = 128

/** `rng` of a Managed HSM. */
async function askRandom(ask: AskKeyService, keyId: string, length: number): Promise<Uint8Array> {
  const url = `${new URL(keyId).origin}/rng?${version}`
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += mostRandom) {
    const count = Math.min(mostRandom, length - at)
    const answer = RandomBytes.safeParse(await ask({ method: 'POST', url, body: { count } }))
    const drawn = answer.success ? fromBase64url(answer.data.value) : null
    if (drawn?.length !== count) throw new Refusal('kms.invalid')
    bytes.set(drawn, at)
  }
  return bytes
}

function withInnerKey<T>(inner: Uint8Array, use: (key: Uint8Array) => T): T {
  const key = deriveKey(inner, 'azure-sealing')
  try {
    return use(key)
  } finally {
    key.fill(0)
  }
}

function parseWrapped(wrapped: Uint8Array): z.infer<typeof Wrapped> {
  try {
    return Wrapped.parse(decode(wrapped))
  } catch {
    throw new Refusal('kms.denied')
  }
}
