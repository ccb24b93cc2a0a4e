import { openWith, sealWith } from '../crypto/aead.ts'
import { encode } from '../crypto/cbor.ts'
import { deriveKey } from '../crypto/hkdf.ts'
import { decoded } from '../crypto/session-items.ts'
import { Refusal } from '../errors.ts'
import { hasMode, type SchemeName } from '../schemes/table.ts'
import { fromBase64url } from '../wire/bytes.ts'
import { Mode } from '../wire/mode.ts'

/** Seals under S (32 bytes) the mode of a key's items for which nobody names one. */
export const sealMode = (sessionSecret: Uint8Array, keyId: string, mode: Mode): Uint8Array =>
  withModeKey(sessionSecret, keyId, (key) => sealWith(key, ['mode', keyId], encode(mode)))

type Framed = Readonly<{ keyId: string; scheme: SchemeName; sealedMode?: string | undefined }>

/** Inverse of `sealMode`, for a skeleton; the key itself where it seals none. Throws `seal.invalid`, and `tweak.invalid` also for what keys of its scheme have not. */
export function openMode(sessionSecret: Uint8Array, { keyId, scheme, sealedMode }: Framed): Mode {
  if (sealedMode === undefined) return { kind: 'plain' }
  const plaintext = withModeKey(sessionSecret, keyId, (key) =>
    openWith(key, ['mode', keyId], fromBase64url(sealedMode)),
  )
  const mode = Mode.safeParse(decoded(plaintext))
  if (!mode.success || !hasMode(scheme, mode.data)) throw new Refusal('tweak.invalid')
  return mode.data
}

function withModeKey<T>(sessionSecret: Uint8Array, keyId: string, use: (key: Uint8Array) => T): T {
  const key = deriveKey(sessionSecret, 'mode', keyId)
  try {
    return use(key)
  } finally {
    key.fill(0)
  }
}
